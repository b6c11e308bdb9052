"""The form in which a model is served: its ONNX graph, what it is, and held-out rows with what the native model
answered, by which the model server's image checks the graph before a release.

Runs inside the training image; workloads/server/model.py reads it.
"""
# onnx, skl2onnx and scikit-learn leave most of their arguments and results untyped.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

import json
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workloads.experiment import TrainingError

FOLDER = "serving"
"""In the model's folder."""
CHECKED_ROWS = 1000
"""The most held-out rows that the check compares."""
INPUT, LABEL, PROBABILITIES = "input", "label", "probabilities"
TREES = "TreeEnsembleClassifier"
OPSETS = {"": 21, "ai.onnx.ml": 3}
"""Versions of ONNX' operators: with 3 of ai.onnx.ml, trees can hold numbers in double precision."""


def add_classifier(folder: Path, model: Any, rows: Any, *, graph: bytes, library: str) -> None:
    """Add the ONNX form of a classifier to the folder with its native one.

    model: with `classes_`, `predict` and `predict_proba` as scikit-learn's have. rows: a data frame of held-out rows,
    whose columns are the features. graph: see `from_scikit_learn`. library: the package that trained it.
    """
    add_form(folder, file="model.onnx", content=graph, library=library, **classifier_answers(model, rows))


def classifier_answers(model: Any, rows: Any) -> dict[str, Any]:
    """Return features, classes, inputs and expected of a classifier, as `add_form` takes them."""
    rows = rows.iloc[:CHECKED_ROWS]
    return {
        "features": [str(name) for name in rows.columns],
        "classes": [str(label) for label in model.classes_],
        "inputs": {INPUT: rows.to_numpy(dtype=np.float64)},
        "expected": {
            LABEL: np.array([str(label) for label in model.predict(rows)]),
            PROBABILITIES: np.asarray(model.predict_proba(rows)),
        },
    }


def add_form(
    folder: Path,
    *,
    file: str,
    content: bytes,
    library: str,
    features: Sequence[str] | None,
    classes: Sequence[str] | None,
    inputs: Mapping[str, NDArray[Any]],
    expected: Mapping[str, NDArray[Any]],
) -> None:
    """Add the form in which a model is served to the folder with its native one.

    file, content: the model in that form. features, classes: of a classifier over named columns, else None. inputs:
    held-out rows, an array for each input of the model. expected: by the model's outputs, what the native model
    answered. The same arguments give the same bytes.
    """
    served = folder / FOLDER
    served.mkdir()
    (served / file).write_bytes(content)
    described = {"library": f"{library} {version(library)}", "features": features, "classes": classes}
    (served / "model.json").write_text(json.dumps(described, indent=1) + "\n")
    answers = {f"expected/{name}": values for name, values in expected.items()}
    np.savez_compressed(served / "held_out.npz", allow_pickle=False, **inputs, **answers)


def from_scikit_learn(model: Any, width: int) -> bytes:
    """Return the ONNX graph of a classifier over `width` features: from `input`, FP64 [rows, width], to
    `probabilities`, FP32 [rows, classes]. Raise TrainingError where skl2onnx knows no ONNX form of
    the model."""
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import DoubleTensorType

    try:
        converted: Any = convert_sklearn(
            model,
            name=FOLDER,  # a random one else
            initial_types=[(INPUT, DoubleTensorType([None, width]))],
            options={"zipmap": False},
            target_opset=OPSETS,
            custom_conversion_functions=_tree_classifiers(),
        )
    except Exception as error:  # it has no class of its own for what it can't convert
        raise TrainingError(
            f"{type(model).__name__} can't be converted to ONNX, the form in which models are served: {error}"
        ) from error
    return _with_probabilities_alone(converted)


def _with_probabilities_alone(converted: Any) -> bytes:
    """Without the label, which the model server finds by itself; as FP32, which is as exact as ONNX Runtime's trees."""
    from onnx import TensorProto, helper
    from onnx.utils import Extractor

    graph = converted.graph
    for node in graph.node:
        node.output[:] = ["double" if name == PROBABILITIES else name for name in node.output]
    graph.node.append(helper.make_node("Cast", ["double"], [PROBABILITIES], to=TensorProto.FLOAT))
    output = next(each for each in graph.output if each.name == PROBABILITIES)
    output.type.tensor_type.elem_type = TensorProto.FLOAT
    alone: Any = Extractor(converted).extract_model([INPUT], [PROBABILITIES])
    opsets = sorted({(each.domain, each.version) for each in alone.opset_import})
    del alone.opset_import[:]
    alone.opset_import.extend(helper.make_opsetid(domain, number) for domain, number in opsets)
    return alone.SerializeToString(deterministic=True)


class _DoubleTrees:
    """A container of skl2onnx, of which a tree's numbers keep their double precision.

    skl2onnx writes them as single ones. For a double input a value that is equal to a threshold can then go the other
    way: probabilities of a forest moved by 0.04.
    """

    def __init__(self, container: Any, single: bool) -> None:
        self._container, self._single = container, single

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def add_node(self, op_type: str, inputs: Any, outputs: Any, **attributes: Any) -> None:
        from onnx import TensorProto
        from onnx.numpy_helper import from_array

        if op_type != TREES:
            self._container.add_node(op_type, inputs, outputs, **attributes)
            return
        exact = {
            f"{key}_as_tensor" if _is_double(value) else key: from_array(value, name=key)
            if _is_double(value)
            else value
            for key, value in attributes.items()
        }
        label, probabilities = outputs
        given = probabilities if self._single else f"{probabilities}_single"
        self._container.add_node(op_type, inputs, [label, given], **exact)
        if not self._single:  # ONNX' trees give single precision, where what follows expects double
            name = f"{given}_cast"
            self._container.add_node("Cast", given, probabilities, to=TensorProto.DOUBLE, op_version=13, name=name)


def _is_double(value: Any) -> bool:
    return getattr(value, "dtype", None) == np.float64


def _convert_trees(scope: Any, operator: Any, container: Any) -> None:
    """Convert a tree model, or an ensemble of trees, in double precision where its input is that."""
    from skl2onnx.common._registration import get_converter
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    if isinstance(operator.inputs[0].type, DoubleTensorType):
        container = _DoubleTrees(container, isinstance(operator.outputs[1].type, FloatTensorType))
    get_converter(operator.type)(scope, operator, container, TREES, "ai.onnx.ml", OPSETS["ai.onnx.ml"])


def _tree_classifiers() -> dict[type, Callable[..., None]]:
    from sklearn import ensemble, tree

    return dict.fromkeys(
        (
            ensemble.ExtraTreesClassifier,
            ensemble.GradientBoostingClassifier,
            ensemble.HistGradientBoostingClassifier,
            ensemble.RandomForestClassifier,
            tree.DecisionTreeClassifier,
            tree.ExtraTreeClassifier,
        ),
        _convert_trees,
    )
