"""The gRPC server around a Provider. This is the one file that handles protocol messages."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.empty_pb2 import Empty
from google.rpc.status_pb2 import Status
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from .errors import CheckFailure, ProviderError, UnfinishedError
from .provider import Diff, Provider, Resource
from .shutdown import serve_the_engine
from .values import Object, decode, encode

MAX_MESSAGE = 400 * 1024 * 1024
"""Bytes; what the engine itself allows."""
THREADS = 64
"""Requests at a time; more than the engine sends side by side. Threads are made as needed."""


def _answers_errors(method: Callable[[Any, Any, grpc.ServicerContext], Any]) -> Any:
    """Turns a provider's exceptions into the status that the engine reads."""

    def guarded(self: Any, request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(self, request, context)
        except UnfinishedError as error:
            context.set_trailing_metadata((("grpc-status-details-bin", _unfinished(error)),))
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
        except ProviderError as error:
            # A code that the engine takes for "nothing was changed"; UNKNOWN would leave a pending operation behind.
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))

    return guarded


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    def __init__(self, provider: Provider) -> None:
        self.provider = provider

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        del request, context
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    def Attach(self, request: Any, context: grpc.ServicerContext) -> Any:
        del request, context
        return Empty()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        del request, context
        return plugin_pb2.PluginInfo(version=self.provider.version)

    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        del context
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        del context
        return _diff(self.provider.diff_settings(decode(request.old_inputs), decode(request.news)))

    @_answers_errors
    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:
        del context
        self.provider.configure(decode(request.args))
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    @_answers_errors
    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        del context
        resource = replace(_resource(request), last=decode(request.olds))
        result = self.provider.check(resource, decode(request.news))
        return provider_pb2.CheckResponse(inputs=encode(result.inputs), failures=map(_failure, result.failures))

    @_answers_errors
    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:
        del context
        old, new = decode(request.old_inputs), decode(request.news)
        for path in request.ignoreChanges:
            _ignore(path, old, new)
        resource = replace(_resource(request), id=request.id)
        return _diff(self.provider.diff(resource, decode(request.olds), old, new))

    @_answers_errors
    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:
        del context
        made = self.provider.create(_resource(request), decode(request.properties), preview=request.preview)
        return provider_pb2.CreateResponse(id=made.id, properties=encode(made.properties))

    @_answers_errors
    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:
        del context
        state, inputs = decode(request.properties), decode(request.inputs)
        found = self.provider.read(_resource(request), request.id, state, inputs)
        if found is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(id=found.id, properties=encode(found.properties), inputs=encode(found.inputs))

    @_answers_errors
    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:
        del context
        state, new = decode(request.olds), decode(request.news)
        resource = replace(_resource(request), last=decode(request.old_inputs))
        properties = self.provider.update(resource, request.id, state=state, new=new, preview=request.preview)
        return provider_pb2.UpdateResponse(properties=encode(properties))

    @_answers_errors
    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:
        del context
        self.provider.delete(_resource(request), request.id, decode(request.properties))
        return Empty()

    @_answers_errors
    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:
        del context
        found = self.provider.invoke(request.tok, decode(request.args))
        # `return` is a keyword, so the field can only be named by a dict.
        return provider_pb2.InvokeResponse(**{"return": encode(found)})  # pyright: ignore[reportArgumentType]

    @_answers_errors
    def Construct(self, request: Any, context: grpc.ServicerContext) -> Any:
        del context
        raise ProviderError(self.provider.left_out(request.type))

    @_answers_errors
    def Call(self, request: Any, context: grpc.ServicerContext) -> Any:
        del context
        raise ProviderError(self.provider.left_out(request.tok))

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:
        del request, context
        return Empty()


def _resource(request: Any) -> Resource:
    urn: str = request.urn
    kind = request.type or urn.split("::")[2].rsplit("$", 1)[-1]
    return Resource(urn, kind, request.name or urn.split("::", 3)[3])


def _unfinished(error: UnfinishedError) -> bytes:
    """The details by which the engine keeps a resource that was made in part."""
    details = AnyMessage()
    details.Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=error.id, properties=encode(error.properties), inputs=encode(error.inputs), reasons=[str(error)]
        )
    )
    status = Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error), details=[details])
    return status.SerializeToString()


def _failure(failure: CheckFailure) -> Any:
    return provider_pb2.CheckFailure(property=failure.property, reason=failure.reason)


def _diff(found: Diff) -> Any:
    kinds = provider_pb2.DiffResponse
    details = {
        path: provider_pb2.PropertyDiff(kind=change.value, inputDiff=True)  # pyright: ignore[reportArgumentType]
        for path, change in found.changes.items()
    }
    return kinds(
        changes=kinds.DIFF_SOME if found.changes else kinds.DIFF_NONE,
        diffs=sorted(found.changes),
        replaces=found.replaces,
        detailedDiff=details,
        hasDetailedDiff=True,
    )


def _ignore(path: str, old: Object, new: Object) -> None:
    """The engine has put old values into the new inputs already; a whole property that is gone stays gone."""
    if path not in old and path in new:
        del new[path]


def serve(provider: Provider) -> None:
    """Serves until the engine is done or gone; the port goes to standard output, as the engine expects."""
    server = grpc.server(
        ThreadPoolExecutor(THREADS),
        options=[("grpc.max_receive_message_length", MAX_MESSAGE), ("grpc.max_send_message_length", MAX_MESSAGE)],
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer(provider), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    if serve_the_engine(port):
        provider.end()
    os._exit(0)
