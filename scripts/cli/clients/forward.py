"""Ports on 127.0.0.1 that lead to services by way of the Kubernetes API, while a command needs them."""

import atexit
import re
import subprocess
import threading
from collections.abc import Iterable
from typing import Any

import httpx

from modules.core.errors import UserError
from modules.core.naming import namespace
from scripts.cli.environment import Environment

FORWARDING = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+) ")
"""What kubectl prints once the port answers."""
TAKEN = "unable to listen on"
SECONDS = 30.0
"""For an answer."""
ENDS_WITH_US = 'exec 3<&0; { read -r line <&3; kill $$; } >/dev/null 2>&1 & exec kubectl "$@" </dev/null 3<&-'
"""Its standard input is a pipe, which ends when this process does, however it does."""
Target = tuple[str, str, int]
"""Namespace, Service and its port."""


class Forward:
    """kubectl, which forwards a port on 127.0.0.1 to a pod of a Service, and ends with that pod."""

    def __init__(self, environment: Environment, place: str, service: str, port: int, local_port: int | None) -> None:
        """UserError where cluster or service does not answer, or the port on 127.0.0.1 is not free."""
        arguments = ["port-forward", f"--namespace={place}", f"service/{service}", f"{local_port or ''}:{port}"]
        self._process = subprocess.Popen(
            ["sh", "-c", ENDS_WITH_US, "sh", *arguments],
            env=environment.process_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # a Ctrl-C is for the command, which may still have something to put right
        )
        atexit.register(self._process.kill)
        output = self._process.stdout or ()
        said: list[str] = []
        for line in output:
            if found := FORWARDING.match(line):
                threading.Thread(target=_drain, args=(output,), daemon=True).start()
                self.port = int(found[1])
                return
            said.append(line)
        text = "".join(said).strip()
        if TAKEN in text:
            raise UserError(f"port {local_port} on 127.0.0.1 is taken by another program: choose a free one by --port")
        raise UserError(
            f"stack {environment.stack}: {service} is not reached through the cluster: `kubectl {' '.join(arguments)}` "
            f"says {text!r}. `groundwork status {environment.stack}` says whether it runs"
        )

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def wait(self) -> None:
        """Wait until it ends."""
        self._process.wait()

    def close(self) -> None:
        self._process.kill()
        self.wait()


_running: dict[Target, Forward] = {}
"""One of each serves all of this process, and ends with it."""
_lock = threading.Lock()


def forwarded(environment: Environment, service: str, port: int, *, part: str | None = None) -> int:
    """Return the port on 127.0.0.1 that leads to a port of a Service: the one of a part's namespace that is named so,
    or is the service's own. One that ended, with the pod that it led to, is begun anew. UserError where cluster or
    Service does not answer."""
    place = namespace(environment.stack, part or service)
    target = (place, service, port)
    with _lock:
        if target not in _running or _running[target].ended:
            _running[target] = Forward(environment, place, service, port, None)
        return _running[target].port


def close(environment: Environment, service: str, port: int, *, part: str | None = None) -> None:
    """End what leads to a port, so that it is begun anew: it may have lost its pod, and not have seen it yet."""
    with _lock:
        if ended := _running.pop((namespace(environment.stack, part or service), service, port), None):
            ended.close()


def ask(
    environment: Environment, service: str, port: int, path: str, *, part: str | None = None, json: Any = None
) -> str:
    """Return what a Service answers over plain HTTP: to a POST of a document, or to a GET. It passes by all network
    policies. UserError where it does not answer, or refuses."""
    method, answer = ("GET" if json is None else "POST"), None
    for _ in range(2):
        address = f"http://127.0.0.1:{forwarded(environment, service, port, part=part)}{path}"
        try:
            answer = httpx.request(method, address, json=json, timeout=SECONDS, trust_env=False)
            break
        except httpx.TransportError:
            close(environment, service, port, part=part)  # its pod may have gone
    if answer is None or not answer.is_success:
        said = "nothing" if answer is None else f"{answer.status_code}: {answer.text[:300]}"
        raise UserError(f"stack {environment.stack}: {service} answers {path} with {said}")
    return answer.text


def _drain(output: Iterable[str]) -> None:
    """kubectl prints a line for each connection, and would wait for a reader when the pipe is full."""
    for _ in output:
        pass
