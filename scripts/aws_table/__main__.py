"""Writes embedded/providers/aws/table/*.json from embedded/providers/aws/types/*.yaml and the installed packages, from
these alone embedded/providers/aws/recorded/*.json, for all other types, and embedded/aws/extension/rds_engines.json.

Run by hand after a change to either, or to a pin: uv sync --group aws --group emulation --group aws-table first.
Ends with 1, and the list of them, where a type has inputs or outputs that are neither mapped nor listed.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from . import engines, recorded
from .build import Builder
from .schemas import schema_date

EMBEDDED = Path(__file__).parents[2] / "embedded"
AWS = EMBEDDED / "providers" / "aws"
ENGINES = EMBEDDED / "aws" / "extension" / "rds_engines.json"


def build(file: Path) -> tuple[dict[str, Any], int]:
    """A service's table, and the number of problems, which are printed."""
    declared: dict[str, Any] = yaml.load(file.read_bytes(), yaml.CSafeLoader)
    built, problems = dict[str, Any](), 0
    for token, entry in declared["types"].items():
        builder = Builder(token, declared["service"], entry)
        built[f"aws:{token}"] = builder.build()
        problems += len(builder.problems)
    return built, problems


def render(types: dict[str, Any]) -> str:
    packages = ("pulumi-aws", "botocore", "cfn-lint")
    sources = {**{name: version(name) for name in packages}, "schemas": schema_date()}
    return json.dumps({"sources": sources, "types": types}, indent=1, sort_keys=True) + "\n"


def emulated() -> set[str]:
    """Tokens of the types that are declared by hand."""
    files = (AWS / "types").glob("*.yaml")
    return {token for file in files for token in yaml.load(file.read_bytes(), yaml.CSafeLoader)["types"]}


def render_recorded(module: str, tokens: list[str]) -> str:
    """A type a line: they are many, and nobody reads them."""
    types = recorded.build(module, tokens)
    lines = [f"{json.dumps(token)}: {json.dumps(types[token], sort_keys=True)}" for token in sorted(types)]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def write_recorded() -> None:
    folder, known = AWS / "recorded", emulated()
    for file in folder.glob("*.json"):
        file.unlink()
    for module, found in recorded.tokens().items():
        if tokens := [token for token in found if token not in known]:
            (folder / f"{module}.json").write_text(render_recorded(module, tokens))


def main() -> int:
    problems = 0
    chosen = sys.argv[1:]
    for file in sorted((AWS / "types").glob("*.yaml")):
        if not chosen or file.stem in chosen:
            types, found = build(file)
            problems += found
            (AWS / "table" / f"{file.stem}.json").write_text(render(types))
    if not chosen:
        write_recorded()
    ENGINES.write_text(engines.render())
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
