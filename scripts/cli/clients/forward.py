"""Ports on 127.0.0.1 that lead to services of a cluster that somebody else runs, while a command needs them."""

import atexit
import re
import subprocess
import threading
from collections.abc import Iterable

from modules.core.errors import UserError
from modules.core.naming import namespace
from scripts.cli.environment import Environment

FORWARDING = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+) ")
"""What kubectl prints once the port answers."""
ENDS_WITH_US = 'exec 3<&0; { read -r line <&3; kill $$; } >/dev/null 2>&1 & exec kubectl "$@" </dev/null 3<&-'
"""Its standard input is a pipe, which ends when this process does, however it does."""
Target = tuple[str, str, int]
"""Stack, service and its port."""

_running: dict[Target, tuple["subprocess.Popen[str]", int]] = {}
"""kubectl, and the port on 127.0.0.1: one of each serves all of this process, and ends with it."""
_lock = threading.Lock()


def forwarded(environment: Environment, service: str, port: int) -> int:
    """Return the port on 127.0.0.1 that leads to a port of the Service in the namespace of its name. One that ended,
    with the pod that it led to, is begun anew. UserError where cluster or service does not answer."""
    target = (environment.stack, service, port)
    with _lock:
        if target not in _running or _running[target][0].poll() is not None:
            _running[target] = _begin(environment, service, port)
        return _running[target][1]


def _begin(environment: Environment, service: str, port: int) -> tuple["subprocess.Popen[str]", int]:
    place = namespace(environment.stack, service)
    arguments = ["port-forward", f"--namespace={place}", f"service/{service}", f":{port}"]
    process = subprocess.Popen(
        ["sh", "-c", ENDS_WITH_US, "sh", *arguments],
        env=environment.process_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # a Ctrl-C is for the command, which may still have something to put right
    )
    atexit.register(process.kill)
    output = process.stdout or ()
    said: list[str] = []
    for line in output:
        if found := FORWARDING.match(line):
            threading.Thread(target=_drain, args=(output,), daemon=True).start()
            return process, int(found[1])
        said.append(line)
    raise UserError(
        f"stack {environment.stack}: {service} is not reached through the cluster: `kubectl {' '.join(arguments)}` "
        f"says {''.join(said).strip()!r}. `groundwork status {environment.stack}` says whether it runs"
    )


def _drain(output: Iterable[str]) -> None:
    """kubectl prints a line for each connection, and would wait for a reader when the pipe is full."""
    for _ in output:
        pass
