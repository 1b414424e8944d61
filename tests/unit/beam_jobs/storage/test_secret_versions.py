"""Secrets are read over gRPC from a server that knows one."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.cloud.secretmanager_v1 import SecretManagerServiceClient
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import SecretManagerServiceGrpcTransport
from google.cloud.secretmanager_v1.types import AccessSecretVersionRequest, AccessSecretVersionResponse, SecretPayload

from beam_jobs.options.anonymisation import AnonymisingSettings, make_anonymiser
from beam_jobs.options.parameters import OptionError
from beam_jobs.storage import secret_versions

KNOWN = "projects/my-project/secrets/logline-anonymise-key/versions/latest"


def access(request: AccessSecretVersionRequest, context: grpc.ServicerContext) -> AccessSecretVersionResponse:
    if request.name != KNOWN:
        context.abort(grpc.StatusCode.PERMISSION_DENIED, "Permission 'secretmanager.versions.access' denied")
    return AccessSecretVersionResponse(payload=SecretPayload(data=b"a-key-that-is-long-enough\n"))


@pytest.fixture(autouse=True)
def secret_manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    method = grpc.unary_unary_rpc_method_handler(
        access, AccessSecretVersionRequest.deserialize, AccessSecretVersionResponse.serialize
    )
    service = "google.cloud.secretmanager.v1.SecretManagerService"
    with ThreadPoolExecutor(1) as threads:
        server = grpc.server(threads)
        port = server.add_insecure_port("127.0.0.1:0")
        server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler(service, {"AccessSecretVersion": method})]
        )
        server.start()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            client = SecretManagerServiceClient(transport=SecretManagerServiceGrpcTransport(channel=channel))
            monkeypatch.setattr(secret_versions, "make_client", lambda: client)
            yield
        server.stop(None).wait()


def settings(key_file: str) -> AnonymisingSettings:
    values = {"anonymise": "hash", "anonymise_key_file": key_file, "redact_query_secrets": "false"}
    return AnonymisingSettings.of(values)


def test_the_key_may_be_a_version_of_a_secret() -> None:
    assert secret_versions.read_secret_version(KNOWN) == b"a-key-that-is-long-enough\n"
    assert make_anonymiser(settings(KNOWN)) is not None


def test_a_secret_that_may_not_be_read_is_one_line() -> None:
    other = KNOWN.replace("latest", "7")
    with pytest.raises(OptionError) as error:
        make_anonymiser(settings(other))
    assert str(error.value) == (
        f"--anonymise_key_file: {other}: cannot be read: 403 Permission 'secretmanager.versions.access' denied"
    )


@pytest.mark.parametrize("name", ["projects/p/secrets/s", "gs://keys/log", "/keys/projects/p/secrets/s/versions/1"])
def test_other_names_are_files(name: str) -> None:
    assert not secret_versions.is_secret_version(name)
