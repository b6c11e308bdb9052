"""The program that leads HAProxy on, with a program of the same name in its place."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from modules.gateway.files import follow
from tests.processes import running

HAPROXY = """#!{python}
import os, pathlib, signal, sys
log = pathlib.Path({log!r})
def say(word):
    with log.open("a") as file: print(word, file=file)
text = pathlib.Path(sys.argv[-1]).read_text()
if "-c" in sys.argv:
    say("checked")
    wrong = "wrong" in text
    sys.exit(wrong if "-q" in sys.argv or not wrong else "no such keyword")  # -q: also of what is wrong it says nothing
signal.signal(signal.SIGUSR2, lambda *_: say("reloaded"))
signal.signal(signal.SIGUSR1, lambda *_: (say("finished"), os._exit(0)))
say("started")
while True: signal.pause()
"""


def log_of(folder: Path) -> list[str]:
    path = folder / "log"
    return path.read_text().split() if path.exists() else []


def until(folder: Path, words: list[str]) -> bool:
    deadline = time.monotonic() + 20
    while log_of(folder) != words and time.monotonic() < deadline:
        time.sleep(0.05)
    return log_of(folder) == words


@pytest.fixture
def followed(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """follow.py at work, which looks often and ends soon."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/haproxy"
    program.write_text(HAPROXY.format(python=sys.executable, log=str(tmp_path / "log")))
    program.chmod(0o755)
    (tmp_path / "haproxy.cfg").write_text("first")
    (tmp_path / "certificate").mkdir()
    (tmp_path / "certificate/tls.crt").write_text("one")
    code = (
        "import socket, sys, time; from modules.gateway.files import follow;"
        "follow.LOOK_SECONDS = follow.ACCEPT_SECONDS = 0.1; socket.gethostbyname = lambda _: time.sleep(30) or '';"
        "sys.exit(follow.main(*sys.argv[1:]))"
    )
    arguments = [str(tmp_path / "haproxy.cfg"), str(tmp_path / "certificate")]
    path = f"{tmp_path}/bin:{os.environ['PATH']}"
    variables = {**os.environ, "PATH": path}
    with running([sys.executable, "-c", code, *arguments], env=variables, stderr=subprocess.PIPE) as process:
        assert until(tmp_path, ["started"])
        yield process


def test_a_changed_configuration_and_a_renewed_certificate_are_followed(
    followed: subprocess.Popen[str], tmp_path: Path
) -> None:
    (tmp_path / "haproxy.cfg").write_text("second")
    assert until(tmp_path, ["started", "checked", "reloaded"])
    (tmp_path / "certificate/tls.crt").write_text("two")
    assert until(tmp_path, ["started", "checked", "reloaded", "checked", "reloaded"])
    assert followed.poll() is None


def test_what_haproxy_refuses_is_reported_once_and_the_one_before_goes_on(
    followed: subprocess.Popen[str], tmp_path: Path
) -> None:
    (tmp_path / "haproxy.cfg").write_text("wrong")
    assert until(tmp_path, ["started", "checked"])
    time.sleep(0.5)
    (tmp_path / "haproxy.cfg").write_text("right again")
    assert until(tmp_path, ["started", "checked", "checked", "reloaded"])
    followed.send_signal(signal.SIGTERM)
    _, said = followed.communicate(timeout=20)
    assert said.count("not followed: HAProxy refuses") == 1
    assert "no such keyword" in said


def test_what_has_begun_comes_to_its_end(followed: subprocess.Popen[str], tmp_path: Path) -> None:
    followed.send_signal(signal.SIGTERM)
    assert followed.wait(20) == 0
    assert log_of(tmp_path) == ["started", "finished"]


def test_it_ends_in_time_also_while_name_servers_are_silent(followed: subprocess.Popen[str], tmp_path: Path) -> None:
    (tmp_path / "haproxy.cfg").write_text("backend iris\n    server iris silent.example:8080\n")
    time.sleep(1)  # it asks by now
    followed.send_signal(signal.SIGTERM)
    assert followed.wait(10) == 0
    assert log_of(tmp_path) == ["started", "finished"]


def test_it_ends_with_haproxy(followed: subprocess.Popen[str]) -> None:
    (child,) = Path(f"/proc/{followed.pid}/task/{followed.pid}/children").read_text().split()
    os.kill(int(child), signal.SIGKILL)
    assert followed.wait(20) not in (0, None)


def test_a_fingerprint_changes_with_the_content_alone(tmp_path: Path) -> None:
    """A kubelet puts a volume's files in place by one link, `..data`."""
    for version, content in {"..1": "a", "..2": "b", "..3": "a"}.items():
        (tmp_path / version).mkdir()
        (tmp_path / version / "tls.crt").write_text(content)
    (tmp_path / "tls.crt").symlink_to("..data/tls.crt")
    found: list[str] = []
    for version in ("..1", "..2", "..3"):
        (tmp_path / "..data").unlink(missing_ok=True)
        (tmp_path / "..data").symlink_to(version)
        found.append(follow.fingerprint([tmp_path]))
    assert found[0] == found[2] != found[1]


def test_a_service_is_asked_where_its_name_leads_by_now(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"iris.local-iris": "10.80.1.2"}

    def lookup(host: str) -> str:
        if host not in known:
            raise OSError(host)
        return known[host]

    monkeypatch.setattr(socket, "gethostbyname", lookup)
    text = "backend iris\n    server iris iris.local-iris:8080 init-addr libc,none\n    server failed 127.0.0.1:9101\n"
    first = follow.addresses(text, {})
    assert first == known
    known["iris.local-iris"] = "10.80.1.3"
    assert follow.addresses(text, first) == known != first
    known.clear()  # no name server answers
    assert follow.addresses(text, first) == first


@pytest.mark.parametrize(("age", "seconds"), [("0s", 0), ("59s", 59), ("2h1m", 7260), ("1d3h", 97200)])
def test_how_old_a_request_is_is_read_as_haproxy_writes_it(age: str, seconds: int) -> None:
    assert follow.seconds(age) == seconds


def test_a_service_that_has_another_address_is_followed_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "haproxy.cfg").write_text("backend iris\n    server iris iris.local-iris:8080\n")
    known, now = ["10.80.1.2"], [0.0]
    sent: list[int] = []

    def address(_: str) -> str:
        return known[0]

    def started(_: object) -> SimpleNamespace:
        return SimpleNamespace(send_signal=sent.append)

    def checked(_: object, **__: object) -> SimpleNamespace:
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(socket, "gethostbyname", address)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(subprocess, "Popen", started)
    monkeypatch.setattr(subprocess, "run", checked)
    proxy = follow.Proxy(tmp_path / "haproxy.cfg", [])
    known[0] = "10.80.1.3"
    proxy.follow()
    assert sent == []  # names are asked after less often than files
    now[0] = follow.ADDRESS_SECONDS
    proxy.follow()
    proxy.follow()
    assert sent == [signal.SIGUSR2]


def test_what_no_name_server_knew_while_the_configuration_changed_is_led_to_once_one_does(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """HAProxy asks by itself when it takes up a configuration, and then has no address of the service."""
    path = tmp_path / "haproxy.cfg"
    path.write_text("backend iris\n    server iris iris.local-iris:8080\n")
    known, now = {"iris.local-iris": "10.80.1.2"}, [0.0]
    sent: list[int] = []

    def lookup(host: str) -> str:
        if host not in known:
            raise OSError(host)
        return known[host]

    def started(_: object) -> SimpleNamespace:
        return SimpleNamespace(send_signal=sent.append)

    def checked(_: object, **__: object) -> SimpleNamespace:
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(socket, "gethostbyname", lookup)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(subprocess, "Popen", started)
    monkeypatch.setattr(subprocess, "run", checked)
    proxy = follow.Proxy(path, [])
    known.clear()
    path.write_text(path.read_text() + "# changed\n")
    proxy.follow()
    assert sent == [signal.SIGUSR2]
    known["iris.local-iris"] = "10.80.1.2"
    now[0] = follow.ADDRESS_SECONDS
    proxy.follow()
    proxy.follow()
    assert sent == [signal.SIGUSR2] * 2


class Commands(follow.Proxy):
    """Of which only the commands to HAProxy are looked at."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def ask(self, command: str) -> str:
        self.asked.append(command)
        if command == "show proc":
            return "#<PID> <type>\n9 master 1\n# workers\n12 worker 0\n# old workers\n10 worker 1\n"
        if command == "@!10 show sess":
            return "0x5a: proto=tcpv4 fe=https age=2h1m calls=9\n0x5b: proto=tcpv4 fe=https age=2h calls=1\n"
        return ""


def test_a_request_that_takes_too_long_is_cut_off_also_in_a_process_of_before_a_reload() -> None:
    commands = Commands()
    commands.cut()
    assert [each for each in commands.asked if "shutdown" in each] == ["@!10 shutdown session 0x5a"]
