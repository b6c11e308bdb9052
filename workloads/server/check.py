"""Does the pinned model work in this very image? Asked by `groundwork release` before anything is rolled out."""

import json
import platform
import tempfile
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

from workloads.artifacts import object_store
from workloads.server.errors import BadRequestError
from workloads.server.inference import predict
from workloads.server.model import ModelRefusedError, fetch, load, read_pin


def run(environ: Mapping[str, str]) -> int:
    """Prints one line of JSON: {ok, model_*, problems, versions, answer}; 1 when there is a problem."""
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
    """Compares versions first: a model that other versions wrote may load, and answer wrongly."""
    versions = recorded_versions(folder)
    problems = [
        f"{name}: the model was trained with {trained}, this image has {here or 'none'}"
        for name, (trained, here) in versions.items()
        if trained != here
    ]
    try:
        model = load(folder)
        answer = predict(model, example)
    except (ModelRefusedError, BadRequestError) as error:
        return {"problems": [*problems, str(error)], "versions": versions}
    return {"problems": problems, "versions": versions, "answer": answer}


def recorded_versions(folder: Path) -> dict[str, tuple[str, str | None]]:
    """By name: (version that the model was trained with, version in this image).

    Python counts to its minor version, within which pickles and wheels fit; libraries count exactly.
    """
    python = yaml.safe_load((folder / "python_env.yaml").read_text())["python"]
    found: dict[str, tuple[str, str | None]] = {"python": (_minor(python), _minor(platform.python_version()))}
    for line in (folder / "requirements.txt").read_text().splitlines():
        name, _, trained = line.partition("==")
        found[name] = (trained, _installed(name))
    return found


def _minor(python: str) -> str:
    return ".".join(python.split(".")[:2])


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
