"""The JSON API and the XML API's GET, HEAD, PUT and DELETE of objects, over the store."""

import base64
import gzip
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from emulators.storage.errors import StorageError, invalid
from emulators.storage.names import check_bucket_name, glob_pattern
from emulators.storage.notifications import topic_of
from emulators.storage.permissions import may_publish, require
from emulators.storage.pubsub import PubSub, PubSubError, service_agent
from emulators.storage.records import Conditions, StoredObject, Upload, etag, object_resource
from emulators.storage.requests import Call, headers_and_content
from emulators.storage.store import ObjectStore

_MOST_RESULTS = 1000
_MOST_COMPONENTS = 32
_MOST_BATCHED = 100
_CHUNK = 1 << 20
_RANGE = re.compile(r"bytes=(?:(\d+)-(\d*)|-(\d+))")
_MATCHES = ("ifGenerationMatch", "ifMetagenerationMatch")
#: Names of the checksums in headers, and in resources.
_HASHES = {"crc32c": "crc32c", "md5": "md5Hash"}
#: Fields that a client may set, cf. https://cloud.google.com/storage/docs/json_api/v1/objects#resource.
_WRITABLE = (
    *("acl", "cacheControl", "contentDisposition", "contentEncoding", "contentLanguage", "contentType"),
    *("customTime", "eventBasedHold", "metadata", "storageClass", "temporaryHold"),
)


def application(store: ObjectStore, pubsub: PubSub | None) -> ASGIApp:
    """Return the web application; without Pub/Sub it takes no notification configs."""
    api = _Api(store, pubsub)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        call = Call.of(
            request.method,
            scope["raw_path"].decode("latin-1"),
            scope["query_string"].decode("latin-1"),
            dict(request.headers),
            await request.body(),
        )
        response = await run_in_threadpool(api.answer, call)
        await response(scope, receive, send)

    return answer


class _Api:
    """The calls, each by its method and path."""

    def __init__(self, store: ObjectStore, pubsub: PubSub | None) -> None:
        self._store = store
        self._pubsub = pubsub
        # Google's clients for Node leave out /storage/v1 where STORAGE_EMULATOR_HOST is set.
        api, bucket = "(?:/storage/v1)?/b", "/(?P<bucket>[^/]+)"
        configs, config = f"{api}{bucket}/notificationConfigs", "/(?P<config_id>[^/]+)"
        item, uploads = f"{api}{bucket}/o/(?P<name>[^/]+)", f"(?:/resumable)?(?:/upload)?{api}{bucket}/o"
        target = "/b/(?P<target_bucket>[^/]+)/o/(?P<target>[^/]+)"
        xml = r"/(?!(?:storage|upload|resumable|download|batch)/|b/)(?P<bucket>[^/]+)/(?P<name>.+)"
        calls: list[tuple[str, str, Callable[..., Response]]] = [
            ("GET", "/", lambda _: Response("OK")),
            ("GET", api, self.list_buckets),
            ("POST", api, self.create_bucket),
            ("GET", f"{api}{bucket}", self.get_bucket),
            ("PATCH", f"{api}{bucket}", self.update_bucket),
            ("DELETE", f"{api}{bucket}", self.delete_bucket),
            ("GET", f"{api}{bucket}/storageLayout", self.storage_layout),
            ("GET", f"{api}{bucket}/managedFolders", self.list_managed_folders),
            ("GET", "(?:/storage/v1)?/projects/(?P<project>[^/]+)/serviceAccount", self.service_account),
            ("GET", configs, self.list_notification_configs),
            ("POST", configs, self.create_notification_config),
            ("GET", configs + config, self.get_notification_config),
            ("DELETE", configs + config, self.delete_notification_config),
            ("GET", f"{api}{bucket}/o/?", self.list_objects),
            ("POST", uploads, self.insert),
            ("PUT", uploads, self.continue_upload),
            ("DELETE", uploads, self.end_upload),
            ("GET", item, self.get_object),
            ("GET", f"/download{item}", self.download),
            ("PATCH", item, self.update_object),
            ("PUT", item, self.update_object),
            ("DELETE", item, self.delete_object),
            ("POST", f"{item}/compose", self.compose),
            ("POST", f"{item}/copyTo{target}", self.copy),
            ("POST", f"{item}/rewriteTo{target}", self.rewrite),
            ("POST", "/batch(?:/storage/v1)?", self.batch),
            ("GET", xml, self.download),
            ("HEAD", xml, self.download),
            ("PUT", xml, self.upload_whole),
            ("DELETE", xml, self.delete_object),
        ]
        self._calls = [(method, re.compile(path), handle) for method, path, handle in calls]

    def answer(self, call: Call) -> Response:
        """Answer a request."""
        try:
            for method, path, handle in self._calls:
                if method == call.method and (found := path.fullmatch(call.path)):
                    return handle(call, **{name: _unquote(value) for name, value in found.groupdict().items()})
            raise StorageError(
                501, "notImplemented", f"The Cloud Storage emulator does not offer {call.method} {call.path}."
            )
        except StorageError as error:
            is_read_unless = call.method in ("GET", "HEAD") and call.query.keys().isdisjoint(_MATCHES)
            if error.status == HTTPStatus.PRECONDITION_FAILED and is_read_unless:
                return Response(status_code=HTTPStatus.NOT_MODIFIED)
            return JSONResponse(error.to_json(), error.status)

    # Buckets.

    def list_buckets(self, call: Call) -> Response:
        require("storage.buckets.list")
        items = [_bucket_resource(bucket) for bucket in self._store.buckets(call.query.get("prefix", ""))]
        return JSONResponse({"kind": "storage#buckets", "items": items})

    def create_bucket(self, call: Call) -> Response:
        require("storage.buckets.create")
        resource = call.json()
        return JSONResponse(_bucket_resource(self._store.create_bucket(resource.get("name"), resource)))

    def get_bucket(self, _: Call, bucket: str) -> Response:
        require("storage.buckets.get", bucket)
        return JSONResponse(_bucket_resource(self._store.bucket(bucket)))

    def storage_layout(self, _: Call, bucket: str) -> Response:
        require("storage.objects.list", bucket)
        resource = _bucket_resource(self._store.bucket(bucket))
        layout = {key: resource[key] for key in ("location", "locationType")}
        flat = {"kind": "storage#storageLayout", "bucket": bucket, "hierarchicalNamespace": {"enabled": False}}
        return JSONResponse({**flat, **layout})

    def list_managed_folders(self, _: Call, bucket: str) -> Response:
        require("storage.managedFolders.list", bucket)
        self._store.bucket(bucket)
        return JSONResponse({"kind": "storage#managedFolders", "items": []})  # none can be made here

    def update_bucket(self, call: Call, bucket: str) -> Response:
        require("storage.buckets.update", bucket)
        return JSONResponse(_bucket_resource(self._store.update_bucket(bucket, call.json(), call.conditions())))

    def delete_bucket(self, call: Call, bucket: str) -> Response:
        require("storage.buckets.delete", bucket)
        self._store.delete_bucket(bucket, call.conditions())
        return Response(status_code=HTTPStatus.NO_CONTENT)

    # Notifications: https://cloud.google.com/storage/docs/json_api/v1/notifications.

    def service_account(self, _: Call, project: str) -> Response:
        require("resourcemanager.projects.get")
        return JSONResponse({"kind": "storage#serviceAccount", "email_address": service_agent(f"projects/{project}")})

    def list_notification_configs(self, _: Call, bucket: str) -> Response:
        require("storage.buckets.get", bucket)
        self._store.bucket(bucket)
        answer: dict[str, Any] = {"kind": "storage#notifications"}
        if items := self._store.notifications.of_bucket(bucket):
            answer["items"] = items
        return JSONResponse(answer)

    def create_notification_config(self, call: Call, bucket: str) -> Response:
        require("storage.buckets.update", bucket)
        self._store.bucket(bucket)
        wanted = call.json()
        topic = topic_of(wanted)
        if self._pubsub is None:
            raise StorageError(501, "notImplemented", "The Cloud Storage emulator was started without --pubsub.")
        try:
            is_there = self._pubsub.has_topic(topic)
        except PubSubError as error:
            raise StorageError(503, "backendError", f"Pub/Sub does not answer: {error}") from error
        agent = service_agent(topic)
        if not (is_there and may_publish(agent, topic)):
            raise StorageError(
                403,
                "forbidden",
                f"The service account '{agent}' does not have permission to publish "
                f"messages to the Cloud Pub/Sub topic '{wanted['topic']}', or that topic does not exist.",
            )
        return JSONResponse(self._store.notifications.create(bucket, wanted))

    def get_notification_config(self, _: Call, bucket: str, config_id: str) -> Response:
        require("storage.buckets.get", bucket)
        self._store.bucket(bucket)
        return JSONResponse(self._store.notifications.get(bucket, config_id))

    def delete_notification_config(self, _: Call, bucket: str, config_id: str) -> Response:
        require("storage.buckets.update", bucket)
        self._store.bucket(bucket)
        self._store.notifications.delete(bucket, config_id)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    # Objects.

    def list_objects(self, call: Call, bucket: str) -> Response:
        require("storage.objects.list", bucket)
        if call.is_true("softDeleted"):
            raise StorageError(501, "notImplemented", "The Cloud Storage emulator keeps no deleted objects.")
        glob, query = call.query.get("matchGlob"), call.query
        results = call.number("maxResults") or _MOST_RESULTS
        if results < 0:
            raise invalid(f"Invalid value for maxResults: {results}")
        listing = self._store.list(
            bucket,
            prefix=query.get("prefix", ""),
            delimiter=query.get("delimiter", ""),
            start=max(_position(query.get("pageToken", "")), query.get("startOffset", "").encode()),
            end=query.get("endOffset", "").encode(),
            limit=min(results, _MOST_RESULTS),
            is_listed=glob_pattern(glob).fullmatch if glob else bool,
            with_folders=call.is_true("includeTrailingDelimiter"),
        )
        answer: dict[str, Any] = {"kind": "storage#objects"}
        if listing.objects:
            answer["items"] = [_resource(stored, call) for stored in listing.objects]
        if listing.prefixes:
            answer["prefixes"] = listing.prefixes
        if listing.position is not None:
            answer["nextPageToken"] = base64.urlsafe_b64encode(listing.position).decode()
        return JSONResponse(answer)

    def insert(self, call: Call, bucket: str) -> Response:
        kind = call.query.get("uploadType")
        if "upload_id" in call.query:
            return self.continue_upload(call, bucket)
        if kind == "resumable":
            return self._begin_upload(call, bucket)
        if kind == "multipart":
            resource, content = call.resource_and_content()
        elif kind == "media":
            resource, content = {"contentType": call.headers.get("content-type")}, call.body
            resource["contentEncoding"] = call.headers.get("content-encoding")
        else:
            raise invalid(f"Invalid upload type: {kind}")
        return JSONResponse(_resource(self._put(call, bucket, _named(call, resource), content), call))

    def upload_whole(self, call: Call, bucket: str, name: str) -> Response:
        resource = {"name": name, "contentType": call.headers.get("content-type")}
        resource["contentEncoding"] = call.headers.get("content-encoding")
        stored = self._put(call, bucket, resource, call.body)
        return Response(headers=_object_headers(stored))

    def get_object(self, call: Call, bucket: str, name: str) -> Response:
        require("storage.objects.get", bucket, name)
        if call.query.get("alt") == "media":
            return self.download(call, bucket, name)
        return JSONResponse(
            _resource(self._store.get(bucket, name, call.number("generation"), call.conditions()), call)
        )

    def download(self, call: Call, bucket: str, name: str) -> Response:
        require("storage.objects.get", bucket, name)
        stored, file = self._store.open(bucket, name, call.number("generation"), call.conditions())
        headers = _object_headers(stored)
        if stored.properties.get("contentEncoding") == "gzip":
            if "gzip" not in call.headers.get("accept-encoding", ""):
                # Decompressive transcoding, which ignores ranges: https://cloud.google.com/storage/docs/transcoding.
                with file:
                    return Response(gzip.decompress(file.read()), headers=headers)
            headers["content-encoding"] = "gzip"
        start, end, status = 0, stored.size, HTTPStatus.OK
        if asked := _RANGE.fullmatch(call.headers.get("range", "")):
            start, end = _range(asked, stored.size)
            status = HTTPStatus.PARTIAL_CONTENT
            headers["content-range"] = f"bytes {start}-{end - 1}/{stored.size}"
            if start >= end:
                file.close()
                headers = {"content-range": f"bytes */{stored.size}"}
                return Response(status_code=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=headers)
        headers["content-length"] = str(end - start)
        return StreamingResponse(_chunks(file, start, end), status, headers)

    def update_object(self, call: Call, bucket: str, name: str) -> Response:
        require("storage.objects.update", bucket, name)
        fields = {key: value for key, value in call.json().items() if key in _WRITABLE}

        def change(properties: dict[str, Any]) -> dict[str, Any]:
            if call.method == "PUT":
                properties = {key: value for key, value in properties.items() if key not in _WRITABLE}
            merged = {**properties, **fields}
            if isinstance(custom := fields.get("metadata"), dict) and call.method == "PATCH":
                custom = {**properties.get("metadata", {}), **custom}
                merged["metadata"] = {key: value for key, value in custom.items() if value is not None} or None
            return {key: value for key, value in merged.items() if value is not None}

        stored = self._store.update(bucket, name, change, call.number("generation"), call.conditions())
        return JSONResponse(_resource(stored, call))

    def delete_object(self, call: Call, bucket: str, name: str) -> Response:
        require("storage.objects.delete", bucket, name)
        self._store.delete(bucket, name, call.number("generation"), call.conditions())
        return Response(status_code=HTTPStatus.NO_CONTENT)

    def compose(self, call: Call, bucket: str, name: str) -> Response:
        body = call.json()
        sources = body.get("sourceObjects") or []
        if not 0 < len(sources) <= _MOST_COMPONENTS:
            raise invalid(f"The number of source components provided ({len(sources)}) is not 1 to {_MOST_COMPONENTS}.")
        content, components, last = bytearray(), 0, {}
        for source in sources:
            match = (source.get("objectPreconditions") or {}).get("ifGenerationMatch")
            conditions = Conditions(generation_match=None if match is None else int(match))
            generation = int(source["generation"]) if source.get("generation") else None
            require("storage.objects.get", bucket, source.get("name", ""))
            stored, file = self._store.open(bucket, source.get("name", ""), generation, conditions)
            with file:
                content += file.read()
            components += stored.properties.get("componentCount", 1)
            last = stored.properties
        # gcloud sends the checksums of one of the sources.
        given = {key: value for key, value in (body.get("destination") or {}).items() if key in _WRITABLE}
        resource = {"contentType": last.get("contentType"), **given, "name": name}
        stored = self._put(call, bucket, resource, bytes(content), componentCount=components)
        return JSONResponse(_resource(stored, call))

    def copy(self, call: Call, bucket: str, name: str, target_bucket: str, target: str) -> Response:
        return JSONResponse(_resource(self._copy(call, bucket, name, target_bucket, target), call))

    def rewrite(self, call: Call, bucket: str, name: str, target_bucket: str, target: str) -> Response:
        stored = self._copy(call, bucket, name, target_bucket, target)
        size = str(stored.size)
        answer = {"kind": "storage#rewriteResponse", "done": True, "objectSize": size, "totalBytesRewritten": size}
        return JSONResponse({**answer, "resource": _resource(stored, call)})

    def batch(self, call: Call) -> Response:
        boundary = "batch_of_answers"
        answers, parts = [], call.parts()
        if len(parts) > _MOST_BATCHED:
            raise invalid(f"A batch has up to {_MOST_BATCHED} calls, not {len(parts)}.")
        for headers, content in parts:
            line, _, rest = content.lstrip().partition(b"\n")
            inner, body = headers_and_content(rest.replace(b"\r\n", b"\n"), b"\n")
            method, url, *_ = [*line.decode("latin-1").split(), "", ""]
            address = urlsplit(url)
            inner["host"] = call.headers.get("host", "")
            answer = self.answer(Call.of(method, address.path, address.query, inner, body.strip()))
            content_id = headers.get("content-id", "").replace("<", "<response-", 1)
            head = f"HTTP/1.1 {answer.status_code} {HTTPStatus(answer.status_code).phrase}\r\n"
            fields = "".join(f"{key}: {value}\r\n" for key, value in answer.headers.items())
            part = (
                f"--{boundary}\r\nContent-Type: application/http\r\nContent-ID: {content_id}\r\n\r\n{head}{fields}\r\n"
            )
            answers += [part.encode("latin-1"), bytes(answer.body), b"\r\n"]
        return Response(
            b"".join([*answers, f"--{boundary}--".encode()]), media_type=f"multipart/mixed; boundary={boundary}"
        )

    # Resumable uploads: https://cloud.google.com/storage/docs/performing-resumable-uploads.

    def _begin_upload(self, call: Call, bucket: str) -> Response:
        resource = _named(call, {"contentType": call.headers.get("x-upload-content-type"), **call.json()})
        self._require_writing(bucket, resource["name"])
        upload = self._store.begin_upload(bucket, resource["name"], _properties(resource), call.conditions())
        location = f"{_base(call)}/upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id={upload.id}"
        return Response(headers={"location": location, "x-guploader-uploadid": upload.id})

    def continue_upload(self, call: Call, bucket: str) -> Response:
        upload = self._store.upload(call.query.get("upload_id", ""))
        if upload.finished_as:
            return JSONResponse(_resource(self._store.get(upload.bucket, upload.name, upload.finished_as), call))
        start, total = call.content_range()
        path = self._store.received(upload)
        size = path.stat().st_size
        if start is not None:
            if start > size:
                raise StorageError(503, "backendError", f"Invalid Content-Range: it starts at {start}, not {size}.")
            with path.open("ab") as file:
                file.write(call.body[size - start :])
            size = max(size, start + len(call.body))
        if total is None or size < total:
            received = {"range": f"bytes=0-{size - 1}"} if size else {}
            return Response(status_code=HTTPStatus.PERMANENT_REDIRECT, headers=received)
        return JSONResponse(_resource(self._finish(upload), call))

    def end_upload(self, call: Call, bucket: str) -> Response:
        self._store.end_upload(self._store.upload(call.query.get("upload_id", "")))
        return Response(status_code=499)

    def _finish(self, upload: Upload) -> StoredObject:
        path = self._store.received(upload)
        return self._store.put(upload.bucket, upload.name, path, upload.properties, upload.conditions, upload=upload)

    def _put(self, call: Call, bucket: str, resource: dict[str, Any], content: bytes, **more: object) -> StoredObject:
        self._store.bucket(bucket)
        self._require_writing(bucket, resource["name"])
        properties = {**_properties(resource), **_hashes(call), **more}
        return self._store.put(bucket, resource["name"], self._store.receive(content), properties, call.conditions())

    def _copy(self, call: Call, bucket: str, name: str, target_bucket: str, target: str) -> StoredObject:
        require("storage.objects.get", bucket, name)
        source = self._store.get(bucket, name, call.number("sourceGeneration"), call.conditions("ifSource"))
        check_bucket_name(target_bucket)
        self._require_writing(target_bucket, target)
        changes = _properties({**source.properties, **call.json()})
        content = self._store.copy(source)
        return self._store.put(target_bucket, target, content, changes, call.conditions())

    def _require_writing(self, bucket: str, name: Any) -> None:
        """Require what an object takes that is written: to replace one is to delete it."""
        require("storage.objects.create", bucket, f"{name}")
        if name and self._store.has(bucket, name):
            require("storage.objects.delete", bucket, name)


def _unquote(value: str) -> str:
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError as error:
        raise invalid(f"{value} is not UTF-8.") from error


def _named(call: Call, resource: dict[str, Any]) -> dict[str, Any]:
    return {**resource, "name": call.query.get("name") or resource.get("name")}


def _properties(resource: dict[str, Any]) -> dict[str, Any]:
    kept = (*_WRITABLE, *_HASHES.values())
    chosen = {key: resource[key] for key in kept if resource.get(key) is not None}
    return {"contentType": "application/octet-stream", "storageClass": "STANDARD", **chosen}


def _hashes(call: Call) -> dict[str, str]:
    given = dict(one.strip().split("=", 1) for one in call.headers.get("x-goog-hash", "").split(",") if "=" in one)
    return {key: given[name] for name, key in _HASHES.items() if name in given}


def _position(token: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(token)
    except ValueError as error:
        raise invalid(f"Invalid value for pageToken: {token!r}") from error


def _base(call: Call) -> str:
    return f"http://{call.headers.get('host', '')}"


def _bucket_resource(bucket: dict[str, Any]) -> dict[str, Any]:
    name = bucket["name"]
    defaults = {
        "kind": "storage#bucket",
        "id": name,
        "selfLink": f"/storage/v1/b/{name}",
        "projectNumber": "1",
        "location": "US",
        "locationType": "multi-region",
        "storageClass": "STANDARD",
        "etag": etag(bucket["metageneration"]),
    }
    return {**defaults, **bucket, "metageneration": str(bucket["metageneration"])}


def _resource(stored: StoredObject, call: Call) -> dict[str, Any]:
    return object_resource(stored, _base(call))


def _object_headers(stored: StoredObject) -> dict[str, str]:
    properties = stored.properties
    updated = datetime.fromisoformat(properties["updated"])
    headers = {
        "content-type": properties["contentType"],
        "accept-ranges": "bytes",
        "etag": f'"{etag(stored.generation, stored.metageneration)}"',
        "last-modified": format_datetime(updated, usegmt=True),
        "x-goog-generation": str(stored.generation),
        "x-goog-metageneration": str(stored.metageneration),
        "x-goog-hash": ",".join(f"{name}={properties[key]}" for name, key in _HASHES.items() if key in properties),
        "x-goog-storage-class": properties["storageClass"],
        "x-goog-stored-content-length": str(stored.size),
        "x-goog-stored-content-encoding": properties.get("contentEncoding", "identity"),
    }
    for name in ("cacheControl", "contentDisposition", "contentLanguage"):
        if name in properties:
            headers[re.sub("([A-Z])", r"-\1", name).lower()] = properties[name]
    return headers


def _range(asked: re.Match[str], size: int) -> tuple[int, int]:
    if asked[3]:
        return max(0, size - int(asked[3])), size
    return int(asked[1]), min(size, int(asked[2]) + 1) if asked[2] else size


def _chunks(file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    with file:
        file.seek(start)
        while start < end:
            chunk = file.read(min(_CHUNK, end - start))
            start += len(chunk)
            yield chunk
