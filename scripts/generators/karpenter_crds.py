"""modules/nodes/karpenter_crds.json from Karpenter's own module: `python -m scripts.generators.karpenter_crds`.

Needs a Go module proxy and the toolchain's Go, which `scripts/up` installs.
"""

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import yaml

from modules.core.paths import REPOSITORY

from .karpenter_module import downloaded

FOLDER = "pkg/apis/crds"
TARGET = REPOSITORY / "modules/nodes/karpenter_crds.json"


def without_descriptions(value: Any) -> Any:
    """Return a schema without the texts for people, which are four fifths of it. A property of that name stays."""
    if isinstance(value, list):
        return [without_descriptions(each) for each in cast(list[Any], value)]
    if not isinstance(value, dict):
        return value
    return {
        key: without_descriptions(each)
        for key, each in cast(dict[str, Any], value).items()
        if not (key == "description" and isinstance(each, str))
    }


def render(documents: Iterable[str]) -> str:
    """Return the definitions by their names, one a line."""
    found = {each["metadata"]["name"]: each["spec"] for each in map(yaml.safe_load, documents)}
    lines = [f" {json.dumps(name)}: {json.dumps(without_descriptions(found[name]))}" for name in sorted(found)]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = sorted((downloaded(Path(folder)) / FOLDER).glob("*.yaml"))
        TARGET.write_text(render(file.read_text() for file in files))


if __name__ == "__main__":
    main()
