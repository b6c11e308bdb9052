"""docs/kubernetes.md names what there is."""

import inspect
import re
from pathlib import Path

import pytest
from pulumi_kubernetes import ProviderArgs

from embedded.providers.kubernetes import manifest, settings
from embedded.providers.kubernetes.checks import LEFT_OUT, POLICIES
from embedded.providers.kubernetes.readiness.waiting import DEFAULT_TIMEOUT, SIMPLE, TIMEOUTS

PAGE = (Path(__file__).parents[4] / "docs/kubernetes.md").read_text()
ANNOTATION = re.compile(r"(?:pulumi\.com|groundwork\.dev)/\w+")
VARIABLE = re.compile(r"`(PULUMI_K8S_\w+)`")


def sdk_settings() -> list[str]:
    """What a program can tell a provider, in the schema's spelling."""
    names = [name for name in inspect.signature(ProviderArgs.__init__).parameters if not name.startswith("_")]
    return [re.sub(r"_(\w)", lambda found: found[1].upper(), name) for name in names]


def rows(title: str) -> str:
    """The first column of the table below a heading."""
    part = PAGE.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    return "\n".join(line.split("|")[1] for line in part.splitlines() if line.startswith("|"))


def test_every_annotation_that_the_code_knows_is_told_and_no_other() -> None:
    known = {value for value in vars(manifest).values() if isinstance(value, str) and ANNOTATION.fullmatch(value)}
    assert set(ANNOTATION.findall(rows("Annotations"))) == known
    assert set(ANNOTATION.findall(PAGE)) == known


@pytest.mark.parametrize("name", sdk_settings())
def test_every_setting_of_the_sdk_is_told(name: str) -> None:
    assert f"`{name}`" in rows("Settings")


def test_every_variable_that_the_code_reads_is_told_and_no_other() -> None:
    read = {*settings.FLAGS.values(), *settings.LEFT_OUT.values(), settings.AWAIT_ALL, settings.SERVER_SIDE_APPLY}
    assert set(VARIABLE.findall(PAGE)) == read - {""}


def test_every_kind_that_is_waited_for_is_told_with_its_time() -> None:
    waits = PAGE.split("Waited for by default:", 1)[1].split("\n\n", 1)[0]
    for kind in {"Service", "PersistentVolumeClaim", *(kind for _, kind in SIMPLE)}:
        assert re.search(rf"\b{kind}\b", waits), kind
    for seconds in {DEFAULT_TIMEOUT, *TIMEOUTS.values()}:
        assert re.search(rf"\b{seconds:.0f}\b", waits), seconds


def test_what_is_left_out_is_told() -> None:
    differences = rows("Where it differs from the official plugin")
    for token in LEFT_OUT:
        module, kind = token.split(":")[1:]
        assert f"`{module}`" in differences or f"{module} {kind}" in differences, token


def test_every_deletion_policy_is_told() -> None:
    assert all(f"`{policy}`" in PAGE for policy in POLICIES)
