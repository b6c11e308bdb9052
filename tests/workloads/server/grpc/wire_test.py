import pytest

from workloads.server.bounds import INLINE_BYTES
from workloads.server.errors import BadRequestError
from workloads.server.grpc.inference_pb2 import ModelInferRequest
from workloads.server.grpc.wire import MAX_FIELDS, check_fields
from workloads.server.http import MAX_BODY


def request(tensors: int) -> bytes:
    made = ModelInferRequest(model_name="box", id="x" * 300)
    made.parameters["a"].int64_param = 2**40
    for _ in range(tensors):
        made.inputs.add(name="input")
    made.raw_input_contents.append(b"\0" * INLINE_BYTES)
    return made.SerializeToString()


def test_a_large_message_of_usual_parts_passes() -> None:
    check_fields(request(tensors=2))
    check_fields(b"")


def test_a_message_of_countless_parts_is_refused_before_it_is_read() -> None:
    with pytest.raises(BadRequestError, match=f"more than {MAX_FIELDS} tensors"):
        check_fields(request(tensors=MAX_FIELDS))
    with pytest.raises(BadRequestError, match="more than"):
        check_fields(b"\x2a\x00" * 2**20)


@pytest.mark.parametrize("content", [b"\xff" * MAX_BODY, b"\x0b" * 2 * INLINE_BYTES])
def test_a_message_that_is_none_is_refused(content: bytes) -> None:
    with pytest.raises(BadRequestError, match="not one of protobuf"):
        check_fields(content)
