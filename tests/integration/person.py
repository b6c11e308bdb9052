"""Somebody without root, with a checkout, caches and a home of their own."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from embedded.toolchain.targets import IMAGE_TARGETS
from modules.core.paths import REPOSITORY
from scripts.cli.environment import CLIENT_TARGETS, Environment

from .conftest import INTERRUPTIBLE, STACK

UID = 20001
"""Nobody on this machine has it."""
PATH = "/usr/local/bin:/usr/bin:/bin"
PASSED_ON = ("CERT", "SSL", "CA_", "PIP_", "PROXY", "proxy")
"""Parts of the names of variables that say how package registries are reached."""


@dataclass(frozen=True)
class Person:
    """Whose files all lie below one folder."""

    home: Path

    @property
    def checkout(self) -> Path:
        return self.home / "groundwork"

    def write(self, path: str, text: str) -> Path:
        """Write a file below the home that nobody else reads."""
        file = self.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o600)
        for each in (file, *file.relative_to(self.home).parents):
            os.chown(self.home / each, UID, UID)
        return file

    def start(self, *command: str, env: dict[str, str] | None = None) -> "subprocess.Popen[str]":
        """Start a command at the root of the checkout, with no right that root has."""
        passed_on = {name: value for name, value in os.environ.items() if any(part in name for part in PASSED_ON)}
        variables = {"HOME": str(self.home), "PATH": f"{self.checkout}/.venv/bin:{PATH}", **passed_on, **(env or {})}
        bounded = ("setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--no-new-privs")
        return subprocess.Popen(
            [*INTERRUPTIBLE, *bounded, *command],
            cwd=self.checkout,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(
        self, *command: str, check: bool = True, env: dict[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command there; its output is in the failure when it fails."""
        return finish(self.start(*command, env=env), check=check)


def finish(process: "subprocess.Popen[str]", *, check: bool = True) -> "subprocess.CompletedProcess[str]":
    output, errors = process.communicate(timeout=1500)
    if check and process.returncode != 0:
        pytest.fail(f"{process.args} exited with {process.returncode}\n{output}\n{errors}")
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


@contextmanager
def somebody() -> Generator[Person]:
    """Yield a person with what is checked out here, uncommitted changes included, and with engine and
    plugin as a shared cache would give them: compiling them once more would show nothing new."""
    with tempfile.TemporaryDirectory(prefix="groundwork-person-", dir="/var/tmp") as folder:
        person = Person(Path(folder))
        files = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split("\0")
        for name in filter(None, files):
            if (REPOSITORY / name).exists():
                (person.checkout / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(REPOSITORY / name, person.checkout / name)
        tools = person.home / ".cache/groundwork/toolchain"
        for target in (*CLIENT_TARGETS, *IMAGE_TARGETS):
            built = (Environment(STACK).tools / target.name).resolve()
            (tools / built.parent.name).mkdir(parents=True)
            shutil.copy2(built, tools / built.parent.name)
        for each in (person.home, *person.home.rglob("*")):
            os.chown(each, UID, UID, follow_symlinks=False)
        yield person
