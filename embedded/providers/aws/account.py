"""The emulated account: where it answers, as whom it is asked, and its calls."""

import http.client
import ipaddress
import json
import os
import socket
import threading
import uuid
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from embedded.providers.base import Object, ProviderError

RETRIES = 12
"""Attempts of a call that is throttled or fails inside AWS, with botocore's growing pauses: nearly a third of the calls
may be throttled, and a platform of a thousand calls still comes up."""


DONE_BEFORE = {
    "add_role_to_instance_profile": "LimitExceeded",
    "attach_internet_gateway": "Resource.AlreadyAssociated",
    "authorize_security_group_egress": "InvalidPermission.Duplicate",
    "authorize_security_group_ingress": "InvalidPermission.Duplicate",
    "create_notification": "DuplicateRecordException",
    "create_route": "RouteAlreadyExists",
    "delete_notification": "NotFoundException",
    "delete_policy_version": "NoSuchEntity",
    "delete_role_permissions_boundary": "NoSuchEntity",
    "delete_role_policy": "NoSuchEntity",
    "delete_route": "InvalidRoute.NotFound",
    "detach_internet_gateway": "Gateway.NotAttached",
    "detach_role_policy": "NoSuchEntity",
    "remove_role_from_instance_profile": "NoSuchEntity",
    "revoke_security_group_egress": "InvalidPermission.NotFound",
    "revoke_security_group_ingress": "InvalidPermission.NotFound",
}
"""Codes by which AWS refuses a call that it carried out before: by an earlier attempt, which it answered with an error.
What a creation made, the account itself knows (embedded/aws/repeats.py)."""
LAST_WORD_SECONDS = 2.0
"""How long a provider that ends waits for the account."""


class ApiError(ProviderError):
    """An answer of AWS that says no. code: such as InvalidVpcID.NotFound. again: it was asked more than once."""

    def __init__(self, call: str, code: str, message: str, *, again: bool = False) -> None:
        super().__init__(f"{call}: {code}: {message}")
        self.code = code
        self.again = again


def require_loopback(url: str) -> str:
    """The address, if all that its host resolves to is this machine. The emulation talks to nothing else, whatever
    credentials are set: it would change a real account by rules that are only nearly AWS's."""
    if not url:
        raise ProviderError(
            "no address of the emulated account: this provider stands in for the official plugin and talks to loopback"
            " only; set AWS_ENDPOINT_URL to the account's address, or install the official plugin for a real account"
        )
    host = urlsplit(url).hostname or ""
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
    except OSError as error:
        raise ProviderError(f"endpoint {url}: {host} does not resolve ({error})") from None
    if not found or not all(ipaddress.ip_address(address).is_loopback for address in found):
        raise ProviderError(
            f"endpoint {url}: not on this machine ({', '.join(map(str, found))}); the emulated provider talks to"
            " loopback only. For a real account install the official plugin"
        )
    return url


_headers: ContextVar[dict[str, str]] = ContextVar("headers")
"""Of the request that this thread makes."""


def _add_headers(params: dict[str, Any], **_: Any) -> None:
    params["headers"].update(_headers.get({}))


@contextmanager
def creating(key: str, note: Object, *, anew: bool) -> Generator[None]:
    """Names what the calls inside make: embedded/aws/repeats.py answers them as it did before, unless `anew`."""
    headers = {"x-groundwork-creation": key, "x-groundwork-note": json.dumps(note)}
    token = _headers.set({**headers, **({"x-groundwork-anew": uuid.uuid4().hex} if anew else {})})
    try:
        yield
    finally:
        _headers.reset(token)


def earlier_note(answer: dict[str, Any]) -> Object | None:
    """The note of the earlier request for the same thing, whose answer this is; None: there was none."""
    found: str | None = answer["ResponseMetadata"]["HTTPHeaders"].get("x-groundwork-repeated")
    return None if found is None else json.loads(found)


def _keys(environ: Mapping[str, str]) -> dict[str, str | None]:
    """What a session is made with: those of the variables, or else of the file that they name. boto3 itself would ask
    AWS, or the machine that this one runs on, for the keys of a role, of a web identity or of single sign-on."""
    from botocore.credentials import SharedCredentialProvider

    file, profile = environ.get("AWS_SHARED_CREDENTIALS_FILE"), environ.get("AWS_PROFILE", "default")
    if file and "AWS_ACCESS_KEY_ID" not in environ and (found := SharedCredentialProvider(file, profile).load()):
        return {
            "aws_access_key_id": found.access_key,
            "aws_secret_access_key": found.secret_key,
            "aws_session_token": found.token,
        }
    return {
        # Ids of no account: with other ones, moto would answer for another account than a plain client sees.
        "aws_access_key_id": environ.get("AWS_ACCESS_KEY_ID", "emulated"),
        "aws_secret_access_key": environ.get("AWS_SECRET_ACCESS_KEY", "emulated"),
        "aws_session_token": environ.get("AWS_SESSION_TOKEN"),
    }


@dataclass
class Account:
    region: str = "us-east-1"
    endpoint: str = field(default_factory=lambda: os.environ.get("AWS_ENDPOINT_URL", ""))
    partition: str = "aws"
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict[tuple[str, str], Any])
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _session: Any = None
    _id: str = ""

    def client(self, service: str, region: str = "") -> Any:
        """A boto3 client, made once: each loads its service's model."""
        key = (service, region or self.region)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._make(*key)
            return self._clients[key]

    def _make(self, service: str, region: str) -> Any:
        import boto3  # late: a preview that changes nothing asks the account nothing
        from botocore.config import Config

        require_loopback(self.endpoint)
        self._session = self._session or boto3.Session(**_keys(os.environ))
        config = Config(
            retries={"mode": "standard", "total_max_attempts": RETRIES},
            s3={"addressing_style": "path"},
            max_pool_connections=64,
            proxies={},
            defaults_mode="legacy",  # a person's `auto` asks the machine that this one runs on for its region
        )
        client: Any = self._session.client(service, region_name=region, endpoint_url=self.endpoint, config=config)
        client.meta.events.register("before-call", _add_headers)
        return client

    def call(self, service: str, call: str, parameters: dict[str, Any], region: str = "") -> dict[str, Any]:
        """ApiError where AWS says no, ProviderError where nothing answers or the parameters fit no call."""
        try:
            with self._errors(service, call):
                return getattr(self.client(service, region), call)(**parameters)
        except ApiError as error:
            if error.again and error.code == DONE_BEFORE.get(call) and not _headers.get({}):
                return {}
            raise

    def pages(self, service: str, call: str, parameters: dict[str, Any], region: str = "") -> Generator[dict[str, Any]]:
        """The answers of a call that gives its answer in parts. Errors are those of a single call."""
        with self._errors(service, call):
            yield from self.client(service, region).get_paginator(call).paginate(**parameters)

    @contextmanager
    def _errors(self, service: str, call: str) -> Generator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            response: Any = error.response
            found: dict[str, str] = response["Error"]
            again = bool(response["ResponseMetadata"].get("RetryAttempts"))
            raise ApiError(f"{service} {call}", found["Code"], found.get("Message", ""), again=again) from None
        except BotoCoreError as error:
            raise ProviderError(f"{service} {call} at {self.endpoint}: {error}") from None

    def keep(self, keys: Iterable[str]) -> None:
        """Say that the state has what was made under these keys. An account that does not answer loses little: what is
        asked for again under one of them is then looked for."""
        where = urlsplit(require_loopback(self.endpoint))
        kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
        # Neither a proxy nor a redirect leads anywhere else.
        connection = kind(where.hostname or "", where.port, timeout=LAST_WORD_SECONDS)
        with suppress(OSError, http.client.HTTPException), closing(connection):
            connection.request("POST", "/", "\n".join(keys), {"x-groundwork-kept": "true"})
            connection.getresponse().read()

    @property
    def id(self) -> str:
        """The account's number."""
        if not self._id:
            self._id = self.call("sts", "get_caller_identity", {})["Account"]
        return self._id


def region_of(account: Account, arguments: Object) -> str:
    """Return the region that a program asks in: what it names, or the provider's own."""
    return arguments.get("region") or account.region
