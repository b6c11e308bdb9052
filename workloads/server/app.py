"""The HTTP application: Open Inference Protocol V2, POST /predict, /metrics.

Without a web framework, whose layers cost more than all that is done here for a usual request.
"""

import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CONTENT_TYPE_LATEST

from workloads.server.answers import Content, encode_json, infer_answer, memory_of
from workloads.server.bounds import RETRY_SECONDS, Budget
from workloads.server.errors import BadRequestError, NotReadyError, OverloadedError
from workloads.server.holder import Holder
from workloads.server.http import BINARY, Answer, HttpError, Request
from workloads.server.inference import check_nesting, model_metadata, named_columns, predict_answer, rows_of_predict
from workloads.server.json_requests import HEADER_LENGTH, infer_request, parse_json
from workloads.server.metrics import Metrics
from workloads.server.model import INPUT, Pin

MODEL_PATHS = ("/v2/models/{name}", "/v2/models/{name}/versions/{version}")
"""Of the model, and of the version that the release pins."""
NAME, VERSION, EXTENSIONS = "groundwork", "2", ["binary_tensor_data"]
"""Of the server in /v2 (V2 is the protocol it speaks)."""

Handler = Callable[[Request], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Route:
    pattern: str
    handlers: dict[str, Handler]
    """By method."""


OTHER = Route("other", {})


class App:
    """The answers of one pinned model. headers: of each of them."""

    def __init__(self, pin: Pin, holder: Holder, metrics: Metrics, budget: Budget) -> None:
        self._pin, self._holder, self._metrics, self._budget = pin, holder, metrics, budget
        self._identity: Content = {**pin.identity}
        self.headers = [(f"x-{key.replace('_', '-')}".encode(), value.encode()) for key, value in pin.identity.items()]
        routes = self._routes()
        self._paths = {route.pattern.format(name=pin.name, version=pin.version): route for route in routes}
        self._patterns = [(re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", route.pattern)), route) for route in routes]

    def _routes(self) -> list[Route]:
        return [
            Route("/v2", {"GET": self._server}),
            Route("/v2/health/live", {"GET": self._live}),
            Route("/v2/health/ready", {"GET": self._ready}),
            *(Route(path, {"GET": self._metadata}) for path in MODEL_PATHS),
            *(Route(f"{path}/ready", {"GET": self._ready}) for path in MODEL_PATHS),
            *(Route(f"{path}/infer", {"POST": self._infer}) for path in MODEL_PATHS),
            Route("/predict", {"POST": self._predict}),
            Route("/metrics", {"GET": self._scrape}),
        ]

    async def answer(self, request: Request) -> Answer:
        """Waits for nothing where the request is small and the model quick."""
        route = self._paths.get(request.path)
        names: dict[str, str] = {}
        if route is None:
            route, names = self._find(request.path)
        answer = await self._answer(request, route, names)
        self._metrics.observe(route.pattern, answer.status, time.perf_counter() - request.started)
        return answer

    def _find(self, path: str) -> tuple[Route, dict[str, str]]:
        """The route of a path that is not served, for its metrics and its error, and the names in the path."""
        for pattern, route in self._patterns:
            if found := pattern.fullmatch(path):
                return route, found.groupdict()
        return OTHER, {}

    async def _answer(self, request: Request, route: Route, names: dict[str, str]) -> Answer:
        try:
            if request.refused is not None:
                raise request.refused
            return await self._handler(request, route, names)(request)
        except BadRequestError as error:
            return self._error(400, error)
        except NotReadyError as error:
            return self._error(503, error)
        except OverloadedError as error:
            return self._error(503, error, (b"retry-after", b"%d" % RETRY_SECONDS))
        except HttpError as error:
            return self._error(error.status, error, *error.headers)
        except Exception as error:  # the last resort; the client learns no more than that it was not its fault
            print(f"error: {request.method} {request.path!r}: {type(error).__name__}: {error}", flush=True)
            return self._error(500, "internal error; the server's log says more")

    def _handler(self, request: Request, route: Route, names: dict[str, str]) -> Handler:
        name, version = names.get("name", self._pin.name), names.get("version", self._pin.version)
        if route is OTHER:
            raise HttpError(
                404, f"{request.path}: no such path; see /v2, /v2/models/{self._pin.name}, /predict, /metrics"
            )
        if (handler := route.handlers.get(request.method)) is None:
            allowed = ", ".join(route.handlers).encode()
            raise HttpError(405, f"{request.method} is not answered at {request.path}", (b"allow", allowed))
        if name != self._pin.name:
            raise HttpError(404, f"model {name!r} is not served here; {self._pin.name!r} is")
        if version != self._pin.version:
            raise HttpError(404, f"version {version!r} of model {name!r} is not served here; {self._pin.version!r} is")
        return handler

    def _json(self, content: Content, status: int = 200) -> Answer:
        return Answer(encode_json({**self._identity, **content}), status)

    def _error(self, status: int, error: Exception | str, *headers: tuple[bytes, bytes]) -> Answer:
        return Answer(encode_json({**self._identity, "error": str(error)}), status, headers=headers)

    async def _server(self, _: Request) -> Answer:
        return self._json({"name": NAME, "version": VERSION, "extensions": EXTENSIONS})

    async def _live(self, _: Request) -> Answer:
        return self._json({"live": True})

    async def _ready(self, _: Request) -> Answer:
        if self._holder.model is None:
            return self._json({"ready": False, "error": self._holder.reason}, 503)
        return self._json({"ready": True})

    async def _metadata(self, _: Request) -> Answer:
        described = model_metadata(self._holder.require())
        return self._json({"name": self._pin.name, "versions": [self._pin.version], **described})

    async def _scrape(self, _: Request) -> Answer:
        text = self._metrics.render(self._holder.model is not None)
        return Answer(text, content_type=CONTENT_TYPE_LATEST.encode())

    async def _infer(self, request: Request) -> Answer:
        model = self._holder.require()
        body, length = request.body, request.headers.get(HEADER_LENGTH)
        asked = await self._budget.near(len(body), lambda: infer_request(body, length, model))
        request.hold.require(memory_of(asked.inputs), "the request")
        outputs = await self._holder.run(asked.inputs, self._metrics)
        found = {output.name: outputs[output.name] for output in asked.outputs}
        content = self._identity if asked.id is None else {**self._identity, "id": asked.id}
        size = memory_of(found)
        request.hold.require(size, "the answer")
        encoded, text = await self._budget.near(size, lambda: infer_answer(found, asked.outputs, model, content))
        if text is None:
            return Answer(encoded)
        return Answer(encoded, content_type=BINARY, headers=((HEADER_LENGTH, b"%d" % text),))

    async def _predict(self, request: Request) -> Answer:
        model = self._holder.require()
        features, classes = named_columns(model)

        def parse() -> NDArray[np.float64]:
            check_nesting(request.body, model)
            return rows_of_predict(parse_json(request.body), features)

        rows = await self._budget.near(len(request.body), parse)
        outputs = await self._holder.run({INPUT: rows}, self._metrics)
        size = memory_of(outputs)
        request.hold.require(size, "the answer")
        return Answer(
            await self._budget.near(size, lambda: encode_json({**self._identity, **predict_answer(outputs, classes)}))
        )
