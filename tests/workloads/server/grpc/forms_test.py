import time
from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from google.protobuf.message import DecodeError

from tests.workloads.server.models import box_model, tensor_model
from workloads.server.errors import BadRequestError
from workloads.server.grpc.forms import MAX_FORMS, MAX_HEAD, Forms
from workloads.server.grpc.inference_pb2 import ModelInferRequest
from workloads.server.grpc.tensors import InferRequest, infer_request
from workloads.server.model import Model


def request(*given: float, datatype: str = "FP64", dtype: str = "<f8") -> ModelInferRequest:
    """For rows of the tests' classifier, raw."""
    made = ModelInferRequest(model_name="box", model_version="3")
    made.inputs.add(name="input", datatype=datatype, shape=[len(given) // 2, 2])
    made.raw_input_contents.append(np.array(given, dtype=dtype).tobytes())
    return made


def learned(made: ModelInferRequest, model: Model) -> Forms:
    forms, message = Forms(), made.SerializeToString()
    assert forms.read(message, model) is None
    forms.learn(message, ModelInferRequest.FromString(message), infer_request(made, model).outputs, model)
    return forms


@pytest.mark.parametrize(
    ("datatype", "dtype"), [("FP64", "<f8"), ("FP32", "<f4"), ("FP16", "<f2"), ("INT64", "<i8"), ("UINT8", "|u1")]
)
def test_other_numbers_in_a_known_form_are_read_as_if_they_were_the_first(datatype: str, dtype: str) -> None:
    model = box_model()
    forms = learned(request(1, 2, 3, 4, datatype=datatype, dtype=dtype), model)
    other = request(5, 6, 7, 8, datatype=datatype, dtype=dtype)
    found, wanted = forms.read(other.SerializeToString(), model), infer_request(other, model)
    assert found is not None
    assert (found.outputs, found.raw, found.id) == (wanted.outputs, wanted.raw, wanted.id)
    assert found.inputs.keys() == wanted.inputs.keys()
    for name, array in wanted.inputs.items():
        assert found.inputs[name].dtype == array.dtype
        assert found.inputs[name].flags.aligned
        np.testing.assert_array_equal(found.inputs[name], array)


def test_the_outputs_that_a_form_asks_for_are_answered() -> None:
    made = request(1, 2)
    made.outputs.add(name="label")
    model = box_model()
    forms = learned(made, model)
    found = forms.read(made.SerializeToString(), model)
    assert found is not None
    assert found.outputs == ["label"]


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -1e300])
def test_numbers_that_a_classifier_does_not_take_are_refused_in_a_known_form(wrong: float) -> None:
    model = box_model()
    forms = learned(request(1, 2), model)
    with pytest.raises(BadRequestError, match=r"inputs\[0\]: element 1: .* is not a finite 32-bit number"):
        forms.read(request(1, wrong).SerializeToString(), model)


def _with_an_id(made: ModelInferRequest) -> bytes:
    made.id = "1"
    return made.SerializeToString()


def _with_a_long_head(made: ModelInferRequest) -> bytes:
    made.parameters["a"].string_param = "x" * MAX_HEAD
    return made.SerializeToString()


def _with_an_unknown_field_that_ends_like_the_numbers(made: ModelInferRequest) -> bytes:
    data = made.raw_input_contents[0]
    return made.SerializeToString() + b"\xfa\x01" + bytes([len(data)]) + data


def _with_the_numbers_before_the_rest(made: ModelInferRequest) -> bytes:
    data = made.raw_input_contents[0]
    made.ClearField("raw_input_contents")
    return b"\x3a" + bytes([len(data)]) + data + made.SerializeToString()


def _with_numbers_in_fields(made: ModelInferRequest) -> bytes:
    made.ClearField("raw_input_contents")
    made.inputs[0].contents.fp64_contents.extend([1, 2])
    return made.SerializeToString()


@pytest.mark.parametrize(
    "change",
    [
        _with_an_id,
        _with_a_long_head,
        _with_an_unknown_field_that_ends_like_the_numbers,
        _with_the_numbers_before_the_rest,
        _with_numbers_in_fields,
    ],
)
def test_a_message_that_does_not_end_with_its_numbers_or_is_one_of_its_kind_is_read_each_time(
    change: Callable[[ModelInferRequest], bytes],
) -> None:
    model, forms, message = box_model(), Forms(), change(request(1, 2))
    made = ModelInferRequest.FromString(message)
    forms.learn(message, made, infer_request(made, model).outputs, model)
    assert forms.read(message, model) is None


def test_text_is_read_each_time() -> None:
    model, forms = tensor_model(), Forms()
    made = ModelInferRequest(model_name="box")
    made.inputs.add(name="text", datatype="BYTES", shape=[1, 1])
    made.raw_input_contents.append(b"\1\0\0\0a")
    message = made.SerializeToString()
    forms.learn(message, made, ["capitals"], model)
    assert forms.read(message, model) is None


def test_a_form_is_of_one_model() -> None:
    made = request(1, 2)
    assert learned(made, box_model()).read(made.SerializeToString(), box_model()) is None


def test_so_many_forms_are_known_at_a_time() -> None:
    model, forms = box_model(), Forms()
    messages = [request(*[1.0] * 2 * rows).SerializeToString() for rows in range(1, MAX_FORMS + 2)]
    for message in messages:
        forms.learn(message, ModelInferRequest.FromString(message), ["label"], model)
    assert [forms.read(message, model) is None for message in messages] == [True] * MAX_FORMS + [False]


def _varied(random: Random) -> bytes:
    """A message that is mostly right: its fields in any order or twice, unknown ones, numbers that look like fields."""
    made = request(*(random.uniform(-9, 9) for _ in range(2 * random.randint(1, 2))))
    if random.random() < 0.2:
        made.raw_input_contents[0] = (b"\x1a\x01x\x3a\x08" * 8)[: len(made.raw_input_contents[0])]
    if random.random() < 0.1:
        made.id = "1"
    if random.random() < 0.2:
        made.outputs.add(name="label")
    message = made.SerializeToString()
    unknown = random.choice([b"\xfa\x01\x02ab", b"\x98\x06\x05", b"\x1a\x00", b"\x0a\x03box"])
    match random.randint(0, 9):
        case 0:
            return message + unknown
        case 1:
            return unknown + message
        case 2:
            return message.replace(b"\x0a\x03box", b"\x0a\x83\x00box")  # the same length, in two bytes
        case _:
            return message


def _changed(message: bytes, random: Random) -> bytes:
    changed, size = bytearray(message), random.randint(1, 20)
    match random.randint(0, 3):
        case 0:
            changed[-size:] = random.randbytes(size)
        case 1:
            changed[-size:] = (b"\x1a\x01i\x0a\x03box" * 3)[:size]
        case 2:
            changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
        case _:
            changed[random.randrange(len(changed))] = random.randrange(256)
    return bytes(changed)


def _seen(read: InferRequest | str) -> object:
    if isinstance(read, str):
        return read
    return read.outputs, read.raw, read.id, {name: (each.dtype, each.tobytes()) for name, each in read.inputs.items()}


def test_what_is_read_by_a_form_is_what_is_read_without_one() -> None:
    random, forms, model, known = Random(14), Forms(), box_model(), 0
    for _ in range(400):
        message = _varied(random)
        for each in (message, message, *(_changed(message, random) for _ in range(10))):
            made = None
            try:
                found = forms.read(each, model)
            except BadRequestError as error:
                found = str(error)
            try:
                made = ModelInferRequest.FromString(each)
                wanted = infer_request(made, model) if made.model_name == "box" else "of another model"
            except (BadRequestError, DecodeError) as error:
                wanted = str(error)
            if found is not None:
                known += 1
                assert _seen(found) == _seen(wanted), each.hex()
            elif made is not None and isinstance(wanted, InferRequest):
                forms.learn(each, made, wanted.outputs, model)
    assert known > 400


def test_a_large_form_is_learned_as_quickly_as_a_small_one() -> None:
    def seconds(rows: int) -> float:
        """Of the fastest of some tries: what else the machine does only adds."""
        message, forms, model = request(*[1.0] * 2 * rows).SerializeToString(), Forms(), box_model()
        tries: list[float] = []
        for _ in range(20):
            made = ModelInferRequest.FromString(message)
            started = time.perf_counter()
            forms.learn(message, made, ["label"], model)
            tries.append(time.perf_counter() - started)
        return min(tries)

    assert seconds(4000) < 20 * seconds(1)
