"""A stand-in for Google's Terraform provider: it has the provider's schema and makes nothing.

With it Terraform itself checks the module's arguments, evaluates its expressions, and plans and applies it. A value
that Google would choose is `TYPE.ATTRIBUTE`, unless the provider's documentation says what it is made of.
"""

import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc
import msgpack

HERE = Path(__file__).parent
SCHEMAS = json.loads((HERE / "provider_schema.json").read_text(encoding="utf-8"))["provider_schemas"]
UNKNOWN = msgpack.ExtType(0, b"\0")
AGENT = "{project}.iam.gserviceaccount.com"
COMPUTED = {
    "google_bigquery_default_service_account.email": f"bigquery@{AGENT}",
    "google_kms_crypto_key.id": "{key_ring}/cryptoKeys/{name}",
    "google_kms_key_ring.id": "projects/{project}/locations/{location}/keyRings/{name}",
    "google_project.number": "123456789012",
    "google_project_iam_custom_role.name": "projects/{project}/roles/{role_id}",
    "google_project_service_identity.member": f"serviceAccount:{{service}}@{AGENT}",
    "google_pubsub_topic.id": "projects/{project}/topics/{name}",
    "google_secret_manager_secret.id": "projects/{project}/secrets/{secret_id}",
    "google_service_account.email": f"{{account_id}}@{AGENT}",
    "google_service_account.member": f"serviceAccount:{{account_id}}@{AGENT}",
    "google_service_account.name": f"projects/{{project}}/serviceAccounts/{{account_id}}@{AGENT}",
    "google_storage_project_service_account.email_address": f"storage@{AGENT}",
}
_NESTING = {"single": 1, "list": 2, "set": 3}
_PROTOS, _SERVICES = grpc.protos_and_services("tests/unit/deploy/tfplugin5.proto")


def _block(schema: Mapping[str, Any]) -> Any:
    return _PROTOS.Schema.Block(
        attributes=[
            {"name": name, **attribute, "type": json.dumps(attribute["type"]).encode()}
            for name, attribute in schema["attributes"].items()
        ],
        block_types=[
            {
                "type_name": name,
                "block": _block(nested["block"]),
                "nesting": _NESTING[nested["nesting_mode"]],
                "min_items": nested.get("min_items", 0),
                "max_items": nested.get("max_items", 0),
            }
            for name, nested in schema.get("block_types", {}).items()
        ],
    )


def _chosen(name: str, kind: Any, known: Mapping[str, Any]) -> Any:
    """What Google would choose for an attribute."""
    if name in COMPUTED:
        value = COMPUTED[name]
        return value.format_map(known) if isinstance(value, str) else value
    return {"string": name, "number": 1, "bool": False}[kind] if isinstance(kind, str) else ([], {})[kind[0] == "map"]


class Provider(_SERVICES.ProviderServicer):
    """Answers Terraform's calls for one provider, by its schema alone."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema = schema
        self.config: dict[str, Any] = {}

    def GetSchema(self, request, context):  # noqa: N802
        answer = _PROTOS.GetSchemaResponse(provider={"block": _block(self.schema["provider"]["block"])})
        for kind in ("resource_schemas", "data_source_schemas"):
            for name, schema in self.schema[kind].items():
                getattr(answer, kind)[name].block.CopyFrom(_block(schema["block"]))
        return answer

    def PrepareProviderConfig(self, request, context):  # noqa: N802
        return _PROTOS.PrepareProviderConfigResponse(prepared_config=request.config)

    def Configure(self, request, context):  # noqa: N802
        self.config = msgpack.unpackb(request.config.msgpack)
        return _PROTOS.Empty()

    def ValidateResourceTypeConfig(self, request, context):  # noqa: N802
        return _PROTOS.Empty()

    ValidateDataSourceConfig = ValidateResourceTypeConfig
    Stop = ValidateResourceTypeConfig

    def UpgradeResourceState(self, request, context):  # noqa: N802
        return _PROTOS.ResourceResponse(value={"json": request.raw_state.json})

    def ReadResource(self, request, context):  # noqa: N802
        return _PROTOS.ResourceResponse(value=request.value)

    def PlanResourceChange(self, request, context):  # noqa: N802
        return self._completed("resource_schemas", request.type_name, request.wanted, planned=True)

    def ApplyResourceChange(self, request, context):  # noqa: N802
        return self._completed("resource_schemas", request.type_name, request.wanted, planned=False)

    def ReadDataSource(self, request, context):  # noqa: N802
        return self._completed("data_source_schemas", request.type_name, request.value, planned=False)

    def _completed(self, kind: str, name: str, value: Any, *, planned: bool) -> Any:
        """Answer with the value and what Google would choose, which a plan does not know yet."""
        unpacked = msgpack.unpackb(value.msgpack)
        if unpacked is not None:
            project = unpacked.get("project")
            known = {"project": project if isinstance(project, str) else self.config["project"]}
            self._complete(self.schema[kind][name]["block"], name, unpacked, known, planned=planned)
        return _PROTOS.ResourceResponse(value={"msgpack": msgpack.packb(unpacked)})

    def _complete(
        self, block: Mapping[str, Any], name: str, value: dict[str, Any], known: Mapping[str, Any], *, planned: bool
    ) -> None:
        known = {**known, **{key: one for key, one in value.items() if isinstance(one, str)}}
        for attribute, schema in block["attributes"].items():
            if planned and schema.get("computed") and value[attribute] is None:
                value[attribute] = UNKNOWN
            elif not planned and (
                isinstance(value[attribute], msgpack.ExtType) or (schema.get("computed") and value[attribute] is None)
            ):
                value[attribute] = _chosen(f"{name}.{attribute}", schema["type"], known)
        for nested, schema in block.get("block_types", {}).items():
            inner = value[nested]
            for one in [inner] if isinstance(inner, dict) else inner or []:
                self._complete(schema["block"], f"{name}.{nested}", one, known, planned=planned)


@contextmanager
def serving() -> Iterator[str]:
    """Serve all providers on loopback; yield the value of `TF_REATTACH_PROVIDERS` that makes Terraform use them."""
    with ExitStack() as stack:
        reattach = {}
        for name, schema in SCHEMAS.items():
            server = grpc.server(stack.enter_context(ThreadPoolExecutor(4)))
            port = server.add_insecure_port("127.0.0.1:0")
            _SERVICES.add_ProviderServicer_to_server(Provider(schema), server)
            server.start()
            stack.callback(lambda server=server: server.stop(None).wait())
            reattach[name] = {
                "Protocol": "grpc",
                "ProtocolVersion": 5,
                "Pid": os.getpid(),
                "Test": True,  # Terraform is not to end this process
                "Addr": {"Network": "tcp", "String": f"127.0.0.1:{port}"},
            }
        yield json.dumps(reattach)
