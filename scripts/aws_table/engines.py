"""Versions of RDS's engines, as cfn-lint's wheel has them (MIT-0): its maintainers ask AWS for them."""

import json
from importlib.metadata import version
from typing import Any

from .schemas import data, schema_date


def render() -> str:
    """A line per engine. Each version that RDS has had, also those that it takes for no new database any more."""
    found: dict[str, list[str]] = {}
    path = data() / "extensions" / "aws_rds_dbinstance" / "engine_version.json"
    rules: list[dict[str, Any]] = json.loads(path.read_text())["allOf"]
    for rule in rules:
        engine: str = rule["if"]["properties"]["Engine"].get("const", "")
        if engine:
            found[engine] = sorted(rule["then"]["properties"]["EngineVersion"]["enum"])
    lines = ",\n".join(f"{json.dumps(engine)}: {json.dumps(found[engine])}" for engine in sorted(found))
    source = json.dumps({"cfn-lint": version("cfn-lint"), "schemas": schema_date()})
    return f'{{"source": {source},\n"versions": {{\n{lines}\n}}}}\n'
