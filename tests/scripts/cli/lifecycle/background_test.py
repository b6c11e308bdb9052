from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from embedded.cluster.layout import PATH
from scripts.cli.lifecycle import up
from scripts.cli.lifecycle.background import canary_command
from scripts.cli.lifecycle.up import EmbeddedUp
from tests.scripts.cli.fakes import settings, stack


def test_a_background_process_gets_where_things_are_and_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    monkeypatch.setenv("PATH", "/home/somebody/bin:/usr/bin")
    command = canary_command("local", "iris")
    assert command[:2] == ["env", "-i"]
    assert "XDG_DATA_HOME=/data" in command
    assert f"PATH={PATH}" in command
    assert not any("secret" in part for part in command)
    assert command[-4:] == ["canary", "iris", "--stack", "local"]
    assert Path(command[-5]).is_absolute()


def test_a_background_process_finds_an_installed_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("pulumi", "pulumi-language-python"):
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", f"/home/somebody/bin:{tmp_path}")
    assert f"PATH={tmp_path}:{PATH}" in canary_command("local", "iris")


@pytest.mark.parametrize(
    ("watch", "kept", "output"), [(True, ["watch-iris"], "watched: iris"), (False, [], "no workload is watched")]
)
def test_up_runs_a_background_process_where_the_settings_want_a_watch(
    watch: bool, kept: list[str], output: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[str] = []
    reported: list[str] = []
    given = settings(**{"groundwork:workloads": {"iris": {"watch": watch}}})

    def supervise(_: object, commands: Mapping[str, Sequence[str]]) -> None:
        found.extend(commands)

    monkeypatch.setattr(up.Cluster, "supervise", supervise)
    EmbeddedUp(stack(monkeypatch, given)).watch(reported.append)
    assert (found, reported) == (kept, [output])
