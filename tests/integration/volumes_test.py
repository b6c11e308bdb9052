"""A volume that grows: its claim is changed where it is, and what uses it goes on."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from modules.core.naming import namespace
from modules.core.paths import REPOSITORY
from scripts.cli.clients import kubectl
from scripts.cli.environment import Environment
from scripts.cli.lifecycle.up import settings_file

from .conftest import STACK, run

CLAIM = ("pvc", "data-database-server-0", "-n", namespace(STACK, "database"))
POD = ("pod", "database-server-0", "-n", namespace(STACK, "database"))


def found(platform: Environment, *arguments: str) -> dict[str, Any]:
    answer = kubectl.get(platform, *arguments)
    assert answer is not None
    return answer


def request(size: str) -> None:
    """Asks for a volume of the database in the stack's settings."""
    file = settings_file(STACK)
    text = re.sub(r"  groundwork:database:.*\n", "", file.read_text())
    file.write_text(text.replace("config:\n", f"config:\n  groundwork:database: {{volume: {size}}}\n"))


def allow_growth(platform: Environment, allowed: bool | None) -> None:
    kubectl.run(platform, "patch", "storageclass", "standard", "-p", json.dumps({"allowVolumeExpansion": allowed}))


@pytest.fixture
def settings(platform: Environment) -> Iterator[None]:
    """The stack's settings and storage class, which are as they were afterwards, where the volume has not grown."""
    before = settings_file(STACK).read_text()
    yield
    allow_growth(platform, None)
    if found(platform, *CLAIM)["spec"]["resources"]["requests"]["storage"] == "5Gi":
        settings_file(STACK).write_text(before)


@pytest.mark.usefixtures("settings")
def test_a_volume_grows_where_the_storage_class_lets_it_and_never_shrinks(platform: Environment) -> None:
    claim, pod = found(platform, *CLAIM), found(platform, *POD)
    request("6Gi")
    refused = run("scripts/up", STACK, check=False)
    assert refused.returncode == 1
    assert "groundwork:database.volume is '6Gi'" in refused.stderr
    assert "storage class standard doesn't let volumes grow: set it back to 5Gi" in refused.stderr

    allow_growth(platform, True)
    run("scripts/pipeline", "preview", STACK)
    preview = (REPOSITORY / ".pipeline/preview.md").read_text()
    assert "1 to update" in preview
    assert (
        "| ~ | `database-data` | kubernetes:core/v1:PersistentVolumeClaim | `spec.resources.requests.storage` |"
        in preview
    )
    assert found(platform, *CLAIM)["spec"] == claim["spec"]

    run("scripts/up", STACK)
    grown = found(platform, *CLAIM)
    assert grown["metadata"]["uid"] == claim["metadata"]["uid"]
    assert grown["spec"] == {**claim["spec"], "resources": {"requests": {"storage": "6Gi"}}}
    assert found(platform, *POD)["metadata"]["uid"] == pod["metadata"]["uid"]

    request("5Gi")
    refused = run("scripts/up", STACK, check=False)
    assert refused.returncode == 1
    assert "has 6Gi, and no volume shrinks: set it back to 6Gi" in refused.stderr
    request("6Gi")
