"""Classifiers of XGBoost and LightGBM as ONNX graphs: input, FP64 [rows, features], to probabilities [rows, classes].

The label is the class with the greatest probability, classes in the order of the model's own `classes_`.
"""
# xgboost, lightgbm and onnxmltools leave most of their arguments and results untyped.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper
from onnx.checker import check_model

from workloads.onnx_form import INPUT, PROBABILITIES

if TYPE_CHECKING:
    from lightgbm import LGBMClassifier
    from xgboost import XGBClassifier

IR_VERSION, OPSET = 10, 21
SINGLE, DOUBLE = (TensorProto.FLOAT, 3), (TensorProto.DOUBLE, 5)
"""Precision of the probabilities, and the version of ONNX's operators for trees: the fifth is the first in which
thresholds, leaves and sums may be double ones, and has no longer what the converter for XGBoost writes."""
LESS_OR_EQUAL = 0
"""How ONNX's TreeEnsemble numbers the comparison `<=`."""
AGGREGATE_SUM = 1


def xgboost_graph(model: "XGBClassifier") -> bytes:
    """Return a fitted classifier as ONNX. XGBoost rounds what it is asked to single precision before it compares, and
    so does the graph: its thresholds, which are single ones, are exact."""
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    plain: Any = deepcopy(model)
    plain.get_booster().feature_names = None  # the converter wants columns by number
    graph = convert_xgboost(
        plain, name="xgboost", initial_types=[("rounded", FloatTensorType([None, model.n_features_in_]))]
    ).graph
    rounding = helper.make_node("Cast", [INPUT], ["rounded"], to=TensorProto.FLOAT)
    return _classifier([rounding, *graph.node], model.n_features_in_, len(model.classes_), SINGLE)


def lightgbm_graph(model: "LGBMClassifier") -> bytes:
    """Return a fitted classifier as ONNX, thresholds, leaves and sums in double precision as LightGBM's own.

    onnxmltools writes single ones, which move the answer of a row that lies on a threshold (by 0.99, measured).
    Raise ValueError for what is not supported: another objective than `binary` and `multiclass`, random forests,
    linear trees, categorical features, zeros that count as missing.
    """
    dump = model.booster_.dump_model()
    objective, _, options = dump["objective"].partition(" ")
    if objective not in ("binary", "multiclass") or dump.get("average_output"):
        what = "random forests" if dump.get("average_output") else f"the objective {objective!r}"
        raise ValueError(f"LightGBM: {what} can't be converted to ONNX: use boosting with binary or multiclass")
    outputs = dump["num_tree_per_iteration"]
    trees = _Trees()
    for number, tree in enumerate(dump["tree_info"]):
        trees.roots.append(trees.add(tree["tree_structure"], number % outputs))
    nodes = [trees.node("scores", outputs)]
    if objective == "binary":
        # `sigmoid:1`: by how much LightGBM multiplies a score first.
        scale = np.array([[-1.0, 1.0]]) * float(dict([options.split(":")])["sigmoid"])
        constant = helper.make_node("Constant", [], ["scale"], value=numpy_helper.from_array(scale))
        nodes += [constant, helper.make_node("Mul", ["scores", "scale"], ["scaled"])]
        nodes.append(helper.make_node("Sigmoid", ["scaled"], [PROBABILITIES]))
    else:
        nodes.append(helper.make_node("Softmax", ["scores"], [PROBABILITIES], axis=1))
    return _classifier(nodes, model.n_features_in_, len(model.classes_), DOUBLE)


@dataclass
class _Trees:
    """The nodes and leaves of all trees, as ONNX's TreeEnsemble lists them."""

    roots: list[int] = field(default_factory=list[int])
    features: list[int] = field(default_factory=list[int])
    thresholds: list[float] = field(default_factory=list[float])
    missing: list[int] = field(default_factory=list[int])
    """Whether the answer to a value that is no number is the same as to one below the threshold."""
    branches: list[list[tuple[int, bool]]] = field(default_factory=list[list[tuple[int, bool]]])
    """Of each node, where it leads if the value is at most the threshold, and if not: a node, or (True) a leaf."""
    targets: list[int] = field(default_factory=list[int])
    """Of each leaf, the score that it adds to."""
    weights: list[float] = field(default_factory=list[float])

    def add(self, tree: Mapping[str, Any], target: int) -> int:
        """Add a tree of LightGBM's dump; return its root. Of a single leaf, a node that leads to it either way."""
        if "leaf_value" in tree:
            leaf = self._leaf(tree, target)
            return self._node(feature=0, threshold=0.0, missing=False, branches=[leaf, leaf])
        if tree["decision_type"] != "<=" or tree["missing_type"] == "Zero":
            raise ValueError(
                f"LightGBM: a split by {tree['decision_type']!r} with {tree['missing_type']!r} for missing values "
                "can't be converted to ONNX: train on numbers, without categorical features and zero_as_missing"
            )
        threshold = float(tree["threshold"])
        missing = tree["default_left"] if tree["missing_type"] == "NaN" else threshold >= 0  # else it counts as zero
        node = self._node(feature=tree["split_feature"], threshold=threshold, missing=missing, branches=[])
        self.branches[node] += [self._branch(tree[side], target) for side in ("left_child", "right_child")]
        return node

    def _node(self, *, feature: int, threshold: float, missing: bool, branches: list[tuple[int, bool]]) -> int:
        self.features.append(feature)
        self.thresholds.append(threshold)
        self.missing.append(int(missing))
        self.branches.append(branches)
        return len(self.features) - 1

    def _branch(self, tree: Mapping[str, Any], target: int) -> tuple[int, bool]:
        return self._leaf(tree, target) if "leaf_value" in tree else (self.add(tree, target), False)

    def _leaf(self, tree: Mapping[str, Any], target: int) -> tuple[int, bool]:
        if tree.get("leaf_coeff"):
            raise ValueError("LightGBM: linear trees can't be converted to ONNX: train without linear_tree")
        self.targets.append(target)
        self.weights.append(float(tree["leaf_value"]))
        return len(self.weights) - 1, True

    def node(self, output: str, scores: int) -> NodeProto:
        """Return the node that computes so many scores for each row, without a transformation."""
        below, above = zip(*self.branches, strict=True)
        return helper.make_node(
            "TreeEnsemble",
            [INPUT],
            [output],
            domain="ai.onnx.ml",
            n_targets=scores,
            aggregate_function=AGGREGATE_SUM,
            tree_roots=self.roots,
            nodes_featureids=self.features,
            nodes_splits=numpy_helper.from_array(np.array(self.thresholds)),
            nodes_modes=numpy_helper.from_array(np.full(len(self.features), LESS_OR_EQUAL, dtype=np.uint8)),
            nodes_missing_value_tracks_true=self.missing,
            nodes_truenodeids=[place for place, _ in below],
            nodes_trueleafs=[int(leaf) for _, leaf in below],
            nodes_falsenodeids=[place for place, _ in above],
            nodes_falseleafs=[int(leaf) for _, leaf in above],
            leaf_targetids=self.targets,
            leaf_weights=numpy_helper.from_array(np.array(self.weights)),
        )


def _classifier(nodes: Sequence[NodeProto], features: int, classes: int, kind: tuple[int, int]) -> bytes:
    """Return a model of these nodes. kind: SINGLE or DOUBLE."""
    precision, trees = kind
    graph = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info(INPUT, TensorProto.DOUBLE, [None, features])],
        [helper.make_tensor_value_info(PROBABILITIES, precision, [None, classes])],
    )
    versions = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", trees)]
    model = helper.make_model(graph, opset_imports=versions, ir_version=IR_VERSION)
    check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)
