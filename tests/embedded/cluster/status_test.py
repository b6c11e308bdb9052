import os
import subprocess
import sys
from pathlib import Path

from embedded.cluster.layout import Layout
from embedded.cluster.status import Patience, Status, daemon_pid, read, take_lock, write
from modules.core.paths import REPOSITORY

HOLD = """
import sys
from pathlib import Path
from embedded.cluster.status import take_lock
print("held" if take_lock(Path(sys.argv[1])) else "refused", flush=True)
sys.stdin.read()
"""


def holding(lock: Path) -> "subprocess.Popen[str]":
    """A process that asks for a lock, says whether it got it, and lives until its input ends."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_cluster_without_a_daemon_is_stopped_whatever_was_last_said(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    assert read(layout).state == "stopped"
    layout.lock.write_text("")
    write(layout, Status(state="ready"))
    assert read(layout).state == "stopped"


def test_a_lock_has_one_holder_who_is_known_and_goes_with_it(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    with holding(layout.lock) as first:
        assert first_line(first) == "held"
        assert daemon_pid(layout) == first.pid
        write(layout, Status(state="ready", fingerprint="x", parts={"etcd": "ready"}))
        assert read(layout) == Status(state="ready", fingerprint="x", parts={"etcd": "ready"})
        assert take_lock(layout.lock) is None
        first.kill()
    assert daemon_pid(layout) is None


def test_words_of_another_version_are_not_trusted(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    with holding(layout.lock) as first:
        assert first_line(first) == "held"
        layout.status.write_text('{"state": "ready", "unknown": 1}')
        assert read(layout).state == "starting"
        first.kill()


def test_a_lock_whose_file_was_removed_is_not_one(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    handle = take_lock(lock)
    assert handle is not None
    lock.unlink()
    again = take_lock(lock)
    assert again is not None
    os.close(handle)
    os.close(again)


def test_a_start_is_given_up_only_when_nothing_new_happens_for_a_while() -> None:
    now = [0.0]
    patience = Patience(60, lambda: now[0])

    def is_over(second: float, message: str = "", **parts: str) -> bool:
        now[0] = second
        return patience.is_over(Status(state="starting", message=message, parts=parts))

    assert not is_over(0, etcd="starting")
    assert not is_over(59, etcd="ready")
    assert not is_over(118, etcd="ready", kubelet="starting")
    assert not is_over(177, "waiting for the node", etcd="ready", kubelet="ready")
    assert not is_over(237, "waiting for the node", etcd="ready", kubelet="ended")
    assert not is_over(296, "waiting for the node", etcd="ready", kubelet="starting")
    assert is_over(298, "waiting for the node", etcd="ready", kubelet="ended")
