"""What a task makes of each answer of a service: Google's own clients ask a server that answers just that."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import google.auth.exceptions as auth
import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from google.api_core import exceptions as api
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery, storage
from googleapiclient import discovery
from httplib2 import Http, ServerNotFoundError
from requests.exceptions import MissingSchema

from logline.service_errors import NEVER, answering, may_pass

HANGS = 0
# Status and reason of an answer, and whether a task that gets it tries again.
ANSWERS = [
    (400, "invalid", False),
    (400, "jobBackendError", True),
    (400, "tableUnavailable", True),
    (401, "authError", False),
    (403, "accessDenied", False),
    (403, "billingNotEnabled", False),
    (403, "quotaExceeded", True),
    (403, "rateLimitExceeded", True),
    (404, "notFound", False),
    (405, "methodNotAllowed", False),
    (408, "timeout", True),
    (409, "conflict", True),
    (410, "gone", False),
    (412, "conditionNotMet", True),
    (413, "uploadTooLarge", False),
    (422, "unprocessable", False),
    (429, "rateLimitExceeded", True),
    (500, "internalError", True),
    (501, "notImplemented", True),
    (502, "badGateway", True),
    (503, "backendError", True),
    (504, "timeout", True),
]


@contextmanager
def answers(status: int, reason: str = "") -> Iterator[str]:
    """The address of a server that gives this answer to everything, as Google's JSON APIs do, or accepts and hangs."""
    over = Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if status == HANGS:
                over.wait(60)
                return
            error = {"code": status, "message": "so it is", "errors": [{"reason": reason, "message": "so it is"}]}
            body = json.dumps({"error": error}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            over.set()
            server.shutdown()
            thread.join()


@contextmanager
def nowhere() -> Iterator[str]:
    """An address where nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def ask_bigquery(address: str, timeout: float) -> None:
    options = ClientOptions(api_endpoint=address)
    with bigquery.Client(project="p", credentials=AnonymousCredentials(), client_options=options) as client:
        client.get_dataset("d", retry=NEVER, timeout=timeout)


def ask_storage(address: str, timeout: float) -> None:
    options = ClientOptions(api_endpoint=address)
    client = storage.Client(project="p", credentials=AnonymousCredentials(), client_options=options)
    list(client.list_blobs("b", retry=NEVER, timeout=timeout))


def ask_dataflow(address: str, timeout: float) -> None:
    options = ClientOptions(api_endpoint=address)
    http = Http(timeout=timeout)
    service = discovery.build("dataflow", "v1b3", http=http, client_options=options, cache_discovery=False)
    service.projects().locations().jobs().list(projectId="p", location="l").execute(num_retries=0)


def said(ask, address: str = "", timeout: float = 60.0) -> tuple[bool, str]:
    """Whether a task that asks would try again, and its one line."""
    with pytest.raises(AirflowException) as error, answering("The service", missing="it is missing", refused="refused"):
        ask(address, timeout)
    return not isinstance(error.value, AirflowFailException), str(error.value)


@pytest.mark.parametrize("ask", [ask_bigquery, ask_storage, ask_dataflow])
@pytest.mark.parametrize(("status", "reason", "again"), ANSWERS)
def test_only_what_somebody_has_to_mend_is_final(ask, status, reason, again):
    with answers(status, reason) as address:
        tries_again, line = said(ask, address)
    assert tries_again == again
    assert len(line.splitlines()) == 1
    assert address not in line, "a person reads it: what was asked for stands before it"
    if status == 404:
        assert line == "it is missing"
    elif not again:
        # Clients answer a 401 by renewing their credentials, which these cannot.
        assert line.startswith("refused: ")
        assert line.endswith(("so it is", "credentials cannot be refreshed."))
    else:
        assert line.startswith(("The service does not answer (", f"The service cannot do it now ({status}): "))


@pytest.mark.parametrize("ask", [ask_bigquery, ask_storage, ask_dataflow])
def test_who_is_down_or_hangs_is_asked_again(ask):
    with nowhere() as address:
        assert said(ask, address) == (
            True,
            "The service does not answer ([Errno 111] Connection refused): start it, or correct its address",
        )
    with answers(HANGS) as address:
        tries_again, line = said(ask, address, timeout=0.5)
    assert tries_again
    assert "timed out" in line


@pytest.mark.parametrize(
    ("error", "again"),
    [
        # What clients that speak gRPC raise.
        (api.ServiceUnavailable("failed to connect to all addresses"), True),
        (api.DeadlineExceeded("Deadline Exceeded"), True),
        (api.ResourceExhausted("quota"), True),
        (api.Aborted("concurrent"), True),
        (api.Unknown("stream removed"), True),
        (api.Cancelled("by the server"), True),
        (api.InternalServerError("internal"), True),
        (api.RetryError("timeout of 600 s exceeded", ValueError("last")), True),
        (api.PermissionDenied("no"), False),
        (api.Unauthenticated("who"), False),
        (api.InvalidArgument("what"), False),
        # Credentials, and the way to their server.
        (auth.TransportError("metadata server"), True),
        (auth.RefreshError("try later", retryable=True), True),
        (auth.RefreshError("invalid_grant: account not found"), False),
        (auth.DefaultCredentialsError("there are none"), False),
        # The network, and what no network mends.
        (ServerNotFoundError("no such host now"), True),
        (ConnectionResetError(104, "Connection reset by peer"), True),
        (BrokenPipeError(32, "Broken pipe"), True),
        (TimeoutError("timed out"), True),
        (FileNotFoundError(2, "No such file", "key.json"), False),
        (MissingSchema("Invalid URL '127.0.0.1:1'"), False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_errors_of_other_transports_fall_into_the_same_classes(error, again):
    def ask(*_: object) -> None:
        raise error

    tries_again, line = said(ask)
    assert tries_again == again
    assert line.startswith("refused: ") != again


def test_credentials_that_could_not_be_renewed_for_want_of_a_network_are_tried_again():
    error = auth.RefreshError("could not be refreshed")
    error.__cause__ = auth.TransportError("the metadata server does not answer")
    assert may_pass(error)
