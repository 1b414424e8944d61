"""The service google.pubsub.v1.SchemaService: there are no schemas, and only the list of them can be asked for."""

from __future__ import annotations

import grpc

from emulators.pubsub import wire
from emulators.pubsub.api.service import Service
from emulators.pubsub.names import check_project, require_served
from emulators.pubsub.wire import Message


class Schemas(Service):
    """The schemas of a project: none."""

    async def list_schemas(self, request: Message, _: grpc.aio.ServicerContext) -> Message:
        """Serve ListSchemas."""
        require_served(check_project(request.parent), self._projects)
        return wire.ListSchemasResponse()
