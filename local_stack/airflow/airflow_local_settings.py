"""Point the Google provider at the emulators. Airflow imports this module by its name, at the start of every process.

Cloud Storage and most of BigQuery need nothing: Google's clients read STORAGE_EMULATOR_HOST and
BIGQUERY_EMULATOR_HOST themselves. The rest has no setting in apache-airflow-providers-google 22.8.0, so that the
clients are switched here, each when its module is first imported:

| variable | what it switches |
|---|---|
| DATAFLOW_EMULATOR_HOST | DataflowHook's REST client |
| DATAFLOW_EMULATOR_GRPC_HOST | AsyncDataflowHook's gRPC clients, which the triggers use |
| PUBSUB_EMULATOR_HOST | PubSubAsyncHook's gRPC client, which the trigger of `arrivals` uses; PubSubHook's, where there is a token |
| BIGQUERY_EMULATOR_HOST | BigQueryHook's REST client (check operators), reads through BigQuery Storage (they fall back to REST), gcloud-aio's BigQuery client (triggers) |

Over gRPC the access token that the file of GOOGLE_APPLICATION_CREDENTIALS holds is sent, if it holds one: by it an
emulator knows a service account. With none of the variables set nothing is changed and nothing is imported.
"""  # noqa: E501

import asyncio
import functools
import logging
import os
import sys
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any
from weakref import WeakKeyDictionary

import wrapt

#: Airflow copies the names of this module into airflow.settings: none.
__all__: list[str] = []

logger = logging.getLogger(__name__)

#: What the DAG files import. A scheduler or DAG processor that has them loaded hands them to every process it forks,
#: which saves each task 6 to 15 s of imports.
PRELOADED = (
    "airflow.providers.google.cloud.operators.bigquery",
    "airflow.providers.google.cloud.operators.dataflow",
    "airflow.providers.google.cloud.operators.gcs",
    "airflow.providers.google.cloud.operators.pubsub",
    "airflow.providers.google.cloud.sensors.dataflow",
    "airflow.providers.google.cloud.triggers.gcs",
    "airflow.providers.google.cloud.triggers.pubsub",
    "airflow.providers.standard.operators.hitl",
    "airflow.providers.standard.operators.trigger_dagrun",
)
_FORKING_COMMANDS = {"scheduler", "dag-processor"}


def _send_discovery_clients_to(address: str, service: str, module: Any) -> None:
    """Let the module's discovery clients of one service talk to this address."""
    build = module.build

    def build_emulated(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == service:
            kwargs["client_options"] = {"api_endpoint": address}
        return build(name, *args, **kwargs)

    module.build = build_emulated


def _switch_dataflow(address: str) -> None:
    @wrapt.when_imported("airflow.providers.google.cloud.hooks.dataflow")
    def switch(module: Any) -> None:
        _send_discovery_clients_to(address, "dataflow", module)


def _switch_dataflow_grpc(target: str) -> None:
    @wrapt.when_imported("airflow.providers.google.cloud.hooks.dataflow")
    def switch(module: Any) -> None:
        module.AsyncDataflowHook.initialize_client = _shared_clients(target)


def _shared_clients(target: str) -> Callable[[Any, Any], Awaitable[Any]]:
    """Return an `initialize_client` whose clients talk to this address, one for each event loop and client class.

    The triggers ask for a client with every poll. A channel belongs to its event loop, and every transport of
    google-api-core appends an interceptor to its channel's chain, so that neither may be made at each poll.
    """
    import grpc

    interceptors = [_async_access_token()] if _access_token() else []
    clients: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Any, Any]] = WeakKeyDictionary()

    async def initialize_client(hook: Any, client_class: Any) -> Any:
        of_loop = clients.setdefault(asyncio.get_running_loop(), {})
        if client_class not in of_loop:
            transport = client_class.get_transport_class("grpc_asyncio")
            channel = grpc.aio.insecure_channel(target, interceptors=interceptors)
            of_loop[client_class] = client_class(transport=transport(channel=channel))
        return of_loop[client_class]

    return initialize_client


def _switch_pubsub_grpc(target: str) -> None:
    @wrapt.when_imported("airflow.providers.google.cloud.hooks.pubsub")
    def switch(module: Any) -> None:
        client_of = _shared_clients(target)

        async def subscriber_client(hook: Any) -> Any:
            return await client_of(hook, module.SubscriberAsyncClient)

        module.PubSubAsyncHook._get_subscriber_client = subscriber_client
        if _access_token():
            for name in ("PublisherClient", "SubscriberClient"):
                setattr(module, name, _with_access_token(getattr(module, name), target))


@functools.cache
def _access_token() -> str | None:
    """Return the access token that the credentials of the environment hold; None where they hold none."""
    file = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    if not file:
        return None
    import google.auth

    credentials, _ = google.auth.load_credentials_from_file(file)  # type: ignore[no-untyped-call]
    token: str | None = credentials.token
    return token


def _with_metadata(details: Any) -> Any:
    """Return a call of gRPC with the token: google-auth sends none on a channel without TLS."""
    return details._replace(metadata=[*(details.metadata or ()), ("authorization", f"Bearer {_access_token()}")])


def _with_access_token(client_class: Any, target: str) -> Callable[..., Any]:
    """Return what makes clients that send the token."""
    import grpc

    class AccessToken(grpc.UnaryUnaryClientInterceptor):  # type: ignore[misc]
        def intercept_unary_unary(self, continuation: Callable[[Any, Any], Any], details: Any, request: Any) -> Any:
            return continuation(_with_metadata(details), request)

    def connect(credentials: Any = None, client_options: Any = None, **options: Any) -> Any:
        channel = grpc.intercept_channel(grpc.insecure_channel(target), AccessToken())
        return client_class(transport=client_class.get_transport_class("grpc")(channel=channel), **options)

    return connect


def _async_access_token() -> Any:
    import grpc

    class AccessToken(grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[misc]
        async def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
            return await continuation(_with_metadata(details), request)

    return AccessToken()


def _switch_bigquery(address: str) -> None:
    @wrapt.when_imported("airflow.providers.google.cloud.hooks.bigquery")
    def switch_discovery(module: Any) -> None:
        _send_discovery_clients_to(f"{address}/bigquery/v2/", "bigquery", module)

    @wrapt.when_imported("google.cloud.bigquery.client")
    def switch_storage_reads(module: Any) -> None:
        def no_client(client: Any, bqstorage_client: Any = None, **_: Any) -> Any:
            return bqstorage_client

        module.Client._ensure_bqstorage_client = no_client

    @wrapt.when_imported("gcloud.aio.bigquery.bigquery")
    def switch_aio(module: Any) -> None:
        init_api_root: Callable[[str | None, bool | None], tuple[bool, str]] = module.init_api_root

        # gcloud-aio 7.3.0 puts a scheme before the host, Google's own client wants it in the variable.
        def init_emulated(api_root: str | None, api_is_dev: bool | None = None) -> tuple[bool, str]:
            return init_api_root(api_root or f"{address}/bigquery/v2", api_is_dev)

        module.init_api_root = init_emulated


def _preload() -> None:
    from airflow.exceptions import AirflowOptionalProviderFeatureException

    for name in PRELOADED:
        try:
            import_module(name)
        except (ImportError, AirflowOptionalProviderFeatureException) as error:
            logger.warning("%s cannot be preloaded: %s", name, error)


def _switch(environment: "os._Environ[str]") -> None:
    switches = {
        "DATAFLOW_EMULATOR_HOST": _switch_dataflow,
        "DATAFLOW_EMULATOR_GRPC_HOST": _switch_dataflow_grpc,
        "PUBSUB_EMULATOR_HOST": _switch_pubsub_grpc,
        "BIGQUERY_EMULATOR_HOST": _switch_bigquery,
    }
    wanted = {name: switch for name, switch in switches.items() if environment.get(name)}
    for name, switch in wanted.items():
        switch(environment[name].rstrip("/"))
    if wanted and _FORKING_COMMANDS.intersection(sys.argv):
        _preload()


_switch(os.environ)
