"""Asks the model server at the address given with MLServer's types and codecs, which must take its answers."""

import json
import sys
import urllib.request
from importlib import import_module
from typing import Any

import numpy as np

codecs: Any = import_module("mlserver.codecs")  # not among the dependencies here
types: Any = import_module("mlserver.types")


def ask(url: str, body: str | None = None) -> str:
    with urllib.request.urlopen(url, body.encode() if body else None, timeout=20) as response:
        return response.read().decode()


def main(address: str) -> None:
    rows = np.array([[1.0, 1], [9, 9]])
    named = [codecs.NumpyCodec.encode_input(name, rows[:, [column]]) for column, name in enumerate(("width", "height"))]
    labels: list[list[str]] = []
    for request in (codecs.NumpyRequestCodec.encode_request(rows), types.InferenceRequest(id="7", inputs=named)):
        answer = types.InferenceResponse.model_validate_json(
            ask(f"http://{address}/v2/models/box/infer", request.model_dump_json())
        )
        label, probabilities = answer.outputs
        labels.append(codecs.StringCodec.decode_output(label))
        assert codecs.NumpyCodec.decode_output(probabilities).shape == (2, 2)
    model = types.MetadataModelResponse.model_validate_json(ask(f"http://{address}/v2/models/box"))
    server = types.MetadataServerResponse.model_validate_json(ask(f"http://{address}/v2"))
    print(json.dumps({"labels": labels, "model": model.name, "server": server.name}))


if __name__ == "__main__":
    main(sys.argv[1])
