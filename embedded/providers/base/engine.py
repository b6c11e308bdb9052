"""Messages from a plugin to the person who runs the engine, whose address is a plugin's one argument."""

import sys

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

SECONDS = 5.0


def inform(message: str) -> None:
    """Adds a line to what the engine prints at the end of the run. Not worth a failure: nothing happens without one."""
    with grpc.insecure_channel(sys.argv[1]) as channel:
        request = engine_pb2.LogRequest(severity=engine_pb2.INFO, message=message)
        try:
            engine_pb2_grpc.EngineStub(channel).Log(request, timeout=SECONDS)
        except grpc.RpcError:
            return
