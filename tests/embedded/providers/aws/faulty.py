"""Run as a program: the account's server, which throttles and fails as AWS does; and the same account without faults.

The two ports go to standard output. With `first` as argument, none is throttled, and the first attempt of every call
fails after it was carried out.
"""

import itertools
import os
import random
import sys
import threading
from collections.abc import Iterable
from typing import Any

from embedded.aws.repeats import drain

THROTTLED = 0.3
"""Share of the requests."""
FAILING = 20
"""One request in so many fails, after it was carried out."""


class Faulty:
    def __init__(self, application: Any) -> None:
        self.application = application
        self.numbers = itertools.count(1)
        self.chance = random.Random(1)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if self.chance.random() < THROTTLED:
            drain(environ)
            return answer(environ, start_response, *THROTTLING.get(service_of(environ), OTHER_THROTTLING))
        body = self.application(environ, quiet if (fails := next(self.numbers) % FAILING == 0) else start_response)
        return failure(environ, start_response) if fails else body


class FirstFails:
    def __init__(self, application: Any) -> None:
        self.application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        first: bool = environ.get("HTTP_AMZ_SDK_REQUEST", "").startswith("attempt=1")
        body = self.application(environ, quiet if first else start_response)
        return failure(environ, start_response) if first else body


THROTTLING = {"s3": ("503 Slow Down", "SlowDown"), "ec2": ("503 Service Unavailable", "RequestLimitExceeded")}
OTHER_THROTTLING = ("400 Bad Request", "ThrottlingException")
"""Status and code, as each service answers. A client sees only the status of an answer to HEAD, such as S3's."""


def service_of(environ: dict[str, Any]) -> str:
    """As the signature's scope names it: KEY/DATE/REGION/SERVICE/aws4_request."""
    scope: list[str] = environ.get("HTTP_AUTHORIZATION", "").partition(",")[0].split("/")
    return scope[3] if len(scope) > 3 else ""


def quiet(*_: Any) -> None:
    """Nobody gets this answer."""


def failure(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    return answer(environ, start_response, "500 Internal Server Error", "InternalFailure")


def answer(environ: dict[str, Any], start_response: Any, status: str, code: str) -> list[bytes]:
    """In the form of the request's protocol."""
    json = "HTTP_X_AMZ_TARGET" in environ or "json" in environ.get("CONTENT_TYPE", "")
    start_response(status, [("Content-Type", "application/json" if json else "text/xml"), ("x-amzn-errortype", code)])
    if environ["REQUEST_METHOD"] == "HEAD":
        return []
    if json:
        return [f'{{"__type": "{code}", "message": "injected"}}'.encode()]
    errors = f"<Error><Code>{code}</Code><Message>injected</Message></Error>"
    if service_of(environ) == "s3":
        return [errors.encode()]
    return [f"<Response><Errors>{errors}</Errors><ErrorResponse>{errors}</ErrorResponse></Response>".encode()]


if __name__ == "__main__":
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    from embedded.aws.server import HOST, MotoRequestHandler, OwnersServer, make

    plain: Any = make()
    faulty = FirstFails if sys.argv[1:] == ["first"] else Faulty
    server = OwnersServer(HOST, 0, faulty(plain.app), MotoRequestHandler)
    threading.Thread(target=plain.serve_forever, daemon=True).start()
    print(server.port, plain.port, flush=True)
    server.serve_forever()
