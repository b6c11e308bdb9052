"""Files that no skops wrote: none of them runs code where the release trusts no types."""

import io
import json
import pickle
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn

from workloads.server import skops_model

State = dict[str, Any]


class Payload:
    """Makes a file where it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, str]]:
        return open, (str(self.marker), "w")


def node(loader: str, full_name: str, **more: Any) -> State:
    module, _, name = full_name.rpartition(".")
    return {"__loader__": loader, "__module__": module, "__class__": name, **more}


def value(content: Any) -> State:
    return node("JsonNode", "builtins.str", content=json.dumps(content), is_json=True)


def items(*content: State) -> State:
    return node("TupleNode", "builtins.tuple", content=list(content))


def mapping(**content: State) -> State:
    keys = [node("TypeNode", "builtins.str") for _ in content]
    return node("DictNode", "builtins.dict", content=content, key_types=node("ListNode", "builtins.list", content=keys))


def classifier(**attributes: State) -> State:
    """Of a type that skops trusts by itself."""
    return node(
        "ObjectNode",
        "sklearn.dummy.DummyClassifier",
        content=mapping(**attributes, _sklearn_version=value(sklearn.__version__)),
    )


SYSTEM = node("FunctionNode", "posix.system")
SEED = mapping(bit_generator=value("seed"))
GENERATOR = "numpy.random._generator.Generator"
UNTRUSTED: dict[str, tuple[State, int]] = {
    "a function": (classifier(a=SYSTEM), 2),
    "a function as protocol 0 names it": (
        classifier(a=node("FunctionNode", "a.b", content={"module_path": "posix", "function": "system"})),
        0,
    ),
    "a call": (node("ConstructorFromReduceNode", "posix.system", content=items(value("true"))), 2),
    "a partial call": (
        node(
            "PartialNode",
            "functools.partial",
            content={"func": SYSTEM, "args": items(value("true")), "kwds": mapping(), "namespace": mapping()},
        ),
        2,
    ),
    "a list of a class that is none": (node("ListNode", "posix.system", content=[]), 2),
    "a number of a class that is none": (
        node("NdArrayNode", "posix.system", type="json", content=[], shape=items()),
        2,
    ),
    "a loss that is none": (
        node("LossNode", "posix.system", __reduce__={"args": items(value("true"))}, content=mapping()),
        2,
    ),
    "what a defaultdict calls": (
        node("DefaultDictNode", "collections.defaultdict", content={"main": mapping(), "default_factory": SYSTEM}),
        2,
    ),
    "a generator of another name": (
        node("RandomGeneratorNode", GENERATOR, content={"bit_generator": SEED, "seed_seq": mapping()}),
        2,
    ),
    "the same of protocol 1": (node("RandomGeneratorNode", GENERATOR, content={"bit_generator": SEED}), 1),
    "what another part refers to": (
        items(SYSTEM | {"__id__": 6}, node("CachedNode", "builtins.str", __id__=6)),
        2,
    ),
}


def written(file: Path, state: State, protocol: int = 2, *, files: Mapping[str, bytes] | None = None) -> Path:
    with zipfile.ZipFile(file, "w") as stored:
        for name, content in (files or {}).items():
            stored.writestr(name, content)
        stored.writestr("schema.json", json.dumps({**state, "protocol": protocol, "_skops_version": "0"}))
    return file


@pytest.mark.parametrize("what", UNTRUSTED)
def test_what_would_be_called_or_imported_is_refused_by_name(what: str, tmp_path: Path) -> None:
    file = written(tmp_path / "model.skops", *UNTRUSTED[what])
    with pytest.raises(skops_model.ModelRefusedError, match=r"does not trust: .*(posix\.system|numpy\.random\.seed)"):
        skops_model.open_session(file, trusted=[], threads=1)


@pytest.mark.parametrize("as_array", [True, False])
def test_a_pickle_in_place_of_numbers_is_not_loaded(as_array: bool, tmp_path: Path) -> None:
    payload, array = Payload(tmp_path / "ran"), io.BytesIO()
    np.save(array, np.array([payload], dtype=object), allow_pickle=True)
    content = array.getvalue() if as_array else pickle.dumps(payload)
    numbers = node("NdArrayNode", "numpy.ndarray", type="numpy", file="numbers")
    file = written(tmp_path / "model.skops", classifier(a=numbers), files={"numbers": content})
    with pytest.raises(ValueError, match="allow_pickle"):
        skops_model.open_session(file, trusted=[], threads=1)
    assert not (tmp_path / "ran").exists()


def test_nothing_is_written_or_read_outside_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (folder := tmp_path / "model").mkdir()
    inside = node("BytesNode", "builtins.bytes", file="../secret")
    with pytest.raises(KeyError, match="no item named"):
        skops_model.open_session(written(folder / "model.skops", classifier(a=inside)), trusted=[], threads=1)
    file = written(folder / "model.skops", classifier(a=inside), files={"../secret": b"other", "../written": b""})
    assert skops_model.open_session(file, trusted=[], threads=1).predict_proba.__self__.a == b"other"
    assert (tmp_path / "secret").read_text() == "secret"
    assert not (tmp_path / "written").exists()


def test_of_two_parts_with_one_name_what_is_judged_is_what_is_made(tmp_path: Path) -> None:
    file = written(tmp_path / "model.skops", classifier(a=value(1)))
    with zipfile.ZipFile(file, "a") as stored, pytest.warns(UserWarning, match="Duplicate name"):
        stored.writestr("schema.json", json.dumps({**classifier(a=SYSTEM), "protocol": 2}))
    with pytest.raises(skops_model.ModelRefusedError, match=r"does not trust: posix\.system"):
        skops_model.open_session(file, trusted=[], threads=1)
