"""Run HAProxy, and lead it on to what its files say by now: no request is lost, and what goes on ends as it began.

    follow.py CONFIGURATION PATH...     PATH: files and folders that the configuration names

A configuration that HAProxy refuses is reported, and the one before goes on. So does the certificate. A Service that
has another address by now is asked there. SIGTERM ends it once the Service leads here no longer.
"""

import hashlib
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import FrameType

SOCKET = Path("/tmp/haproxy.sock")
"""Where HAProxy's first process takes commands."""
LOOK_SECONDS = 2.0
"""Between two looks at the files."""
ADDRESS_SECONDS = 10.0
"""Between two looks at where names lead."""
ACCEPT_SECONDS = 8.0
"""After SIGTERM, for the Service to lead here no longer. With FINISH_SECONDS it is less than Kubernetes waits, 30 s."""
FINISH_SECONDS = 20.0
"""For what has begun by then to come to its end."""
LONGEST_SECONDS = 7200
"""For a request to arrive whole and its answer to be taken: at 5 MB/s a file of 16 GiB has the time. A client that
drips is cut off then."""
CUT_SECONDS = 60.0
"""Between two looks at how long requests have taken."""
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

SERVER = re.compile(r"^\s+server \S+ ([A-Za-z][^\s:]*):", re.MULTILINE)
WORKER = re.compile(r"^(\d+)\s+worker\b", re.MULTILINE)
SESSION = re.compile(r"^(0x[0-9a-f]+): .*? age=(\S+)", re.MULTILINE)


def fingerprint(paths: Iterable[Path]) -> str:
    """Return what changes with the content of any file at these paths. Names that begin with two dots are how a kubelet
    puts all files of a volume in place at once."""
    digest = hashlib.sha256()
    for path in paths:
        found = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
        for each in found:
            if not any(part.startswith("..") for part in each.relative_to(path).parts):
                digest.update(f"{each}\0".encode() + hashlib.sha256(each.read_bytes()).digest())
    return digest.hexdigest()


def addresses(configuration: str, before: dict[str, str]) -> dict[str, str]:
    """Return the address of each host that is asked; of one that no name server knows now, the one before."""
    found = dict[str, str]()
    for host in sorted(set(SERVER.findall(configuration))):
        try:
            found[host] = socket.gethostbyname(host)
        except OSError:
            if host in before:
                found[host] = before[host]
    return found


def seconds(age: str) -> int:
    """Of an age as HAProxy writes it: 1h2m."""
    return sum(int(count) * UNITS[unit] for count, unit in re.findall(r"(\d+)([smhd])", age))


class Proxy:
    """HAProxy, and what it was led on to last."""

    def __init__(self, configuration: Path, paths: Sequence[Path]) -> None:
        self.configuration = configuration
        self.paths = [configuration, *paths]
        self.ending = False
        self.looked = fingerprint(self.paths), addresses(configuration.read_text(), {})
        self.asked = time.monotonic()
        self.process = subprocess.Popen(["haproxy", "-W", "-db", "-S", f"{SOCKET},mode,600", "-f", str(configuration)])

    def look(self) -> tuple[str, dict[str, str]]:
        """Return a fingerprint of the files, and where the services are."""
        before, known = self.looked
        found, now = fingerprint(self.paths), time.monotonic()
        if found != before:
            # HAProxy asks anew as well. What no name server knows just now, neither has: it is led there later.
            self.asked, known = now, addresses(self.configuration.read_text(), {})
        elif now >= self.asked + ADDRESS_SECONDS:
            self.asked, known = now, addresses(self.configuration.read_text(), known)
        return found, known

    def follow(self) -> None:
        """Lead it on where something has changed since the last look."""
        looked = self.look()
        if looked == self.looked:
            return
        self.looked = looked
        check = subprocess.run(
            ["haproxy", "-c", "-f", str(self.configuration)], capture_output=True, text=True, check=False
        )
        if check.returncode:
            print(f"not followed: HAProxy refuses {self.configuration}:\n{check.stderr}", file=sys.stderr, flush=True)
        elif not self.ending:
            self.process.send_signal(signal.SIGUSR2)

    def cut(self) -> None:
        """End the requests that have taken too long, also those of processes before a reload."""
        for worker in WORKER.findall(self.ask("show proc")):
            for session, age in SESSION.findall(self.ask(f"@!{worker} show sess")):
                if seconds(age) > LONGEST_SECONDS:
                    self.ask(f"@!{worker} shutdown session {session}")

    def ask(self, command: str) -> str:
        with socket.socket(socket.AF_UNIX) as asked:
            asked.settimeout(10)
            asked.connect(str(SOCKET))
            asked.sendall(f"{command}\n".encode())
            asked.shutdown(socket.SHUT_WR)  # it would wait for another command
            with asked.makefile(errors="replace") as answer:
                return answer.read()

    def end(self) -> int:
        """Finish what has begun, and end. Return HAProxy's exit code."""
        self.ending = True
        self.process.send_signal(signal.SIGUSR1)
        try:
            return self.process.wait(FINISH_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.terminate()
            return self.process.wait()


def lead(proxy: Proxy) -> None:
    """Follow and cut for ever. In a thread of its own: while name servers are silent it waits for minutes."""
    waited = 0.0
    while True:
        time.sleep(LOOK_SECONDS)
        waited += LOOK_SECONDS
        try:
            proxy.follow()
            if waited >= CUT_SECONDS:
                waited = 0.0
                proxy.cut()
        except OSError as error:  # a volume is just being replaced, or a reload is going on: the next look sees
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)


def main(configuration: str, *paths: str) -> int:
    ended = threading.Event()

    def end(_: int, __: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    proxy = Proxy(Path(configuration), [Path(path) for path in paths])
    leading = threading.Thread(target=lead, args=[proxy], daemon=True)
    leading.start()
    while not ended.wait(LOOK_SECONDS):
        if proxy.process.poll() is not None or not leading.is_alive():
            return proxy.process.returncode or 1
    threading.Event().wait(ACCEPT_SECONDS)
    return proxy.end()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
