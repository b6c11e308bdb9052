"""MLflow's server behind a login: every caller has an account, and does what groundwork_rules.py allows it.

    mlflow server --app-name groundwork

ACCOUNTS_FILE names the JSON file with the accounts. Without a login there is /health alone. MLflow's own application
for this hashes a password slowly at each request, gives permissions by an id that an experiment has only once it is
there, and lets through what it has no rule for.
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from functools import lru_cache
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl

import anyio.to_thread
from groundwork_rules import Account, Asked, Experiments, Kind, Refused, check, needs_body, read_accounts

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

MOST_BYTES = 16 * 2**20
"""Of a request whose body the rules look into."""


def create_app() -> App:
    """The application that `mlflow server` runs."""
    from mlflow.server.fastapi_app import app

    accounts = read_accounts(Path(os.environ["ACCOUNTS_FILE"]).read_text())
    return Guarded(app, accounts, experiment_names())


def experiment_names() -> Experiments:
    """Which experiment something is of, from the tracking server's own store."""
    from mlflow.exceptions import MlflowException
    from mlflow.server.handlers import _get_tracking_store  # pyright: ignore[reportPrivateUsage]

    store: Any = _get_tracking_store()

    @lru_cache(maxsize=4096)
    def experiment_id(kind: Kind, value: str) -> str:
        found = store.get_run(value).info if kind == "run" else store.get_logged_model(value)
        return str(found.experiment_id)

    def name(kind: Kind, value: str) -> str:
        try:
            return str(store.get_experiment(value if kind == "experiment" else experiment_id(kind, value)).name)
        except MlflowException as error:
            raise LookupError(value) from error

    return name


class Guarded:
    """The server, which hears of a request once its account may make it."""

    def __init__(self, app: App, accounts: Mapping[str, Account], experiment_of: Experiments) -> None:
        self.app = app
        self.accounts = accounts
        self.experiment_of = experiment_of

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or (scope["type"] == "http" and scope["path"] == "/health"):
            await self.app(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        elif (account := self._account(scope)) is None:
            await answer(send, 401, "UNAUTHENTICATED", "log in: `groundwork credentials mlflow` prints how")
        else:
            await self._allowed(account, scope, receive, send)

    def _account(self, scope: Message) -> Account | None:
        """Whose login a request has."""
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(given) != 1 or given[0][:6].lower() != b"basic ":
            return None
        try:
            name, separator, password = base64.b64decode(given[0][6:].strip(), validate=True).partition(b":")
            account = self.accounts.get(name.decode())
        except (binascii.Error, UnicodeDecodeError):
            return None
        if account is None or not separator:
            return None
        digest = hashlib.sha256(password).hexdigest()
        return account if hmac.compare_digest(digest, account.sha256) else None

    async def _allowed(self, account: Account, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on as the rules read it."""
        try:
            content = await body(receive) if needs_body(account, scope["path"]) else b""
            asked = Asked(
                method=scope["method"],
                path=scope["path"],
                query=parse_qsl(scope["query_string"].decode(), keep_blank_values=True),
                body=document(content),
            )
            await anyio.to_thread.run_sync(check, account, asked, self.experiment_of)
        except Refused as error:
            await answer(send, 403, "PERMISSION_DENIED", str(error))
            return
        except ValueError as error:
            await answer(send, 400, "INVALID_PARAMETER_VALUE", str(error))
            return
        if not needs_body(account, scope["path"]):
            await self.app(scope, receive, send)
            return
        # Written anew: MLflow must not read another body than the rules did.
        written = json.dumps(asked.body).encode() if content else b""
        await self.app(
            {**scope, "headers": with_length(scope["headers"], len(written))}, replay(written, receive), send
        )


async def body(receive: Receive) -> bytes:
    """The whole body of a request. ValueError where it is longer than MOST_BYTES, or its client has gone."""
    content = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ValueError("the client has gone")
        content += message.get("body", b"")
        if len(content) > MOST_BYTES:
            raise ValueError(f"the request is longer than {MOST_BYTES} bytes")
        if not message.get("more_body", False):
            return bytes(content)


def document(content: bytes) -> dict[str, Any]:
    """A body's JSON object. ValueError for any other body."""
    found: Any = json.loads(content) if content else {}
    if not isinstance(found, dict):
        raise ValueError("the body is not a JSON object")
    return cast(dict[str, Any], found)


def with_length(headers: list[tuple[bytes, bytes]], length: int) -> list[tuple[bytes, bytes]]:
    kept = [(name, value) for name, value in headers if name not in (b"content-length", b"transfer-encoding")]
    return [*kept, (b"content-length", str(length).encode())]


def replay(content: bytes, receive: Receive) -> Receive:
    """A body that was read before, and then what else there is to receive."""
    left = [{"type": "http.request", "body": content, "more_body": False}]

    async def again() -> Message:
        return left.pop() if left else await receive()

    return again


async def answer(send: Send, status: int, code: str, message: str) -> None:
    """As MLflow's own errors are, for its clients to show."""
    content = json.dumps({"error_code": code, "message": message}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    challenge = [(b"www-authenticate", b'Basic realm="mlflow"')] if status == 401 else []
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *challenge]})
    await send({"type": "http.response.body", "body": content})
