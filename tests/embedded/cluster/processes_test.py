import os
import signal
import subprocess
import sys
from pathlib import Path

from embedded.cluster.logs import keep_bounded, last_output
from embedded.cluster.processes import alive, descendants, heeds, parent_of, processes_of
from embedded.cluster.supervisor import first_processes

IGNORE = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: None); print(flush=True); sys.stdin.read()"


def started(code: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_a_process_is_alive_until_it_ends_even_before_it_is_reaped() -> None:
    with started("print(flush=True); input()") as child:
        assert alive(child.pid)
        assert parent_of(child.pid) == os.getpid()
        assert child.pid in descendants(os.getpid())
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not alive(child.pid)
    assert parent_of(child.pid) is None


def test_a_signal_is_heeded_by_who_has_a_handler_for_it() -> None:
    with started(IGNORE) as child:
        assert heeds(child.pid, signal.SIGTERM)
        assert not heeds(child.pid, signal.SIGUSR1)
        child.kill()


def test_a_process_is_told_with_its_memory_in_bytes() -> None:
    own = next(process for process in processes_of(os.getpid()) if process.pid == os.getpid())
    assert own.rss > 1024 * 1024
    assert own.pod is None


def test_only_children_of_containerds_shims_are_containers() -> None:
    assert first_processes([os.getpid()]) == []


def test_a_log_that_grew_too_long_begins_anew_and_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "part.log"
    with log.open("a") as writer:
        writer.write("long ago\n" * 100)
        writer.flush()
        keep_bounded(log, most=10_000)
        assert not (tmp_path / "part.log.1").exists()
        keep_bounded(log, most=100)
        writer.write("now\n")
    assert log.read_text() == "now\n"
    assert (tmp_path / "part.log.1").read_text().startswith("long ago")


def test_the_last_output_of_a_log_are_its_last_line(tmp_path: Path) -> None:
    (tmp_path / "part.log").write_text("\n".join(str(n) for n in range(1000)) + "\n\n")
    assert last_output(tmp_path / "part.log") == "999"
    assert last_output(tmp_path / "absent.log") == ""
