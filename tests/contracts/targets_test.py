"""One program: what it declares on a cluster of somebody else is what it declares on the embedded one, save what the
settings say."""

import io
import re
import tokenize
from collections.abc import Mapping
from typing import Any

import pytest

from modules.core.paths import REPOSITORY
from stacks.compose import build
from stacks.foundation.targets import TARGETS
from stacks.settings import parse
from tests.mocks import Declared, declare

from .conftest import ENVIRONMENT, make_pins
from .layers_test import sources

WORKLOADS: dict[str, Any] = {"groundwork:workloads": {"iris": {}}, "groundwork:jenkins": {"enabled": False}}
EMBEDDED: dict[str, Any] = {"network": "10.80.0.0/16"}
EXISTING: dict[str, Any] = {
    "target": "existing",
    "context": "theirs",
    # The same as the embedded cluster's: an image's address is in documents whose hash names objects.
    "registry": {"push": "10.80.0.1:5000/groundwork"},
    "storage_class": "fast",
    "pod_range": "10.244.0.0/16",
}
DIFFERENT = {
    r"kubernetes: (context|clusterIdentifier|kubeconfig)": "which cluster it is",
    r".*-allow-dns: spec\.egress\.0\.to\..*": "which name servers pods ask",
    r".*: spec\.storageClassName": "the class of volumes",
    r".*-server: spec\.volumeClaimTemplates\..*storageClassName": "the class of volumes",
    r".*-service: metadata\.annotations\.groundwork\.dev/local-port": "nothing is published on this machine",
}
"""Pattern of `resource: path` -> what of the settings it comes from."""
ONLY_EMBEDDED = {"storage-allow-published": "nothing is published on this machine"}
NAMES = set(TARGETS) | {"aws", "gcp"}


def declared(foundation: Mapping[str, Any]) -> dict[str, Declared]:
    settings = parse({**WORKLOADS, "groundwork:foundation": foundation}, source="test")
    recorder, _ = declare(lambda: build(settings, ENVIRONMENT))
    return {f"{each.type} {each.name}": each for each in recorder.declared}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Declared], dict[str, Declared]]:
    """What is declared on the embedded cluster, and on somebody else's, by type and name."""
    with pytest.MonkeyPatch.context() as patch:
        make_pins(tmp_path_factory.mktemp("stacks"), patch)
        return declared(EMBEDDED), declared(EXISTING)


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Every value of a document by its path."""
    if isinstance(value, Mapping):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    else:
        return {path: value}
    return {key: leaf for name, each in inner for key, leaf in leaves(each, f"{path}.{name}".lstrip(".")).items()}


def test_both_have_the_same_resources(both: tuple[dict[str, Declared], dict[str, Declared]]) -> None:
    embedded, existing = both
    assert existing.keys() - embedded.keys() == set()
    assert {embedded[key].name for key in embedded.keys() - existing.keys()} == ONLY_EMBEDDED.keys()


def test_they_differ_in_what_the_settings_say_and_in_nothing_else(
    both: tuple[dict[str, Declared], dict[str, Declared]],
) -> None:
    embedded, existing = both
    found: set[str] = set()
    for key in embedded.keys() & existing.keys():
        one, other = leaves(embedded[key].inputs), leaves(existing[key].inputs)
        found |= {
            f"{embedded[key].name}: {path}" for path in one.keys() | other.keys() if one.get(path) != other.get(path)
        }
    unexplained = {each for each in found if not any(re.fullmatch(pattern, each) for pattern in DIFFERENT)}
    assert unexplained == set()
    unused = {pattern for pattern in DIFFERENT if not any(re.fullmatch(pattern, each) for each in found)}
    assert unused == set()


def test_no_module_and_no_workload_names_a_foundation() -> None:
    """In its code: words of comments and documentation are for people, and `existing` is an ordinary one."""
    named = [
        f"{path.relative_to(REPOSITORY)}: {token.string}"
        for path in sources("modules", "workloads")
        for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
        if (token.type == tokenize.STRING and token.string.strip("\"'frbu") in NAMES)
        or (token.type == tokenize.NAME and token.string == "embedded")
    ]
    assert named == ['modules/airflow/documents.py: "aws"']  # the type of a connection, in Airflow's words
