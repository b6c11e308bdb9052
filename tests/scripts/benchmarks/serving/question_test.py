import json
import struct

from scripts.benchmarks.serving.question import infer, infer_grpc, invocations, plain

ROWS = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]


def test_every_protocol_carries_the_same_rows() -> None:
    (tensor,) = json.loads(infer("http://x", "iris", ROWS).body)["inputs"]
    assert tensor == {"name": "input", "datatype": "FP64", "shape": [3, 2], "data": [1, 2, 3, 4, 5, 6]}
    assert json.loads(plain("http://x/predict", ROWS).body) == {"rows": ROWS}
    split = json.loads(invocations("http://x", ["a", "b"], ROWS).body)["dataframe_split"]
    assert split == {"columns": ["a", "b"], "data": ROWS}


def test_the_message_of_grpc_is_one_that_the_protocols_field_numbers_describe() -> None:
    """ModelInferRequest: model_name 1, inputs 5, raw_input_contents 7; a tensor: name 1, datatype 2, shape 3."""
    question = infer_grpc("http://x", "iris", ROWS)
    raw = b"\x3a\x30" + struct.pack("<6d", 1, 2, 3, 4, 5, 6)
    tensor = b"\x0a\x05input" + b"\x12\x04FP64" + b"\x1a\x02\x03\x02"
    assert question.message == b"\x0a\x04iris" + b"\x2a" + bytes([len(tensor)]) + tensor + raw
    assert question.body == b"\0" + struct.pack(">I", len(question.message)) + question.message


def test_lengths_beyond_one_byte_are_written_as_protobuf_does() -> None:
    rows = [[0.0] * 4] * 100
    assert b"\x3a\x80\x19" in infer_grpc("http://x", "iris", rows).message  # 3200 raw bytes
