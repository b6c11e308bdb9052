"""The committed table is the generator's, and leaves out nothing that a program may set or read."""

import json
from collections import Counter
from functools import cache
from typing import Any

import pytest
import yaml

from scripts.aws_table import engines, recorded
from scripts.aws_table.__main__ import AWS, ENGINES, build, emulated, render, render_recorded
from scripts.aws_table.schemas import find
from scripts.aws_table.sdk import read_type

RECORDED = AWS / "recorded"
FILES = sorted((AWS / "types").glob("*.yaml"))


generated = cache(build)


@pytest.fixture(scope="module", params=FILES, ids=lambda file: file.stem)
def service(request: pytest.FixtureRequest) -> Any:
    declared = yaml.load(request.param.read_bytes(), yaml.CSafeLoader)
    return declared, *generated(request.param), request.param.stem


def test_the_committed_table_is_what_the_packages_and_declarations_give(service: Any) -> None:
    """Otherwise: python -m scripts.aws_table"""
    _, built, problems, name = service
    assert problems == 0
    assert (AWS / "table" / f"{name}.json").read_text() == render(built)


def test_every_type_of_the_sdk_is_emulated_or_recorded() -> None:
    """Otherwise: python -m scripts.aws_table"""
    known = {token for tokens in recorded.tokens().values() for token in tokens}
    kept = {token.removeprefix("aws:") for file in RECORDED.glob("*.json") for token in json.loads(file.read_text())}
    assert kept == known - emulated()


@pytest.mark.parametrize("module", ["acm", "appsync", "servicediscovery"])
def test_the_committed_records_are_what_the_packages_give(module: str) -> None:
    """Of three modules: all of them take a minute."""
    tokens = [token for token in recorded.tokens()[module] if token not in emulated()]
    assert (RECORDED / f"{module}.json").read_text() == render_recorded(module, tokens)


def test_the_committed_versions_of_engines_are_what_the_packages_give() -> None:
    assert ENGINES.read_text() == engines.render()


def test_every_input_and_output_is_mapped_or_listed_with_a_reason(service: Any) -> None:
    declared, built, _, _ = service
    for token, entry in declared["types"].items():
        made, sdk = built[f"aws:{token}"], read_type(token)
        assert set(made["inputs"]) == set(sdk.inputs), token
        filled = {
            *made["outputs"],
            *entry.get("unfilled", ()),
            "region",
            "tags",
            "tagsAll",
            *(["arn"] if "arn" in entry else []),
        }
        assert set(sdk.outputs) <= filled, token
        for key in ("own", "recorded", "refused", "unfilled"):
            assert all(entry.get(key, {}).values()), (token, key)


def test_every_exception_has_a_reason_and_a_source_and_decides_something(service: Any) -> None:
    declared, built, _, _ = service
    for token, entry in declared["types"].items():
        for name, exception in entry.get("exceptions", {}).items():
            assert set(exception) == {"replaces", "reason", "source"}, (token, name)
            if "." not in name:
                assert built[f"aws:{token}"]["inputs"][name]["by"] == "exception"


def test_most_decisions_are_awss_own() -> None:
    by = Counter(
        node["by"]
        for file in FILES
        for entry in generated(file)[0].values()
        for name, node in entry["inputs"].items()
        if name not in {"region", "tags"}
    )
    assert by["exception"] < 0.25 * (by["schema"] + by["operations"])


@pytest.mark.parametrize(
    ("name", "candidates", "found"),
    [
        ("subnetIds", ["SubnetId", "SubnetIds"], "SubnetIds"),
        ("rule", ["Rules"], "Rules"),
        ("routes", ["Route"], "Route"),
        ("enableDns64", ["EnableDNS64"], "EnableDNS64"),
        ("name", ["RoleName", "Path"], "RoleName"),
        ("nothing", ["Path"], None),
    ],
)
def test_a_name_finds_its_like(name: str, candidates: list[str], found: str | None) -> None:
    assert find(name, dict.fromkeys(candidates), "Role") == found
