"""The description of BigQuery's API, which `bq` asks for before anything else; bqemulator 1.4.0 has none."""

import json
from functools import cache
from typing import Any

from bqemulator.domain.errors import NotFoundError
from fastapi import APIRouter, FastAPI, Request
from googleapiclient.discovery_cache import get_static_doc

_SERVICE = "bigquery"

router = APIRouter()


@router.get("/$discovery/rest")
def describe(request: Request, version: str = "v2") -> dict[str, Any]:
    """Answer with Google's document, in which the addresses are those of this server.

    Raises:
        NotFoundError: There is no such version.
    """
    document = _document(version)
    if document is None:
        raise NotFoundError(f"Discovery document not found for service {_SERVICE}, version {version}.")
    root = str(request.base_url)
    return {**document, "rootUrl": root, "baseUrl": f"{root}{document['servicePath']}"}


@cache
def _document(version: str) -> dict[str, Any] | None:
    text = get_static_doc(_SERVICE, version)
    # Without its regional servers: nothing of it shall lead off this machine.
    elsewhere = ("endpoints", "mtlsRootUrl")
    return text and {key: value for key, value in json.loads(text).items() if key not in elsewhere}


def serve(app: FastAPI) -> None:
    """Add it to what the emulator answers."""
    app.include_router(router)
