"""The gRPC server around a Provider. This is the one file that handles protocol messages."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from .calls import Call
from .engine import Engine
from .errors import CheckFailure, InitFailed, ProviderError
from .provider import Checked, Diff, Provider, Resource
from .values import Object, decode, encode

MAX_MESSAGE = 400 * 1024 * 1024
"""Bytes; what the engine itself allows."""
THREADS = 256
"""Requests at a time; more than any `--parallel` in use. Threads are made as needed."""


def _answers_errors(method: Callable[[Any, Any, grpc.ServicerContext], Any]) -> Any:
    """Turns a provider's exceptions into the status that the engine reads."""

    def guarded(self: Any, request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(self, request, context)
        except InitFailed as failure:
            _abort_with_object(context, failure)
        except ProviderError as error:
            # A code that the engine takes for "nothing was changed"; UNKNOWN would leave a pending operation behind.
            code = grpc.StatusCode.UNKNOWN if error.uncertain else grpc.StatusCode.FAILED_PRECONDITION
            context.abort(code, str(error))

    return guarded


def _abort_with_object(context: grpc.ServicerContext, failure: InitFailed) -> None:
    detail = provider_pb2.ErrorResourceInitFailed(
        id=failure.id,
        properties=encode(failure.properties),
        inputs=encode(failure.inputs),
        reasons=failure.reasons,
    )
    packed = Packed()
    packed.Pack(detail)
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(failure), details=[packed])
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNKNOWN, str(failure))


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    def __init__(self, provider: Provider, engine_address: str) -> None:
        self.provider = provider
        self.engine = Engine(engine_address)

    def _call(self, request: Any) -> Call:
        timeout = getattr(request, "timeout", 0.0)
        preview = getattr(request, "preview", False)
        return Call(getattr(request, "urn", ""), timeout, preview, self.provider.cancelled, self.engine.log)

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        del context
        self.engine.connect(request.engine_address)
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=True, supports_autonaming_configuration=self.provider.takes_proposed_names
        )

    def Attach(self, request: Any, context: grpc.ServicerContext) -> Any:
        del context
        self.engine.connect(request.address)
        return Empty()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        del request, context
        return plugin_pb2.PluginInfo(version=self.provider.version)

    @_answers_errors
    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        del context
        return _checked(self.provider.check_config(request.urn, decode(request.olds), decode(request.news)))

    @_answers_errors
    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        del context
        old = decode(request.old_inputs)
        return _diff(self.provider.diff_config(request.urn, old, decode(request.news)))

    @_answers_errors
    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:
        del context
        self.provider.configure(decode(request.args))
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True,
            supportsPreview=True,
            supports_autonaming_configuration=self.provider.takes_proposed_names,
        )

    @_answers_errors
    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        del context
        resource = _resource(request)
        return _checked(
            self.provider.check(resource, decode(request.olds), decode(request.news), request.randomSeed),
        )

    @_answers_errors
    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:
        del context
        old, new = decode(request.old_inputs), decode(request.news)
        for path in request.ignoreChanges:
            _ignore(path, old, new)
        return _diff(self.provider.diff(_resource(request), request.id, decode(request.olds), old, new))

    @_answers_errors
    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:
        del context
        made = self.provider.create(self._call(request), _resource(request), decode(request.properties))
        return provider_pb2.CreateResponse(id=made.id, properties=encode(made.properties))

    @_answers_errors
    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:
        del context
        state, inputs = decode(request.properties), decode(request.inputs)
        found = self.provider.read(self._call(request), _resource(request), request.id, state, inputs)
        if found is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(id=found.id, properties=encode(found.properties), inputs=encode(found.inputs))

    @_answers_errors
    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:
        del context
        state, old, new = decode(request.olds), decode(request.old_inputs), decode(request.news)
        call = self._call(request)
        properties = self.provider.update(call, _resource(request), request.id, state=state, old=old, new=new)
        return provider_pb2.UpdateResponse(properties=encode(properties))

    @_answers_errors
    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:
        del context
        state, inputs = decode(request.properties), decode(request.old_inputs)
        self.provider.delete(self._call(request), _resource(request), request.id, state, inputs)
        return Empty()

    @_answers_errors
    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:
        del context
        found = self.provider.invoke(self._call(request), request.tok, decode(request.args))
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
        self.provider.cancelled.set()
        return Empty()


def _resource(request: Any) -> Resource:
    urn: str = request.urn
    kind = request.type or urn.split("::")[2].rsplit("$", 1)[-1]
    name = request.name or urn.split("::", 3)[3]
    autonaming = getattr(request, "autonaming", None)
    if autonaming is None or not request.HasField("autonaming"):
        return Resource(urn, kind, name)
    return Resource(urn, kind, name, autonaming.proposed_name, needs_name=autonaming.mode == autonaming.DISABLE)


def _checked(result: Checked) -> Any:
    return provider_pb2.CheckResponse(inputs=encode(result.inputs), failures=map(_failure, result.failures))


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
        diffs=sorted({path.split(".", 1)[0].split("[", 1)[0] for path in found.changes}),
        replaces=found.replaces,
        detailedDiff=details,
        hasDetailedDiff=True,
        deleteBeforeReplace=found.delete_first,
    )


def _ignore(path: str, old: Object, new: Object) -> None:
    """The engine has put old values into the new inputs already; a whole property that is gone stays gone."""
    if path not in old and path in new:
        del new[path]


def serve(provider: Provider) -> None:
    """Serves until the engine ends this process; the port goes to standard output, as the engine expects."""
    server = grpc.server(
        ThreadPoolExecutor(THREADS),
        options=[("grpc.max_receive_message_length", MAX_MESSAGE), ("grpc.max_send_message_length", MAX_MESSAGE)],
    )
    servicer = Servicer(provider, next((a for a in sys.argv[1:] if not a.startswith("-")), ""))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    leaving = threading.Event()
    # A plugin has a process group of its own: what arrives is the engine's word that it is done, never Ctrl-C.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: leaving.set())
    server.start()
    print(port, flush=True)
    leaving.wait()
    provider.close()
    os._exit(0)  # whatever is still waited for was given up by the engine
