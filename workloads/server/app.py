"""The web application: Open Inference Protocol V2, POST /predict, /metrics."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from workloads.server import inference
from workloads.server.inference import BadRequestError, Prediction
from workloads.server.model import Model, Pin

MAX_BODY = 4 * 2**20
"""Bytes of one request: ten thousand rows of four numbers need less than one MiB."""
BODY_SECONDS = 10
"""For the body to arrive: a client that never ends its request must not hold up a rollout."""
MODEL_PATHS = ("/v2/models/{name}", "/v2/models/{name}/versions/{version}")
"""Of the model, and of the version that the release pins."""
NAME, VERSION = "groundwork", "2"
"""Of the server in /v2 (V2 is the protocol it speaks)."""


class IgnoreLastSlash:
    """Answers `/predict/` as `/predict`. A redirect would name this server as the one that asks it does: behind the
    gateway by a host of the cluster."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "path": scope["path"].rstrip("/") or "/"}
        await self.app(scope, receive, send)


class Holder:
    """The model once it is loaded; before that, why there is none."""

    model: Model | None = None
    reason: str = "the model is being loaded"


class Metrics:
    """Of one application, in a registry of its own, so that several can live in one process."""

    def __init__(self, pin: Pin) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "groundwork_requests", "Requests answered.", ["route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "groundwork_request_seconds", "Seconds from request to answer.", ["route"], registry=self.registry
        )
        self.rows = Counter("groundwork_predicted_rows", "Rows predicted, by label.", ["label"], registry=self.registry)
        self.ready = Gauge("groundwork_model_ready", "1 once the pinned model answers.", registry=self.registry)
        info = Gauge(
            "groundwork_model_info", "The pinned model.", ["name", "version", "digest"], registry=self.registry
        )
        info.labels(pin.name, pin.version, pin.digest).set(1)

    def render(self, ready: bool) -> bytes:
        self.ready.set(ready)
        return generate_latest(self.registry)


def create_app(pin: Pin, holder: Holder, *, start: Callable[[], None], drain_file: Path) -> FastAPI:
    """`start` begins to load the model into the holder, and returns at once.

    While `drain_file` exists every answer closes its connection: a client that keeps connections alive then opens the
    next one to a pod that stays.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        start()
        yield

    app = FastAPI(title=f"{pin.name} model server", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    metrics = Metrics(pin)
    _observe(app, pin, metrics, drain_file)
    _answer_errors(app, pin)
    _add_health(app, pin, holder, metrics)
    _add_predictions(app, pin, holder, metrics)
    app.add_middleware(IgnoreLastSlash)
    return app


def _answer(pin: Pin, content: dict[str, Any], status: int = 200) -> JSONResponse:
    return JSONResponse({**pin.identity, **content}, status_code=status)


def _observe(app: FastAPI, pin: Pin, metrics: Metrics, drain_file: Path) -> None:
    headers = {f"x-{key.replace('_', '-')}": value for key, value in pin.identity.items()}

    async def observe(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        started = time.perf_counter()
        try:
            response = await answer(request)
        except Exception as error:  # the last resort; the client learns no more than that it was not its fault
            print(f"error: {request.method} {request.url.path}: {type(error).__name__}: {error}", flush=True)
            response = _answer(pin, {"error": "internal error; the server's log says more"}, 500)
        response.headers.update(headers)
        if drain_file.exists():
            response.headers["connection"] = "close"
        route = _route(app, request)
        metrics.requests.labels(route, response.status_code).inc()
        metrics.seconds.labels(route).observe(time.perf_counter() - started)
        return response

    app.middleware("http")(observe)


def _route(app: FastAPI, request: Request) -> str:
    """The path's pattern, never the path itself: a scanner must not grow the number of time series."""
    for route in app.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            return str(getattr(route, "path", "other"))
    return "other"


def _answer_errors(app: FastAPI, pin: Pin) -> None:
    async def refuse(_: Request, error: Exception) -> JSONResponse:
        return _answer(pin, {"error": str(error)}, 400)

    async def http_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        detail = error.detail
        if error.status_code == 404 and detail == "Not Found":
            detail = f"{request.url.path}: no such path; see /v2, /v2/models/{pin.name}, /predict, /metrics"
        if error.status_code == 405:
            detail = f"{request.method} is not answered at {request.url.path}"
        return JSONResponse({**pin.identity, "error": detail}, status_code=error.status_code, headers=error.headers)

    app.add_exception_handler(BadRequestError, refuse)
    app.add_exception_handler(HTTPException, http_error)


def _add_health(app: FastAPI, pin: Pin, holder: Holder, metrics: Metrics) -> None:
    async def server() -> JSONResponse:
        return _answer(pin, {"name": NAME, "version": VERSION, "extensions": []})

    async def live() -> JSONResponse:
        return _answer(pin, {"live": True})

    async def ready() -> JSONResponse:
        if holder.model is None:
            return _answer(pin, {"ready": False, "error": holder.reason}, 503)
        return _answer(pin, {"ready": True})

    async def model_ready(request: Request) -> JSONResponse:
        _require_served(request, pin)
        return await ready()

    async def metadata(request: Request) -> JSONResponse:
        _require_served(request, pin)
        described = inference.model_metadata(_require_model(holder))
        return _answer(pin, {"name": pin.name, "versions": [pin.version], **described})

    async def scrape() -> Response:
        return Response(metrics.render(holder.model is not None), media_type=CONTENT_TYPE_LATEST)

    app.get("/v2")(server)
    app.get("/v2/health/live")(live)
    app.get("/v2/health/ready")(ready)
    for model in MODEL_PATHS:
        app.get(model)(metadata)
        app.get(f"{model}/ready")(model_ready)
    app.get("/metrics")(scrape)


def _add_predictions(app: FastAPI, pin: Pin, holder: Holder, metrics: Metrics) -> None:
    # One at a time: the trees hold the interpreter's lock anyway, and while it predicts scikit-learn changes warning
    # filters that the whole process shares.
    worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="predict")

    async def predict_rows(model: Model, rows: list[list[float]]) -> list[Prediction]:
        predictions = await asyncio.get_running_loop().run_in_executor(worker, inference.predict, model, rows)
        for prediction in predictions:
            metrics.rows.labels(prediction.label).inc()
        return predictions

    async def infer(request: Request) -> JSONResponse:
        _require_served(request, pin)
        model = _require_model(holder)
        body = await _json(request)
        rows, outputs = inference.rows_of_infer(body, model.features or ()), inference.requested_outputs(body)
        identity = inference.identity_of(body)
        return _answer(pin, inference.infer_answer(await predict_rows(model, rows), model, identity, outputs))

    async def predict(request: Request) -> JSONResponse:
        model = _require_model(holder)
        predictions = await predict_rows(model, inference.rows_of_predict(await _json(request), model.features or ()))
        return _answer(pin, inference.predict_answer(predictions))

    for model in MODEL_PATHS:
        app.post(f"{model}/infer")(infer)
    app.post("/predict")(predict)


def _require_served(request: Request, pin: Pin) -> None:
    """404 where the path names another model, or another version of it."""
    name, version = request.path_params["name"], request.path_params.get("version", pin.version)
    if name != pin.name:
        raise HTTPException(404, f"model {name!r} is not served here; {pin.name!r} is")
    if version != pin.version:
        raise HTTPException(404, f"version {version!r} of model {name!r} is not served here; {pin.version!r} is")


def _require_model(holder: Holder) -> Model:
    if holder.model is None:
        raise HTTPException(503, holder.reason)
    return holder.model


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY:
            raise HTTPException(413, f"the request is larger than {MAX_BODY} bytes: send it in parts")
    return bytes(body)


async def _json(request: Request) -> Any:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = await _body(request)
    except TimeoutError as error:
        raise HTTPException(408, f"the request did not end within {BODY_SECONDS} seconds") from error
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequestError(f"the body is not JSON: {error}") from error
