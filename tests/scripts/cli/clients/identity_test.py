import json
from pathlib import Path
from typing import Any

import pytest

from modules.core.errors import UserError
from scripts.cli.clients import identity, kubectl
from scripts.cli.clients.backend import Backend
from scripts.cli.environment import Environment
from tests.scripts.cli.fakes import always, refused, settings, stack

EXISTING: dict[str, Any] = {
    "groundwork:workloads": {"iris": {}},
    "groundwork:foundation": {"target": "existing", "context": "there", "registry": {"push": "r.example/x"}},
}
FIRST = "local-airflow"
"""Of the environment's namespaces."""


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Environment:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    made = stack(monkeypatch, settings(**EXISTING))
    made.home.mkdir(parents=True)
    deployed(monkeypatch, something=True)
    return made


def deployed(monkeypatch: pytest.MonkeyPatch, *, something: bool) -> None:
    monkeypatch.setattr(Backend, "resources", always([{"urn": "one"}] if something else []))


def cluster(monkeypatch: pytest.MonkeyPatch, **uids: str | None) -> None:
    """None: it may not be read. A namespace that is left out is not there."""

    def get(_: Environment, __: str, name: str) -> dict[str, Any] | None:
        if name in uids and uids[name] is None:
            raise UserError(f"Error from server (Forbidden): namespaces {name} is forbidden")
        return {"metadata": {"uid": uids[name]}} if name in uids else None

    monkeypatch.setattr(kubectl, "get", get)


def test_a_state_belongs_to_the_cluster_on_which_it_was_made(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity.check(environment)  # nothing was made yet
    cluster(monkeypatch, **{"kube-system": "one"})
    identity.record(environment)
    identity.check(environment)
    cluster(monkeypatch, **{"kube-system": "two"})
    identity.record(environment)  # it stays the first one
    text = refused(lambda: identity.check(environment))
    assert "UID one of namespace kube-system" in text
    assert "the one that is reached now has two" in text
    assert "groundwork:foundation.context" in text


def test_who_may_not_read_the_clusters_own_namespace_knows_it_by_one_of_theirs(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster(monkeypatch, **{"kube-system": None, FIRST: "mine"})
    identity.record(environment)
    assert json.loads(environment.cluster_identity.read_text()) == {"namespace": FIRST, "uid": "mine"}
    cluster(monkeypatch)
    assert "none that may be read" in refused(lambda: identity.check(environment))


def test_a_state_without_anything_is_of_no_cluster(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster(monkeypatch, **{"kube-system": "one"})
    identity.record(environment)
    cluster(monkeypatch, **{"kube-system": "two"})
    deployed(monkeypatch, something=False)
    identity.check(environment)
    identity.record(environment)
    deployed(monkeypatch, something=True)
    identity.check(environment)
