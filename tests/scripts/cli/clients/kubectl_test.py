from pathlib import Path

import pytest

from scripts.cli.clients import kubectl
from scripts.cli.environment import Environment
from tests.scripts.cli.fakes import always, refused, stack


def test_a_kubectl_whose_sources_have_changed_is_named_with_what_builds_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    environment = stack(monkeypatch)
    environment.kubeconfig.parent.mkdir(parents=True)
    environment.kubeconfig.touch()
    nothing = {"PATH": str(tmp_path)}
    monkeypatch.setattr(Environment, "process_environment", always(nothing))
    reported = refused(lambda: kubectl.run(environment, "get", "pods"))
    assert reported == "stack local: kubectl is not built here yet: run `scripts/up local`"
