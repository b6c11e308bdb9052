"""NVIDIA's client of the Open Inference Protocol, as it comes."""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient import utils

from tests.workloads.server.conftest import Server

library: Any = triton
REFUSED: type[Exception] = cast(Any, utils).InferenceServerException


def client_of(server: Server) -> Any:
    return library.InferenceServerClient(server.address, connection_timeout=20, network_timeout=20)


def tensor(name: str, array: Any, datatype: str, *, binary: bool) -> Any:
    given = library.InferInput(name, list(array.shape), datatype)
    given.set_data_from_numpy(array, binary_data=binary)
    return given


def test_tritons_client_finds_the_server_and_its_model(start_server: Callable[[str], Server]) -> None:
    client = client_of(start_server("box"))
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("box")
    assert client.is_model_ready("box", "3")
    assert not client.is_model_ready("other")
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    assert [each["name"] for each in client.get_model_metadata("box")["outputs"]] == ["label", "probabilities"]


@pytest.mark.parametrize("binary", [False, True])
def test_tritons_client_classifies_rows(start_server: Callable[[str], Server], binary: bool) -> None:
    client = client_of(start_server("box"))
    inputs = [tensor("input", np.array([[1.0, 1], [9, 9]]), "FP64", binary=binary)]
    asked = [library.InferRequestedOutput(name, binary_data=binary) for name in ("probabilities", "label")]
    for outputs in (None, asked):
        answer = client.infer("box", inputs, outputs=outputs, request_id="7")
        assert answer.get_response()["id"] == "7"
        assert answer.as_numpy("probabilities").tolist() == [[0.1, 0.9], [0.9, pytest.approx(0.1)]]
        assert [as_text(each) for each in answer.as_numpy("label")] == ["small", "large"]


def as_text(element: Any) -> str:
    return element.decode() if isinstance(element, bytes) else str(element)


@pytest.mark.parametrize("binary", [False, True])
def test_tritons_client_sends_text_and_pictures(start_server: Callable[[str], Server], binary: bool) -> None:
    client = client_of(start_server("tensors"))
    text = np.array([["straße"], ["€"]], dtype=object)
    picture = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    inputs = [
        tensor("text", text, "BYTES", binary=binary),
        tensor("picture", picture, "FP32", binary=binary),
    ]
    answer = client.infer("box", inputs)
    assert [as_text(each) for each in answer.as_numpy("capitals").ravel()] == ["STRASSE", "€"]
    assert answer.as_numpy("doubled").tolist() == (picture * 2).tolist()
    assert answer.as_numpy("positive").tolist() == [True, True]


def test_tritons_client_is_given_the_reason_of_a_refusal(start_server: Callable[[str], Server]) -> None:
    client = client_of(start_server("box"))
    with pytest.raises(REFUSED, match=r"the shape \[1, 3\] is not \[rows, 2\]"):
        client.infer("box", [tensor("input", np.ones((1, 3)), "FP64", binary=True)])
