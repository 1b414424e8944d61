"""The v1beta3 gRPC API over the service, with the messages of google-cloud-dataflow-client."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.cloud import dataflow_v1beta3 as api
from google.protobuf import any_pb2, json_format
from google.rpc import status_pb2
from grpc_status import rpc_status

from emulators.dataflow.api.authorisation import TokenInterceptor
from emulators.dataflow.api.service import DEFAULT_LOCATION, DataflowService
from emulators.dataflow.errors import ApiError
from emulators.dataflow.launch.request import Launch
from emulators.guard.iam import Access, calling
from emulators.guard.token import Token

_THREADS = 8


def server(service: DataflowService, token: Token, access: Access) -> grpc.Server:
    """Return a gRPC server that is not started yet and listens nowhere yet; what is not a mere look takes the token."""
    made = grpc.server(
        ThreadPoolExecutor(_THREADS, thread_name_prefix="grpc"),
        interceptors=[TokenInterceptor(token, access)],
        options=[("grpc.so_reuseport", 0)],
    )
    made.add_generic_rpc_handlers(_handlers(service, access))
    return made


def _handlers(service: DataflowService, access: Access) -> tuple[Any, ...]:
    def launch(request: Any) -> dict[str, Any]:
        body = {"launchParameter": _to_json(request.launch_parameter)}
        location = request.location or DEFAULT_LOCATION
        return service.launch(request.project_id, location, Launch.from_json(body), validate_only=request.validate_only)

    def create(request: Any) -> dict[str, Any]:
        return service.create_job(request.project_id, request.location or DEFAULT_LOCATION, _to_json(request.job))

    def get(request: Any) -> dict[str, Any]:
        location = request.location or DEFAULT_LOCATION
        return service.get_job(request.project_id, location, request.job_id, _view(request))

    def update(request: Any) -> dict[str, Any]:
        location = request.location or DEFAULT_LOCATION
        mask = ",".join(request.update_mask.paths)
        return service.update_job(request.project_id, location, request.job_id, _to_json(request.job), mask)

    def list_in(request: Any, location: str | None) -> dict[str, Any]:
        return service.list_jobs(
            request.project_id,
            location,
            job_filter=api.ListJobsRequest.Filter(request.filter).name,
            name=request.name,
            view=_view(request),
            page_size=request.page_size,
            page_token=request.page_token,
        )

    def list_messages(request: Any) -> dict[str, Any]:
        pb = api.ListJobMessagesRequest.pb(request)
        return service.list_messages(
            request.project_id,
            request.location or DEFAULT_LOCATION,
            request.job_id,
            minimum_importance=api.JobMessageImportance(request.minimum_importance).name,
            start_time=pb.start_time.ToJsonString() if pb.HasField("start_time") else "",
            end_time=pb.end_time.ToJsonString() if pb.HasField("end_time") else "",
            page_size=request.page_size,
            page_token=request.page_token,
        )

    def get_metrics(request: Any) -> dict[str, Any]:
        return service.get_metrics(request.project_id, request.location or DEFAULT_LOCATION, request.job_id)

    def list_located(request: Any) -> dict[str, Any]:
        return list_in(request, request.location or DEFAULT_LOCATION)

    def list_aggregated(request: Any) -> dict[str, Any]:
        return list_in(request, None)

    services = {
        "JobsV1Beta3": {
            "CreateJob": _method(create, api.CreateJobRequest, api.Job, access),
            "GetJob": _method(get, api.GetJobRequest, api.Job, access),
            "UpdateJob": _method(update, api.UpdateJobRequest, api.Job, access),
            "ListJobs": _method(list_located, api.ListJobsRequest, api.ListJobsResponse, access),
            "AggregatedListJobs": _method(list_aggregated, api.ListJobsRequest, api.ListJobsResponse, access),
        },
        "MessagesV1Beta3": {
            "ListJobMessages": _method(list_messages, api.ListJobMessagesRequest, api.ListJobMessagesResponse, access),
        },
        "MetricsV1Beta3": {"GetJobMetrics": _method(get_metrics, api.GetJobMetricsRequest, api.JobMetrics, access)},
        "FlexTemplatesService": {
            "LaunchFlexTemplate": _method(
                launch, api.LaunchFlexTemplateRequest, api.LaunchFlexTemplateResponse, access
            ),
        },
    }
    return tuple(
        grpc.method_handlers_generic_handler(f"google.dataflow.v1beta3.{name}", methods)
        for name, methods in services.items()
    )


def _method(
    handle: Callable[[Any], dict[str, Any]], request_type: Any, response_type: Any, access: Access
) -> grpc.RpcMethodHandler:
    def answer(request: Any, context: grpc.ServicerContext) -> Any:
        try:
            with calling(access.caller_of_metadata(context.invocation_metadata())):
                found = handle(request)
        except ApiError as error:
            context.abort_with_status(rpc_status.to_status(_status(error)))
        response = response_type()
        json_format.ParseDict(found, response_type.pb(response), ignore_unknown_fields=True)
        return response

    return grpc.unary_unary_rpc_method_handler(
        answer, request_deserializer=request_type.deserialize, response_serializer=response_type.serialize
    )


def _status(error: ApiError) -> status_pb2.Status:
    code, _ = grpc.StatusCode[error.status].value
    details = []
    for detail in error.details:
        violations = api.InvalidTemplateParameters.pb(api.InvalidTemplateParameters())
        json_format.ParseDict(detail, violations, ignore_unknown_fields=True)
        packed = any_pb2.Any()
        packed.Pack(violations)
        details.append(packed)
    return status_pb2.Status(code=code, message=error.message, details=details)


def _to_json(message: Any) -> dict[str, Any]:
    return json_format.MessageToDict(type(message).pb(message))


def _view(request: Any) -> str:
    return str(api.JobView(request.view).name)
