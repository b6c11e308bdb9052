"""Bodies of the requests of pods: moto has each of them in memory whole, and a pod could fill that with one.

Each is received into a file first, and refused where it is too large. S3 takes 5 GiB by one PUT, more than a machine
has to give away: what is larger than here comes in parts, as the SDKs of AWS send it. Then as many bodies are handed to
moto at once as there is room for.
"""

import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from tempfile import SpooledTemporaryFile
from typing import Any

from .entrance import Application

OBJECT_BYTES = 2**28
"""Of one request to S3."""
OTHER_BYTES = 2**21
"""Of one request to any other service: no documented one of those that pods reach is as large."""
AT_ONCE_BYTES = 2**28
"""Of all that are handed to moto. It makes copies: at most three of each."""
PIECE_BYTES = 2**16
"""That are received at once; a body that is no larger is in no file."""


class TooLargeError(Exception):
    """A body of so many bytes at least."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


class Bodies:
    """A WSGI application around that of the account."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self._room, self._changed = AT_ONCE_BYTES, threading.Condition()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        of_s3 = "/s3/aws4_request" in environ.get("HTTP_AUTHORIZATION", "").partition(",")[0]
        if not of_s3 and "HTTP_CONTENT_ENCODING" in environ:  # moto would unpack it to whatever it becomes
            return refuse(environ, start_response, "415 Unsupported Media Type", "UnsupportedMediaType")
        limit = OBJECT_BYTES if of_s3 else OTHER_BYTES
        with SpooledTemporaryFile[bytes](PIECE_BYTES) as body:
            try:
                size = receive(environ, body, limit)
            except TooLargeError as error:
                return refuse_large(environ, start_response, error.size, of_s3=of_s3)
            body.seek(0)
            environ["wsgi.input"], environ["CONTENT_LENGTH"] = body, str(size)
            for name in ("wsgi.input_terminated", "HTTP_TRANSFER_ENCODING"):
                environ.pop(name, None)
            with self._in_turn(size):
                return self.application(environ, start_response)

    @contextmanager
    def _in_turn(self, size: int) -> Generator[None]:
        with self._changed:
            self._changed.wait_for(lambda: self._room >= size)
            self._room -= size
        try:
            yield
        finally:
            with self._changed:
                self._room += size
                self._changed.notify_all()


def receive(environ: dict[str, Any], to: Any, limit: int) -> int:
    """Write a request's body to a file. Return its bytes; raise TooLargeError where these are more than the limit, and
    ConnectionResetError where the client goes before its end."""
    declared = environ.get("CONTENT_LENGTH") or ""
    left = int(declared) if declared.isdecimal() else 0
    if left > limit:
        raise TooLargeError(left)
    chunked = environ.get("wsgi.input_terminated", False)
    size = 0
    while piece := environ["wsgi.input"].read(PIECE_BYTES if chunked else min(PIECE_BYTES, left - size)):
        size += len(piece)
        if size > limit:
            raise TooLargeError(size)
        to.write(piece)
    if not chunked and size < left:
        raise ConnectionResetError(f"the client went after {size} of {left} bytes")
    return size


def refuse_large(environ: dict[str, Any], start_response: Any, size: int, *, of_s3: bool) -> list[bytes]:
    """Answer as AWS does: what is left of the body nobody reads."""
    if not of_s3:
        return refuse(environ, start_response, "413 Request Entity Too Large", "RequestEntityTooLarge")
    sizes = f"<ProposedSize>{size}</ProposedSize><MaxSizeAllowed>{OBJECT_BYTES}</MaxSizeAllowed>"
    message = "Your proposed upload exceeds the maximum allowed size"
    start_response("400 Bad Request", [("Content-Type", "application/xml")])
    return [f"<Error><Code>EntityTooLarge</Code><Message>{message}</Message>{sizes}</Error>".encode()]


def refuse(environ: dict[str, Any], start_response: Any, status: str, code: str) -> list[bytes]:
    """Answer in the form of the request's protocol."""
    message = status.partition(" ")[2]
    if "HTTP_X_AMZ_TARGET" in environ or "json" in environ.get("CONTENT_TYPE", ""):
        start_response(status, [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-errortype", code)])
        return [f'{{"__type": "{code}", "message": "{message}"}}'.encode()]
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    start_response(status, [("Content-Type", "text/xml")])
    return [f"<ErrorResponse>{error}<Errors>{error}</Errors></ErrorResponse>".encode()]
