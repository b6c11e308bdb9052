"""Drives the Pulumi engine for a stack: the same plain commands that a person would type."""

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from modules.core.errors import UserError
from modules.core.settings import PROJECT
from scripts.cli.clients import identity, kubectl, pins, recovery
from scripts.cli.clients.backend import Backend
from scripts.cli.clients.events import Events
from scripts.cli.environment import Environment
from scripts.cli.steps import Progress
from stacks.configuration import require_encrypted

LOCK_SECONDS = 900.0
"""Longer than any rollout may take."""
QUIET = ("--non-interactive", "--color", "never")
DESTROY = ("destroy", "--yes", "--skip-preview", "--continue-on-error")
"""Without asking. What can't be deleted keeps nothing but what it needs itself: the run fails all the same."""
STREAMED_PREVIEW = {"PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "true"}
"""Has `pulumi preview --json` write its events too, in place of one document at its end."""


def ensure_stack(environment: Environment) -> None:
    """Makes the stack in the file backend, once."""
    if Backend(environment).checkpoint.exists():
        return
    _run(environment, ["stack", "init", environment.stack, *QUIET])


def up(
    environment: Environment,
    progress: Progress,
    log: Path,
    *,
    targets: Sequence[str] = (),
    extra: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """`pulumi up`, without asking, after whoever works on the stack now. Raises UserError with the engine's
    diagnostics.

    targets: patterns of URNs; nothing else is changed then. extra: variables of the program."""
    wait_for_lock(environment, progress)
    identity.check(environment)
    pins.take_over(environment)
    recovery.refuse_previous_plugin(environment.stack, Backend(environment).resources())
    settle(environment, progress, log)
    only = [f"--target={pattern}" for pattern in targets]
    _stream(environment, ["up", "--yes", "--skip-preview", *only, *QUIET], progress, log, extra)


def preview(
    environment: Environment, progress: Progress, extra: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Any]:
    """Return what `pulumi up` would do, as `pulumi preview --json` prints it, also where it refuses (`preview_errors`),
    after whoever works on the stack now. Raise UserError where the engine prints nothing. extra: variables of the
    program."""
    wait_for_lock(environment, progress)
    identity.check(environment)
    pins.take_over(environment)
    command = _command(environment, ["preview", "--json", *QUIET])
    done = _capture(environment, command, extra)
    try:
        document: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        document = {}
    if done.returncode != 0 and not preview_errors(document):
        raise UserError(f"`{' '.join(command)}` failed (exit code {done.returncode}): {done.stderr.strip()}")
    return document


def preview_errors(document: Mapping[str, Any]) -> str:
    """Why the change can't be made, such as a deletion of what is protected; empty where it can."""
    diagnostics: list[dict[str, str]] = document.get("diagnostics") or []
    return "\n".join(note["message"].strip() for note in diagnostics if note["severity"] == "error")


def check_policies(
    environment: Environment,
    pack: Path,
    progress: Progress,
    log: Path,
    extra: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """A preview under a policy pack, after whoever works on the stack now. Raises UserError with what breaks one.
    extra: variables of the program."""
    wait_for_lock(environment, progress)
    identity.check(environment)
    pins.take_over(environment)
    _stream(environment, ["preview", "--policy-pack", str(pack), *QUIET], progress, log, extra)


def destroy(environment: Environment, progress: Progress, log: Path) -> None:
    """`pulumi destroy`, without asking, after whoever works on the stack now."""
    wait_for_lock(environment, progress)
    identity.check(environment)
    settle(environment, progress, log)
    _stream(environment, [*DESTROY, *QUIET], progress, log)


def unprotect(environment: Environment, progress: Progress) -> None:
    """Let what holds data be destroyed: for a person who was asked, and agreed. After whoever works on the stack."""
    wait_for_lock(environment, progress)
    _run(environment, ["state", "unprotect", "--all", "--yes", *QUIET])


def outputs(environment: Environment) -> dict[str, Any]:
    """The stack's outputs, secrets left out."""
    return json.loads(_run(environment, ["stack", "output", "--json", *QUIET]))


def configuration(environment: Environment) -> dict[str, Any]:
    """Return the stack's own settings by name, decrypted: for clients of what they lead to, never for a screen.
    UserError where one of those that log in is not set."""
    environment.settings.require_secrets(f"stacks/Pulumi.{environment.stack}.yaml")
    require_encrypted(environment.stack)
    ensure_stack(environment)
    found: dict[str, dict[str, Any]] = json.loads(_run(environment, ["config", "--show-secrets", "--json", *QUIET]))
    return {
        key.removeprefix(f"{PROJECT}:"): entry.get("objectValue", entry.get("value"))
        for key, entry in found.items()
        if key.startswith(f"{PROJECT}:")
    }


def settle(environment: Environment, progress: Progress, log: Path) -> None:
    """Puts right what a run that was killed left unfinished in the state; see `recovery`."""
    pending: list[dict[str, Any]] = Backend(environment).state().get("pending_operations") or []
    if not pending:
        return
    progress(f"{len(pending)} operations of a run that was killed are unfinished: looking at what became of them")
    arguments = recovery.refresh_arguments(pending, lambda manifest: kubectl.live(environment, manifest))
    _stream(environment, ["refresh", "--yes", "--skip-preview", *arguments, *QUIET], progress, log)


def wait_for_lock(environment: Environment, progress: Progress, pause: Callable[[float], None] = time.sleep) -> None:
    """Wait until no engine of this host holds the stack's lock, such as one that `groundwork canary` started.

    Remove the locks of engines that are gone: the file backend never does. After LOCK_SECONDS the engine itself reports
    who holds the stack."""
    deadline = time.monotonic() + LOCK_SECONDS
    while (holders := Backend(environment).remove_dead_locks()) and time.monotonic() < deadline:
        progress(f"another run works on stack {environment.stack} (process {holders[0]}): waiting for it to end")
        pause(1)


def _command(environment: Environment, arguments: Sequence[str]) -> list[str]:
    stack = [] if arguments[0] == "stack" and arguments[1] == "init" else ["-s", environment.stack]
    return ["pulumi", *arguments, *stack]


def _run(environment: Environment, arguments: Sequence[str]) -> str:
    command = _command(environment, arguments)
    done = _capture(environment, command)
    if done.returncode != 0:
        raise UserError(f"`{' '.join(command)}` failed (exit code {done.returncode}): {done.stderr.strip()}")
    return done.stdout


def _capture(
    environment: Environment, command: Sequence[str], extra: Mapping[str, str] = MappingProxyType({})
) -> "subprocess.CompletedProcess[str]":
    with _variables(environment) as variables:
        return subprocess.run(
            command, cwd=environment.program, env={**variables, **extra}, capture_output=True, text=True, check=False
        )


@contextmanager
def _variables(environment: Environment) -> Generator[dict[str, str]]:
    """Yields the engine's variables, with a folder for temporary files that is removed afterwards: the Kubernetes
    plugin leaves a kubeconfig with the administrator's key behind whenever it was configured."""
    with tempfile.TemporaryDirectory(prefix="groundwork-", ignore_cleanup_errors=True) as folder:
        yield {**environment.process_environment(), "TMPDIR": folder}


def _stream(
    environment: Environment,
    arguments: Sequence[str],
    progress: Progress,
    log: Path,
    extra: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Runs a command that changes or previews the stack; reports what its events say. UserError where it fails."""
    command = _command(environment, [*arguments, "--json"])
    with (
        log.open("a") as output,
        _variables(environment) as variables,
        subprocess.Popen(
            command,
            cwd=environment.program,
            env={**variables, **STREAMED_PREVIEW, **extra},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        events = Events(progress=progress, log=lambda line: print(line, file=output))
        for line in process.stdout or ():
            events.read(line)
    if process.returncode != 0:
        raise UserError(f"`{' '.join(command)}` failed:\n{events.problems()}")
    progress(events.summary())
