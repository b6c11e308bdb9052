"""`python -m tests.workloads.server.process MODEL SOCKET DRAIN_FILE`: serve a model of the tests, or of a
folder, on an open socket."""

import socket
import sys
from pathlib import Path

import uvicorn

from tests.workloads.server.models import box_model, tensor_model
from tests.workloads.signed import signed_pin
from workloads.server.app import App
from workloads.server.bounds import Budget
from workloads.server.holder import Holder
from workloads.server.http import UVICORN
from workloads.server.metrics import Metrics
from workloads.server.model import load

MODELS = {"box": box_model, "tensors": tensor_model}


def main(model: str, descriptor: str, drain_file: str) -> None:
    pin, holder = signed_pin(uri="s3://b/k", digest="sha256:" + "a" * 64), Holder()
    holder.model = MODELS[model]() if model in MODELS else load(Path(model))
    app = App(pin, holder, Metrics(pin), Budget(), start=lambda: None, drain_file=Path(drain_file))
    server = uvicorn.Server(uvicorn.Config(app, **UVICORN))
    server.run(sockets=[socket.socket(fileno=int(descriptor))])


if __name__ == "__main__":
    main(*sys.argv[1:])
