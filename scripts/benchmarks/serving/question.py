"""What a server is asked: the same rows, in the words of each protocol."""

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Rows = Sequence[Sequence[float]]
JSON = {"content-type": "application/json"}
FRAME_HEAD = 5
GRPC = {"content-type": "application/grpc", "te": "trailers"}


@dataclass(frozen=True)
class Question:
    """grpc: HTTP/2 without TLS; else HTTP/1.1."""

    url: str
    body: bytes
    headers: Mapping[str, str]
    grpc: bool = False

    @property
    def message(self) -> bytes:
        """The body without the head of gRPC's frame, which a client of gRPC adds itself."""
        return self.body[FRAME_HEAD:] if self.grpc else self.body


def infer(origin: str, model: str, rows: Rows) -> Question:
    """POST /v2/models/MODEL/infer of the Open Inference Protocol: one tensor of doubles."""
    data = [number for row in rows for number in row]
    tensor = {"name": "input", "datatype": "FP64", "shape": [len(rows), len(rows[0])], "data": data}
    return _json(f"{origin}/v2/models/{model}/infer", {"inputs": [tensor]})


def infer_grpc(origin: str, model: str, rows: Rows) -> Question:
    """The same by gRPC, with the numbers as raw bytes, as Triton's client sends them; encoded here: nothing else here
    needs the messages."""
    doubles = b"".join(struct.pack("<d", number) for row in rows for number in row)
    shape = _varint(len(rows)) + _varint(len(rows[0]))
    tensor = _field(1, b"input") + _field(2, b"FP64") + _field(3, shape)
    message = _field(1, model.encode()) + _field(5, tensor) + _field(7, doubles)
    framed = b"\0" + struct.pack(">I", len(message)) + message
    return Question(f"{origin}/inference.GRPCInferenceService/ModelInfer", framed, GRPC, grpc=True)


def plain(url: str, rows: Rows) -> Question:
    """{"rows": [[...]]}, as the applications of files/ take it."""
    return _json(url, {"rows": [list(row) for row in rows]})


def invocations(origin: str, features: Sequence[str], rows: Rows) -> Question:
    """POST /invocations of `mlflow models serve`, with the columns that the model's signature names."""
    split = {"columns": list(features), "data": [list(row) for row in rows]}
    return _json(f"{origin}/invocations", {"dataframe_split": split})


def _json(url: str, content: object) -> Question:
    return Question(url, json.dumps(content).encode(), JSON)


def _field(number: int, content: bytes) -> bytes:
    """A field of a protobuf message that has a length: text, bytes, a message, or packed numbers."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])
