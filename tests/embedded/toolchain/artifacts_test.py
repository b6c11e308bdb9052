import platform
from pathlib import Path

import pytest

from embedded.toolchain import build
from embedded.toolchain.compiler import RELEASE
from embedded.toolchain.targets import BuildTarget
from modules.core.artifacts import Artifacts
from modules.core.errors import UserError

PAUSE = BuildTarget(name="pause")
NAME = f"toolchain/pause-{build.target_key(PAUSE, RELEASE)}-{platform.machine()}"


def silent(_: str) -> None:
    """A progress that nobody follows."""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The toolchain of a machine that has built nothing yet, and has no compiler."""
    monkeypatch.setattr(build, "toolchain_home", lambda: tmp_path / "toolchain")

    def compile_all(*_: object) -> None:
        pytest.fail("compiled")

    monkeypatch.setattr(build, "_build_all", compile_all)
    return tmp_path / "toolchain"


def built(home: Path) -> Path:
    binary = home / f"pause-{build.target_key(PAUSE, RELEASE)}" / "pause"
    binary.parent.mkdir(parents=True)
    binary.write_bytes(b"binary" * 100_000)
    return binary


def test_a_second_machine_fetches_what_the_first_one_pushed(
    artifacts: Artifacts, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built(home)
    assert build.publish(silent, [PAUSE], artifacts) == 1
    assert build.publish(silent, [PAUSE], artifacts) == 0
    monkeypatch.setattr(build, "toolchain_home", lambda: tmp_path / "second")
    tools = build.ensure(silent, tmp_path / "log", [PAUSE], lambda: artifacts)
    assert (tools / "pause").read_bytes() == b"binary" * 100_000
    assert (tools / "pause").stat().st_mode & 0o777 == 0o755
    left = {path.name for path in (tmp_path / "second").iterdir()}
    assert left == {"lock", tools.name, (tools / "pause").resolve().parent.name}


def test_what_the_cache_lacks_is_built(
    artifacts: Artifacts, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compile_all(*_: object) -> None:
        built(home)

    monkeypatch.setattr(build, "_build_all", compile_all)
    artifacts.sign(NAME, "sha256:0")  # a name whose content was cleared away
    assert (build.ensure(silent, tmp_path / "log", [PAUSE], lambda: artifacts) / "pause").exists()


def test_a_machine_that_lacks_nothing_asks_no_cache(home: Path, tmp_path: Path) -> None:
    def ask() -> Artifacts:
        raise AssertionError("asked")

    built(home)
    assert build.ensure(silent, tmp_path / "log", [PAUSE], ask).is_dir()
    assert build.ensure(silent, tmp_path / "log", [PAUSE], ask).is_dir()


def test_what_is_not_built_can_not_be_pushed(artifacts: Artifacts) -> None:
    with pytest.raises(UserError, match="pause is not built here yet: `scripts/up` builds it"):
        build.publish(silent, [PAUSE], artifacts)
