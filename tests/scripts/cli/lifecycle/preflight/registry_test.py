from typing import Any, cast

import pytest

from scripts.cli.clients.api import Api
from scripts.cli.lifecycle.pinned_images import Lacking
from scripts.cli.lifecycle.preflight import registry
from scripts.cli.lifecycle.preflight.findings import Context
from tests.scripts.cli.fakes import always, settings, stack

THEIRS: dict[str, Any] = {"target": "existing", "context": "theirs", "registry": {"push": "registry.example/ml"}}


@pytest.mark.parametrize(
    ("missing", "lacking", "found"),
    [
        ([], [], [("ok", "registry.example/ml has all images")]),
        (["serving"], [], [("ok", "registry.example/ml lets this machine in; `up` builds serving")]),
        (
            ["serving"],
            [Lacking(detail="release 4 runs in an image", action="copy it"), Lacking(detail="another", action="")],
            [("refused", "release 4 runs in an image"), ("refused", "another")],
        ),
    ],
)
def test_a_registry_must_have_what_releases_pin_and_can_get_the_rest(
    missing: list[str], lacking: list[Lacking], found: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = stack(monkeypatch, settings(**{"groundwork:foundation": THEIRS, "groundwork:workloads": {}}))
    monkeypatch.setattr(registry, "check_images", always(missing))
    monkeypatch.setattr(registry, "find_lacking", always(lacking))
    existing = environment.settings.existing
    assert existing
    findings = registry.check(Context(environment, existing, cast("Api", None)))
    assert [(each.state, each.detail) for each in findings] == found
