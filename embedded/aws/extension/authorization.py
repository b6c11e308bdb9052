"""What comes from pods is looked at as AWS looks at everything: who signed it, and whether their policies allow it.

moto looks at no request, or at all of them by a few of its rules; people and programs of this machine are its owners.
"""

import json
import re
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree

from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.exceptions import AccessDeniedError, JsonRESTError
from moto.iam.access_control import IAMPolicy, IAMRequest, S3IAMRequest
from moto.s3.exceptions import BucketAccessDeniedError, S3AccessDeniedError

from embedded.aws.entrance import Application
from embedded.aws.policy import Context, allowed

from . import presigned

FROM_POD: ContextVar[bool] = ContextVar("from_pod", default=False)
"""Whether the request of this thread is a pod's."""
UNSIGNED = {"AssumeRoleWithWebIdentity"}
"""A token says who asks."""
ALWAYS = {"sts:GetCallerIdentity"}
SAME = {"HeadBucket": "ListBucket"}
"""Actions of S3 that IAM knows by another name."""
CLOSED = ("/moto-api", "/latest/")
"""Paths of moto itself, and of the instance metadata that no pod reaches on AWS either."""
SERVICES = {"s3", "sts", "ec2", "eks", "glue", "iam", "pricing", "sqs", "ssm"}
"""Of the platform's data, and of who brings nodes."""
CATALOG = re.compile(r"glue:(Get|Update)(Database|Table)")
"""Actions on one database or table, which the request names."""
SCOPE = re.compile(r"AWS4-HMAC-SHA256 Credential=[^/\s]+/[0-9]+/[^/\s]+/([a-z0-9-]+)/aws4_request")
"""What a header Authorization begins with, up to the first comma: moto looks nowhere else for the service."""
OTHER_ACCOUNT = "HTTP_X_MOTO_ACCOUNT_ID"
Asked = tuple[str, str | None]
"""An action, and the ARN of what it is on."""


def load() -> None:
    plain: Any = ActionAuthenticatorMixin._authenticate_and_authorize_action  # pyright: ignore[reportPrivateUsage]

    def look(self: Any, iam_request_cls: type, resource: str = "*") -> None:
        if FROM_POD.get():
            authorize(self, iam_request_cls, resource)
        else:
            plain(self, iam_request_cls, resource)

    ActionAuthenticatorMixin._authenticate_and_authorize_action = look  # pyright: ignore[reportPrivateUsage]


def authorize(response: Any, kind: type, resource: str) -> None:
    """Raise the error of AWS where a request is not signed by whom the account knows, or is not theirs to make."""
    of_s3 = kind is S3IAMRequest
    action: str = response.data["Action"] if of_s3 else response._get_action()
    if not of_s3 and action in UNSIGNED:
        return
    if not response.headers.get("Authorization"):
        raise _denied(response, "an anonymous one", action, of_s3=of_s3)
    request: IAMRequest | S3IAMRequest = kind(
        account_id=response.current_account,
        method=response.method,
        path=response.headers.environ["RAW_URI"],
        data=response.data,
        body=response.raw_body,
        headers=response.headers,
        action=action,
    )
    if presigned.MARK in response.headers.environ:
        presigned.check(response, request, of_s3=of_s3)
    else:
        request.check_signature()
    caller: Any = vars(request)["_access_key"]
    documents = [vars(IAMPolicy(policy))["_policy_json"] for policy in caller.collect_policies()]
    asked = (
        requests_of_s3(response, action, resource) if of_s3 else requests_of(response, f"{vars(request)['_action']}")
    )
    context = context_of_s3(response) if of_s3 else None
    for each, on in asked:
        if each not in ALWAYS and not allowed(documents, each, on, context):
            raise _denied(response, caller.arn, each, of_s3=of_s3)


def _denied(response: Any, who: str, action: str, *, of_s3: bool) -> Exception:
    if response.headers.get("X-Amz-Target"):  # in the protocol of which moto's own error is no answer
        message = f"User: {who} is not authorized to perform: {action}"
        return JsonRESTError("AccessDeniedException", message)
    if not of_s3:
        return AccessDeniedError(user_arn=who, action=action)
    bucket = response.data.get("BucketName")
    return BucketAccessDeniedError(bucket=bucket) if bucket else S3AccessDeniedError()


def context_of_s3(response: Any) -> Context:
    uri: str = response.headers.environ["RAW_URI"]
    query = parse_qs(urlsplit(uri).query, keep_blank_values=True)
    known = {f"s3:{name}": query[name] for name in ("prefix", "delimiter", "max-keys") if name in query}
    return {**known, "aws:SecureTransport": ["true"]}


def requests_of(response: Any, action: str) -> list[Asked]:
    """Return all that a request does that is not one of S3. Glue wants the right to a table on its database and the
    whole catalog too."""
    if not CATALOG.fullmatch(action):
        return [(action, None)]
    fields: dict[str, Any] = json.loads(response.raw_body)
    name: str = fields.get("Name") or fields.get("TableInput", {}).get("Name", "")
    database: str = fields.get("DatabaseName", name)
    paths = ["catalog", f"database/{database}", *([f"table/{database}/{name}"] if action.endswith("Table") else [])]
    place = f"arn:{response.partition}:glue:{response.region}:{response.current_account}"
    return [(action, f"{place}:{path}") for path in paths]


def requests_of_s3(response: Any, action: str, resource: str) -> list[Asked]:
    """Return all that a request does: it may delete many objects, or copy another one."""
    body: bytes = response.raw_body or b""
    if action == "DeleteObject" and re.search(rb"<Delete\b", body):
        return [deleted(resource, item) for item in ElementTree.fromstring(body) if _local(item) == "Object"]
    asked: list[Asked] = [(f"s3:{SAME.get(action, action)}", resource)]
    if source := response.headers.get("X-Amz-Copy-Source"):
        path, _, version = unquote(source).removeprefix("/").partition("?versionId=")
        arn = resource.partition(":::")[0]
        asked.append(("s3:GetObjectVersion" if version else "s3:GetObject", f"{arn}:::{path}"))
    return asked


def deleted(bucket: str, item: ElementTree.Element) -> Asked:
    """bucket: its ARN."""
    fields = {_local(field): field.text or "" for field in item}
    return f"s3:DeleteObject{'Version' if 'VersionId' in fields else ''}", f"{bucket}/{fields['Key']}"


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


class PodRequests:
    """A WSGI application around that of the account, for pods."""

    def __init__(self, application: Application) -> None:
        self.application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ.pop(OTHER_ACCOUNT, None)
        presigned.take(environ)
        if not answered(environ):
            start_response("403 Forbidden", [("Content-Length", "0")])
            return []
        token = FROM_POD.set(True)
        try:
            return self.application(environ, start_response)
        finally:
            FROM_POD.reset(token)


def answered(environ: dict[str, Any]) -> bool:
    """Whether a request is one that the account looks at: a signed one for a service that pods need, or one by a
    token. moto has more behind other paths, for whoever owns it."""
    if environ["PATH_INFO"].startswith(CLOSED):
        return False
    signed: str = environ.get("HTTP_AUTHORIZATION", "")
    if not signed:
        return environ["REQUEST_METHOD"] == "POST" and environ["PATH_INFO"] == "/"
    scope = SCOPE.fullmatch(signed.partition(",")[0])
    return scope is not None and scope[1] in SERVICES
