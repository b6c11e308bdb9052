import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from workloads.onnx_form import add_form
from workloads.server import check
from workloads.server.model import ModelRefusedError, TensorSpec, load

EXAMPLE = {"width": 1.0, "height": 1.0}
Arrays = dict[str, NDArray[Any]]


@pytest.fixture
def folder(model_folder: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return shutil.copytree(model_folder, tmp_path / "model")


def rewrite(folder: Path, change: Callable[[Arrays], Mapping[str, Any]]) -> None:
    file = folder / "serving" / "held_out.npz"
    with np.load(file) as read:
        arrays = {name: read[name] for name in read.files}
    np.savez_compressed(file, **change(arrays))


def describe(folder: Path, **changed: Any) -> None:
    file = folder / "serving" / "model.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changed}))


def test_a_classifier_says_what_it_takes_and_gives(model_folder: Path) -> None:
    model = load(model_folder)
    assert model.inputs == (TensorSpec("input", "FP64", (-1, 2)),)
    assert model.outputs == (TensorSpec("label", "BYTES", (-1,)), TensorSpec("probabilities", "FP32", (-1, 2)))
    assert (model.features, model.classes) == (("width", "height"), ("large", "small"))
    assert model.library.startswith("scikit-learn 1.")


def test_a_classifier_answers_labels_and_probabilities_in_the_order_of_its_classes(model_folder: Path) -> None:
    answer = load(model_folder).run({"input": np.array([[1.0, 1.0], [9.0, 9.0]])})
    assert answer["label"].tolist() == ["small", "large"]
    assert answer["probabilities"] == pytest.approx(np.array([[0.2, 0.8], [1, 0]]))


def test_a_model_that_answers_as_the_native_one_fits(model_folder: Path) -> None:
    report = check.examine(model_folder, EXAMPLE)
    assert report["problems"] == []
    assert report["rows"] == 4
    assert report["library"].startswith("scikit-learn ")
    assert report["answer"]["predictions"] == ["small"]


def test_a_model_that_does_not_answer_the_example_does_not_fit(model_folder: Path) -> None:
    report = check.examine(model_folder, {"width": 1.0})
    assert report["problems"] == ["rows[0]: features ['height'] are missing; the features are ['width', 'height']"]


def test_a_model_without_its_onnx_form_is_refused_with_what_to_do(folder: Path) -> None:
    shutil.rmtree(folder / "serving")
    (problem,) = check.examine(folder, EXAMPLE)["problems"]
    assert "has no serving/model.onnx" in problem
    assert "train it again and release the new version" in problem


def test_probabilities_that_are_others_are_refused_with_the_first_rows(folder: Path) -> None:
    rewrite(folder, lambda arrays: {**arrays, "expected/probabilities": arrays["expected/probabilities"] - 2e-6})
    (problem,) = check.examine(folder, EXAMPLE)["problems"]
    assert problem.startswith(
        "probabilities of 4 of 4 held-out rows is not what the native model answered (scikit-learn "
    )
    assert "; row 2: inputs {'input': [8.0, 9.0]}, expected [0.999998, -2e-06], found [1.0, 0.0]" in problem
    assert "row 3" not in problem


def test_probabilities_within_a_millionth_are_the_same(folder: Path) -> None:
    rewrite(folder, lambda arrays: {**arrays, "expected/probabilities": arrays["expected/probabilities"] - 0.9e-6})
    assert check.examine(folder, EXAMPLE)["problems"] == []


@pytest.mark.parametrize("label", ["large", "medium"])
def test_another_label_is_refused(folder: Path, label: str) -> None:
    rewrite(folder, lambda arrays: {**arrays, "expected/label": np.array(["small", "small", label, label])})
    problems = check.examine(folder, EXAMPLE)["problems"]
    found = [problem for problem in problems if "expected medium, found large" in problem]
    assert len(found) == (label == "medium")
    assert bool(problems) == (label == "medium")


def test_of_labels_that_are_equally_probable_either_is_right(model_folder: Path) -> None:
    scores = np.array([[0.5, 0.5 + 1e-7], [0.5, 0.6]], dtype=np.float32)
    found = {"label": np.array(["small", "small"], dtype=object), "probabilities": scores}
    wrong = check.differing("label", np.array(["large", "large"]), found, load(model_folder))
    assert wrong.tolist() == [False, True]


def without_rows(arrays: Arrays) -> Mapping[str, Any]:
    return {name: array[:0] for name, array in arrays.items()}


def without_answers(arrays: Arrays) -> Mapping[str, Any]:
    return {"input": arrays["input"]}


def with_another(arrays: Arrays) -> Mapping[str, Any]:
    return {**arrays, "more": arrays["input"]}


def with_fewer(arrays: Arrays) -> Mapping[str, Any]:
    return {**arrays, "expected/label": arrays["expected/label"][1:]}


@pytest.mark.parametrize("change", [without_rows, without_answers, with_another, with_fewer])
def test_held_out_rows_that_prove_nothing_are_refused(
    folder: Path, change: Callable[[Arrays], Mapping[str, Any]]
) -> None:
    rewrite(folder, change)
    (problem,) = check.examine(folder, EXAMPLE)["problems"]
    assert "expected one for each of the inputs ['input']" in problem


def test_held_out_rows_of_python_objects_are_refused_unread(folder: Path) -> None:
    rewrite(folder, lambda arrays: {**arrays, "input": arrays["input"].astype(object)})
    (problem,) = check.examine(folder, EXAMPLE)["problems"]
    assert "Object arrays cannot be loaded when allow_pickle=False" in problem


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"features": ["width"]}, "described as a classifier of ['width'] into ['large', 'small']"),
        ({"classes": ["large"]}, "into ['large'], but its graph"),
        ({"classes": None}, "into [], but its graph"),
    ],
)
def test_a_graph_that_is_not_what_is_said_of_it_is_refused(folder: Path, changed: dict[str, Any], message: str) -> None:
    describe(folder, **changed)
    with pytest.raises(ModelRefusedError) as refused:
        load(folder)
    assert message in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"no: model", b"\x80\x04."])
def test_what_is_no_graph_is_refused(folder: Path, content: bytes) -> None:
    (folder / "serving" / "model.onnx").write_bytes(content)
    with pytest.raises(ModelRefusedError, match="the model can't be loaded"):
        load(folder)


def doubling() -> bytes:
    """A graph that is no classifier: twice a tensor of whole numbers."""
    node = helper.make_node("Add", ["pixels", "pixels"], ["twice"])
    sizes = ["batch", 2, 2]
    taken, given = (helper.make_tensor_value_info(name, TensorProto.INT64, sizes) for name in ("pixels", "twice"))
    graph = helper.make_graph([node], "doubling", [taken], [given])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10).SerializeToString()


@pytest.mark.parametrize(("factor", "problems"), [(2, 0), (3, 1)])
def test_a_model_of_tensors_is_compared_too(tmp_path: Path, factor: int, problems: int) -> None:
    rows = np.arange(8).reshape(2, 2, 2)
    expected = {"twice": rows * factor}
    add_form(
        tmp_path,
        file="model.onnx",
        content=doubling(),
        library="onnx",
        features=None,
        classes=None,
        inputs={"pixels": rows},
        expected=expected,
    )
    model = load(tmp_path)
    assert model.inputs == (TensorSpec("pixels", "INT64", (-1, 2, 2)),)
    assert model.outputs == (TensorSpec("twice", "INT64", (-1, 2, 2)),)
    assert len(check.examine(tmp_path, EXAMPLE)["problems"]) == problems
