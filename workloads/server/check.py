"""Does the pinned model work in this very image? Asked by `groundwork release` before anything is rolled out."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workloads.artifacts import object_store
from workloads.server.inference import BadRequestError, predict, predict_answer, rows_of_predict
from workloads.server.model import HELD_OUT, LABEL, PROBABILITIES, Model, ModelRefusedError, fetch, load, read_pin

TOLERANCE = 1e-6
"""Between the numbers that the model answers here and those of the native one. Single precision is off by 6e-8."""
SHOWN_ROWS = 3
"""Of those that differ."""
EXPECTED = "expected/"
Arrays = Mapping[str, NDArray[Any]]


def run(environ: Mapping[str, str]) -> int:
    """Prints one line of JSON: {ok, model_*, problems, library, rows, answer}; 1 when there is a problem."""
    pin = read_pin(environ)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            fetch(pin, object_store(), folder)
            report = examine(folder, json.loads(environ["MODEL_EXAMPLE"]))
        except Exception as error:
            report = {"problems": [f"{type(error).__name__}: {error}"]}
    print(json.dumps({"ok": not report["problems"], **pin.identity, **report}), flush=True)
    return 1 if report["problems"] else 0


def examine(folder: Path, example: dict[str, float]) -> dict[str, Any]:
    """Compare the model with its native form first: one that answers may answer wrongly."""
    try:
        model = load(folder)
        inputs, expected = held_out(folder, model)
        problems = list(differences(inputs, expected, model.run(inputs), model))
        report = {"problems": problems, "library": model.library, "rows": len(next(iter(inputs.values())))}
        if model.features is None:
            return report
        return {**report, "answer": predict_answer(predict(model, rows_of_predict(example, model.features)))}
    except (ModelRefusedError, BadRequestError) as error:
        return {"problems": [str(error)]}


def held_out(folder: Path, model: Model) -> tuple[Arrays, Arrays]:
    """Return the held-out rows by input, and by output what the native model answered for them.

    Refuses a file without rows, one that asks for what the model does not take or give, and one of Python objects,
    which could run anything when it is read.
    """
    try:
        with np.load(folder / HELD_OUT, allow_pickle=False) as file:
            arrays: dict[str, NDArray[Any]] = {name: file[name] for name in file.files}
    except Exception as error:  # NumPy has a class of its own for each way in which a file is no archive of arrays
        raise ModelRefusedError(f"{HELD_OUT} can't be read: {type(error).__name__}: {error}") from error
    expected = {name.removeprefix(EXPECTED): array for name, array in arrays.items() if name.startswith(EXPECTED)}
    inputs = {name: array for name, array in arrays.items() if not name.startswith(EXPECTED)}
    taken, given = {each.name for each in model.inputs}, {each.name for each in model.outputs}
    sizes = {array.shape[:1] for array in arrays.values()}
    if set(inputs) != taken or not expected or not set(expected) <= given or len(sizes) != 1 or not all(sizes.pop()):
        shapes = {name: list(array.shape) for name, array in arrays.items()}
        raise ModelRefusedError(
            f"{HELD_OUT} has the arrays {shapes}: expected one for each of the inputs {sorted(taken)} and, below "
            f"{EXPECTED!r}, for some of the outputs {sorted(given)}, all with the same number of rows, at least one"
        )
    return inputs, expected


def differences(inputs: Arrays, expected: Arrays, found: Arrays, model: Model) -> Iterator[str]:
    """What is wrong with the outputs of the held-out rows: for each that differs, how many rows do, and the first."""
    for name, wanted in expected.items():
        rows = np.flatnonzero(differing(name, wanted, found, model))
        if not len(rows):
            continue
        shown = "; ".join(
            f"row {row}: inputs { {key: _row(array, row) for key, array in inputs.items()} }, "
            f"expected {_row(wanted, row)}, found {_row(found[name], row)}"
            for row in rows[:SHOWN_ROWS].tolist()
        )
        yield (
            f"{name} of {len(rows)} of {len(wanted)} held-out rows is not what the native model answered "
            f"({model.library}): {shown}"
        )


def _row(array: NDArray[Any], row: int) -> Any:
    return array[row : row + 1].tolist()[0]


def differing(name: str, wanted: NDArray[Any], found: Arrays, model: Model) -> NDArray[np.bool_]:
    """Whether each row of an output is another than the native model's answer. Numbers may differ by TOLERANCE; so of
    two labels that are equally probable, but for that, either is right."""
    given = found[name]
    scores = found.get(PROBABILITIES)
    if name == LABEL and model.classes is not None and scores is not None:
        best = scores.max(axis=1) - 2 * TOLERANCE
        places = {label: place for place, label in enumerate(model.classes)}
        return np.array(
            [label not in places or scores[row, places[label]] < best[row] for row, label in enumerate(wanted.tolist())]
        )
    if given.shape != wanted.shape:
        return np.ones(len(wanted), dtype=np.bool_)
    if wanted.dtype.kind == "f":
        same = np.isclose(given, wanted, rtol=0, atol=TOLERANCE, equal_nan=True)
    else:
        same = given.astype(str) == wanted.astype(str)
    return np.array([not rows.all() for rows in np.asarray(same)])
