"""Requests that are signed in their query, as presigned URLs are (Signature Version 4).

The rest of the account knows of headers alone: what the query says of who signed is put into them, and the signature is
checked here. "Authenticating Requests: Using Query Parameters" in the S3 API reference says what is refused, and how.
"""

import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from botocore.auth import S3SigV4QueryAuth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from moto.s3.exceptions import S3ClientError

ALGORITHM = "AWS4-HMAC-SHA256"
SIGNATURE = "X-Amz-Signature"
LONGEST = timedelta(days=7)
SKEW = timedelta(minutes=15)
"""By which a client's clock may be ahead."""
MARK = "groundwork.presigned"
"""In the environment of a request: the names of the headers that it came with."""
REQUIRED = tuple(
    f"X-Amz-{name}" for name in ("Algorithm", "Credential", "Signature", "Date", "SignedHeaders", "Expires")
)
TOKEN = "X-Amz-Security-Token"
REGION = re.compile(r"[.-]([a-z]{2}(?:-[a-z]+)+-[0-9])\.amazonaws\.com")
"""In the name of a host that is of one."""
Fault = tuple[str, str]
"""Code and message."""


def take(environ: dict[str, Any]) -> None:
    """Put into headers what a request's query says of who signed it, where that is signed. One that is signed in both
    ways is signed in none."""
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    if SIGNATURE not in query:
        return
    if environ.pop("HTTP_AUTHORIZATION", None):
        return
    environ[MARK] = {
        name.removeprefix("HTTP_").replace("_", "-").lower() for name in environ if name.startswith("HTTP_")
    }
    credential = query.get("X-Amz-Credential", [""])[0]
    environ["HTTP_AUTHORIZATION"] = f"{ALGORITHM} Credential={credential}, {SIGNATURE}"
    environ.pop("HTTP_X_AMZ_SECURITY_TOKEN", None)
    if TOKEN in query:
        environ["HTTP_X_AMZ_SECURITY_TOKEN"] = query[TOKEN][0]


def check(response: Any, request: Any, *, of_s3: bool) -> None:
    """Raise the error of AWS where the signature of such a request is not right, or no longer. request: moto's, which
    knows whose key it is."""
    environ: dict[str, Any] = response.headers.environ
    query = parse_qs(environ["QUERY_STRING"], keep_blank_values=True)
    parameters = {name: values[0] for name, values in query.items()}
    fault = find_fault(parameters, environ.get("HTTP_HOST", ""), environ[MARK], datetime.now(UTC))
    if fault and of_s3:
        raise S3ClientError(*fault)
    if fault or not _is_right(response, request, parameters, of_s3=of_s3):
        request._raise_signature_does_not_match()


def find_fault(parameters: Mapping[str, str], host: str, sent: Iterable[str], now: datetime) -> Fault | None:
    """Return what is wrong with a presigned request, whoever signed it. sent: the names of its headers, in small
    letters. Pure."""
    if any(not parameters.get(name) for name in REQUIRED) or parameters["X-Amz-Algorithm"] != ALGORITHM:
        names = ", ".join(REQUIRED[:-1])
        return _malformed(f"Query-string authentication version 4 requires the {names}, and {REQUIRED[-1]} parameters.")
    try:
        signed_at = datetime.strptime(parameters["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return _malformed("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
    return (
        _scope_fault(parameters, host)
        or _time_fault(parameters["X-Amz-Expires"], signed_at, now)
        or _header_fault(parameters["X-Amz-SignedHeaders"], sent)
    )


def _malformed(message: str) -> Fault:
    return "AuthorizationQueryParametersError", message


def _scope_fault(parameters: Mapping[str, str], host: str) -> Fault | None:
    _, day, region, *_ = parameters["X-Amz-Credential"].split("/")
    start = "Error parsing the X-Amz-Credential parameter; "
    if day != parameters["X-Amz-Date"].partition("T")[0]:
        return _malformed(f'{start}incorrect date "{day}". This date must be the same as the one in X-Amz-Date.')
    of_host = REGION.search(host)
    if of_host and region != of_host[1]:
        return _malformed(f"{start}the region '{region}' is wrong; expecting '{of_host[1]}'")
    return None


def _time_fault(expires: str, signed_at: datetime, now: datetime) -> Fault | None:
    if not re.fullmatch(r"-?[0-9]{1,18}", expires):
        return _malformed("X-Amz-Expires should be a number")
    if int(expires) < 0:
        return _malformed("X-Amz-Expires must be non-negative")
    if int(expires) > LONGEST.total_seconds():
        return _malformed(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than "
            f"{LONGEST.total_seconds():.0f} seconds"
        )
    if signed_at - now > SKEW:
        return "AccessDenied", "Request is not valid yet"
    if now > signed_at + timedelta(seconds=int(expires)):
        return "AccessDenied", "Request has expired"
    return None


def _header_fault(signed: str, sent: Iterable[str]) -> Fault | None:
    """Whoever has the URL may not add what changes its meaning."""
    names = set(signed.split(";"))
    if "host" not in names or any(name.startswith("x-amz-") and name not in names for name in sent):
        return "AccessDenied", "There were headers present in the request which were not signed"
    return None


def _is_right(response: Any, request: Any, parameters: Mapping[str, str], *, of_s3: bool) -> bool:
    """Whether a request's signature is that of the key which it names."""
    environ: dict[str, Any] = response.headers.environ
    _, _, region, service, _ = parameters["X-Amz-Credential"].split("/")
    auth: Any = (S3SigV4QueryAuth if of_s3 else SigV4QueryAuth)(
        request._access_key.create_credentials(), service, region
    )
    names = parameters["X-Amz-SignedHeaders"].split(";")
    path, _, query = environ["RAW_URI"].partition("?")
    rest = "&".join(each for each in query.split("&") if each.partition("=")[0] != SIGNATURE)
    signed: Any = AWSRequest(
        method=response.method,
        url=f"https://{environ.get('HTTP_HOST', '')}{path}?{rest}",
        data=b"" if of_s3 else response.raw_body,
        headers={name: value for name, value in response.headers.items() if name.lower() in names},
    )
    signed.context["timestamp"] = parameters["X-Amz-Date"]
    wanted: str = auth.signature(auth.string_to_sign(signed, auth.canonical_request(signed)), signed)
    return hmac.compare_digest(wanted.encode(), parameters[SIGNATURE].encode())
