"""`inference.GRPCInferenceService`: the same model, bounds and messages as over HTTP."""

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from workloads.server.answers import memory_of
from workloads.server.app import NAME, VERSION
from workloads.server.bounds import Budget, Hold
from workloads.server.errors import BadRequestError, NotReadyError, OverloadedError
from workloads.server.grpc import inference_pb2 as messages
from workloads.server.grpc.calls import CallError, Reply, Status, overloaded
from workloads.server.grpc.forms import Forms
from workloads.server.grpc.tensors import InferRequest, identity, infer_request, infer_response
from workloads.server.grpc.wire import check_fields
from workloads.server.holder import Holder
from workloads.server.inference import model_metadata
from workloads.server.metrics import Metrics
from workloads.server.model import Pin

SERVICE = "inference.GRPCInferenceService"
STATUSES: dict[type[Exception], Status] = {
    BadRequestError: Status.INVALID_ARGUMENT,
    NotReadyError: Status.UNAVAILABLE,
}

Method = Callable[[bytes, Hold], Awaitable[bytes]]
M = TypeVar("M", bound=Message)


class GrpcService:
    def __init__(self, pin: Pin, holder: Holder, metrics: Metrics, budget: Budget) -> None:
        self._pin, self._holder, self._metrics, self._budget = pin, holder, metrics, budget
        self.headers = [(f"x-{key.replace('_', '-')}".encode(), value.encode()) for key, value in pin.identity.items()]
        """Of every answer: which model this is."""
        self._identity, self._forms = identity(pin), Forms()
        methods: dict[str, Method] = {
            "ServerLive": self._server_live,
            "ServerReady": self._server_ready,
            "ModelReady": self._model_ready,
            "ServerMetadata": self._server_metadata,
            "ModelMetadata": self._model_metadata,
            "ModelInfer": self._model_infer,
        }
        self._methods = {f"/{SERVICE}/{name}": (f"grpc {name}", method) for name, method in methods.items()}

    async def answer(self, path: str, message: bytes, hold: Hold) -> Reply:
        started = time.perf_counter()
        route, method = self._methods.get(path, ("grpc other", None))
        try:
            if method is None:
                raise CallError(Status.UNIMPLEMENTED, f"{path}: no such method; see the methods of /{SERVICE}")
            reply = Reply(await method(message, hold))
        except CallError as error:
            reply = Reply(status=error.status, text=str(error))
        except OverloadedError as error:
            reply = overloaded(error)
        except (BadRequestError, NotReadyError) as error:
            reply = Reply(status=STATUSES[type(error)], text=str(error))
        except Exception as error:  # the last resort; the client learns no more than that it was not its fault
            print(f"error: {route}: {type(error).__name__}: {error}", flush=True)
            reply = Reply(status=Status.INTERNAL, text="internal error; the server's log says more")
        self._metrics.observe(route, reply.status.name, time.perf_counter() - started)
        return reply

    async def _server_live(self, message: bytes, _: Hold) -> bytes:
        _parsed(messages.ServerLiveRequest, message)
        return messages.ServerLiveResponse(live=True).SerializeToString()

    async def _server_ready(self, message: bytes, _: Hold) -> bytes:
        _parsed(messages.ServerReadyRequest, message)
        return messages.ServerReadyResponse(ready=self._holder.model is not None).SerializeToString()

    async def _model_ready(self, message: bytes, _: Hold) -> bytes:
        asked = _parsed(messages.ModelReadyRequest, message)
        self._require_served(asked.name, asked.version)
        return messages.ModelReadyResponse(ready=self._holder.model is not None).SerializeToString()

    async def _server_metadata(self, message: bytes, _: Hold) -> bytes:
        _parsed(messages.ServerMetadataRequest, message)
        return messages.ServerMetadataResponse(name=NAME, version=VERSION).SerializeToString()

    async def _model_metadata(self, message: bytes, _: Hold) -> bytes:
        asked = _parsed(messages.ModelMetadataRequest, message)
        self._require_served(asked.name, asked.version)
        described = model_metadata(self._holder.require())
        return messages.ModelMetadataResponse(
            name=self._pin.name,
            versions=[self._pin.version],
            **{key: described[key] for key in ("platform", "inputs", "outputs")},
        ).SerializeToString()

    async def _model_infer(self, message: bytes, hold: Hold) -> bytes:
        model = self._holder.require()

        def read() -> InferRequest:
            request = _parsed(messages.ModelInferRequest, message)
            self._require_served(request.model_name, request.model_version)
            asked = infer_request(request, model)
            self._forms.learn(message, request, asked.outputs, model)
            return asked

        asked = self._forms.read(message, model) or await self._budget.near(len(message), read)
        hold.require(memory_of(asked.inputs), "the request")
        outputs = await self._holder.run(asked.inputs, self._metrics)
        size = memory_of({name: outputs[name] for name in asked.outputs})
        hold.require(size, "the answer")
        return self._identity + await self._budget.near(size, lambda: infer_response(outputs, asked, model))

    def _require_served(self, name: str, version: str) -> None:
        if name != self._pin.name:
            raise CallError(Status.NOT_FOUND, f"model {name!r} is not served here; {self._pin.name!r} is")
        if version not in ("", self._pin.version):
            served = self._pin.version
            raise CallError(
                Status.NOT_FOUND, f"version {version!r} of model {name!r} is not served here; {served!r} is"
            )


def _parsed(kind: type[M], message: bytes) -> M:
    check_fields(message)
    try:
        return kind.FromString(message)
    except DecodeError as error:
        raise BadRequestError(f"the message is no {kind.DESCRIPTOR.name}: {error}") from error
