"""A request as AWS's services read it, and answers and errors as they write them."""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from werkzeug.wrappers import Response

from tests.emulator.errors import AwsError

INTERNAL = "llm-claims-emulator-itself"
"""In the user agent of the emulator's own calls, which are neither counted nor made to fail."""

_SIGNED_FOR = re.compile(r"Credential=([^/,\s]+)/\d{8}/([^/]+)/([^/]+)/")
_REST = {
    ("scheduler", "POST", "/schedules/"): "CreateSchedule",
    ("scheduler", "GET", "/schedules/"): "GetSchedule",
    ("scheduler", "PUT", "/schedules/"): "UpdateSchedule",
    ("scheduler", "DELETE", "/schedules/"): "DeleteSchedule",
    ("scheduler", "GET", "/schedules"): "ListSchedules",
    ("sagemaker", "POST", "/endpoints/"): "InvokeEndpoint",
}
_S3_OBJECT = {"GET": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject", "HEAD": "HeadObject"}
_S3_BUCKET = {"GET": "ListObjects", "PUT": "CreateBucket", "DELETE": "DeleteBucket", "HEAD": "HeadBucket"}


@dataclass
class Call:
    """One request: which operation of which service, on what, by whom."""

    service: str
    operation: str
    region: str
    access_key: str | None
    params: dict[str, Any] = field(repr=False)
    body: bytes = field(repr=False)
    path: str
    agent: str
    amz_date: str | None

    @property
    def internal(self) -> bool:
        return INTERNAL in self.agent

    @property
    def name(self) -> str | None:
        """The name of the resource the call is about, as far as the call says one."""
        if self.operation == "InvokeEndpoint":
            return self.path.removeprefix("/endpoints/").removesuffix("/invocations")
        if self.service in ("s3", "scheduler"):
            return unquote(self.path)
        about = ("TrainingJobName", "EndpointName", "EndpointConfigName", "ModelName", "ResourceArn", "logGroupName")
        return next((str(self.params[key]) for key in about if key in self.params), None)


def read(environ: dict[str, Any]) -> Call:
    """Read a WSGI request. Its body is put back for whoever reads it next."""
    body = _body(environ)
    path = environ.get("PATH_INFO", "/")
    signed = _SIGNED_FOR.search(environ.get("HTTP_AUTHORIZATION", "") or unquote(environ.get("QUERY_STRING", "")))
    key, region, service = signed.groups() if signed else (None, "us-east-1", "s3")
    target = environ.get("HTTP_X_AMZ_TARGET")
    params: dict[str, Any] = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    if target:
        operation = target.rpartition(".")[2]
        params = {**json.loads(body or b"{}"), "_json": True}
    elif environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        params = dict(parse_qsl(body.decode(), keep_blank_values=True))
        operation = params.get("Action", "?")
    else:
        operation = _rest(service, environ["REQUEST_METHOD"], path, params)
    agent = environ.get("HTTP_USER_AGENT", "")
    return Call(service, operation, region, key, params, body, path, agent, environ.get("HTTP_X_AMZ_DATE"))


def _body(environ: dict[str, Any]) -> bytes:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if not length:
        return b""
    body: bytes = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _rest(service: str, method: str, path: str, query: dict[str, str]) -> str:
    if service != "s3":
        rows = [
            name
            for (of, how, start), name in _REST.items()
            if (of, how) == (service, method) and path.startswith(start)
        ]
        return rows[0] if rows else f"{method} {path}"
    _, _, key = path.lstrip("/").partition("/")
    if key:
        if "uploads" in query or "uploadId" in query:
            return "MultipartUpload"
        return _S3_OBJECT.get(method, method)
    if path == "/":
        return "ListBuckets"
    if "delete" in query:
        return "DeleteObjects"
    return "ListObjectsV2" if method == "GET" and "list-type" in query else _S3_BUCKET.get(method, method)


def answer(body: object) -> Response:
    return Response(json.dumps(body), 200, content_type="application/x-amz-json-1.1")


def refusal(call: Call, error: AwsError) -> Response:
    """Write an error in the protocol of the service that was called."""
    if call.service in ("s3", "sts", "iam"):
        inner = f"<Code>{error.code}</Code><Message>{error.message}</Message>"
        if call.service == "s3":
            text = f"<?xml version='1.0' encoding='UTF-8'?><Error>{inner}</Error>"
        else:
            text = f"<ErrorResponse><Error><Type>Sender</Type>{inner}</Error><RequestId>0</RequestId></ErrorResponse>"
        return Response(text, error.status, content_type="text/xml")
    body = {"__type": error.code, "message": error.message, "Message": error.message, **error.fields}
    response = Response(json.dumps(body), error.status, content_type="application/x-amz-json-1.1")
    response.headers["x-amzn-ErrorType"] = error.code
    return response
