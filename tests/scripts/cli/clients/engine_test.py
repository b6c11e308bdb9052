import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts.cli.clients import engine
from scripts.cli.clients.backend import Backend
from scripts.cli.environment import Environment
from tests.scripts.cli.fakes import always, quiet, refused


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return Environment("mine")


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], None]:
    """Makes a `pulumi` that says this and exits so."""

    def make(output: str, code: int) -> None:
        program = tmp_path / "bin" / "pulumi"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\ncat <<'END'\n{output}\nEND\nexit {code}\n")
        program.chmod(0o755)
        path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
        monkeypatch.setenv("PATH", path)
        monkeypatch.setattr(Environment, "process_environment", always({**os.environ, "PATH": path}))

    return make


def lock(environment: Environment, pid: int, host: str) -> Path:
    folder = environment.backend / ".pulumi/locks/organization/groundwork/mine"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{pid}-{host}.json"
    path.write_text(json.dumps({"pid": pid, "hostname": host, "username": "somebody"}))
    return path


def dead_pid() -> int:
    done = subprocess.Popen(["true"])
    done.wait()
    return done.pid


@pytest.fixture
def engine_pid(tmp_path: Path) -> Iterator[int]:
    """A living process that the kernel knows as `pulumi`."""
    program = tmp_path / "pulumi"
    shutil.copyfile(str(shutil.which("sleep")), program)
    program.chmod(0o755)
    with subprocess.Popen([program, "60"]) as process:
        while Path(f"/proc/{process.pid}/comm").read_text().strip() != "pulumi":  # a moment after it was started
            time.sleep(0.01)
        yield process.pid
        process.kill()


def test_only_a_lock_whose_engine_died_on_this_host_is_removed(environment: Environment, engine_pid: int) -> None:
    here = socket.gethostname()
    dead = lock(environment, dead_pid(), here)
    another_program = lock(environment, os.getpid(), here)
    alive = lock(environment, engine_pid, here)
    elsewhere = lock(environment, dead_pid(), "another-host")
    assert Backend(environment).remove_dead_locks() == [engine_pid]
    assert not dead.exists()
    assert not another_program.exists()
    assert alive.exists()
    assert elsewhere.exists()


def test_a_run_waits_for_the_one_that_works_on_the_stack(environment: Environment, engine_pid: int) -> None:
    held = lock(environment, engine_pid, socket.gethostname())
    output: list[str] = []
    engine.wait_for_lock(environment, output.append, lambda _: held.unlink())
    assert output == [f"another run works on stack mine (process {engine_pid}): waiting for it to end"]
    engine.wait_for_lock(environment, output.append, lambda _: pytest.fail("nobody is waited for"))


def test_the_engine_has_the_last_word_when_another_run_never_ends(
    environment: Environment, engine_pid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "LOCK_SECONDS", 0)
    lock(environment, engine_pid, socket.gethostname())
    engine.wait_for_lock(environment, lambda _: None, lambda _: pytest.fail("it waits no longer"))


def test_a_stack_that_was_never_made_has_no_resources(environment: Environment) -> None:
    assert Backend(environment).resources() == []


def test_a_preview_is_what_the_engine_says(environment: Environment, pulumi: Callable[[str, int], None]) -> None:
    pulumi('{"changeSummary": {"same": 3}}', 0)
    assert engine.preview(environment, quiet) == {"changeSummary": {"same": 3}}


def test_a_preview_of_what_is_refused_says_why(environment: Environment, pulumi: Callable[[str, int], None]) -> None:
    notes = [{"severity": "error", "message": "no such image\n"}, {"severity": "info", "message": "hello"}]
    pulumi(json.dumps({"diagnostics": notes}), 255)
    assert engine.preview_errors(engine.preview(environment, quiet)) == "no such image"


def test_an_engine_that_tells_nothing_is_an_error(environment: Environment, pulumi: Callable[[str, int], None]) -> None:
    pulumi("words that are no JSON", 1)
    assert "pulumi preview --json" in refused(lambda: engine.preview(environment, quiet))


def test_a_broken_policy_is_shown_and_its_events_are_not(
    environment: Environment, pulumi: Callable[[str, int], None], tmp_path: Path
) -> None:
    policy = {"policyName": "images", "enforcementLevel": "mandatory", "message": "by digest"}
    pulumi(json.dumps({"policyEvent": policy}), 1)
    message = refused(lambda: engine.check_policies(environment, Path("policies"), lambda _: None, tmp_path / "log"))
    assert message.endswith("failed:\nPolicies:\n  [mandatory] images\n    by digest")
    assert "policyEvent" not in (tmp_path / "log").read_text()


def test_a_change_reports_its_progress_and_what_was_done(
    environment: Environment, pulumi: Callable[[str, int], None], tmp_path: Path
) -> None:
    metadata = {"op": "create", "type": "kubernetes:core/v1:Namespace", "urn": "urn:pulumi:mine::groundwork::t::space"}
    summary = {"resourceChanges": {"create": 1}, "isPreview": False}
    events = ({"resourcePreEvent": {"metadata": metadata}}, {"summaryEvent": summary})
    pulumi("\n".join(json.dumps(event) for event in events), 0)
    progress: list[str] = []
    engine.up(environment, progress.append, tmp_path / "log")
    assert progress == ["space: creating", "1 created"]


def test_a_preview_waits_for_the_run_that_works_on_the_stack(
    environment: Environment, pulumi: Callable[[str, int], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pulumi("{}", 0)
    waited: list[Environment] = []
    monkeypatch.setattr(engine, "wait_for_lock", lambda given, _: waited.append(given))  # pyright: ignore
    engine.preview(environment, quiet)
    engine.check_policies(environment, Path("policies"), quiet, tmp_path / "log")
    assert waited == [environment] * 2


def test_what_a_plugin_leaves_among_temporary_files_goes_with_the_run(
    environment: Environment, pulumi: Callable[[str, int], None], tmp_path: Path
) -> None:
    pulumi("", 0)
    program = tmp_path / "bin" / "pulumi"
    program.write_text('#!/bin/sh\necho key >"$(mktemp)"\nprintf \'{"folder": "%s"}\' "$TMPDIR"\n')
    folder = Path(engine.preview(environment, quiet)["folder"])
    assert folder.name.startswith("groundwork-")
    assert not folder.exists()
