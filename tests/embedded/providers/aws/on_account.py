"""The whole platform of an example on an account, and the command that looks for what is left of it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from embedded.providers.install import install_emulations
from modules.core.paths import REPOSITORY
from tests.contracts.aws_platform import example
from tests.contracts.conftest import ENVIRONMENT

from ..project import Project

PROGRAM = (Path(__file__).parent / "programs" / "platform.py").read_text()
CLUSTER = f"groundwork-{ENVIRONMENT}"
IN_ACCOUNT = ("--target", "**aws:**")
"""Of a refresh: objects that are written to files can't be read again."""


class OnAccount(Project):
    """An example's platform on an account of its own."""

    def __init__(self, folder: Path, toolchain: Path, name: str, address: str) -> None:
        super().__init__(folder, toolchain, kubeconfig="")
        install_emulations(folder / "home", Path(sys.executable))
        self.region: str = example(name)["groundwork:foundation"]["region"]
        self.environment |= {
            "AWS_ENDPOINT_URL": address,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_CONFIG_FILE": os.devnull,
        }
        self.write(PROGRAM)
        self.run("stack", "init", "dev")
        self.run("config", "set", "example", name)

    def change(self, **foundation: Any) -> None:
        """Change settings, by key of the foundation."""
        self.run("config", "set", "foundation", json.dumps(foundation))

    def ids(self) -> dict[str, str]:
        """Of what is in the account, by URN."""
        found = {str(each["urn"]): str(each["id"]) for each in self.resources() if each["id"]}
        return {urn: id for urn, id in found.items() if "aws:" in urn and "pulumi:providers" not in urn}

    def leftovers(self, address: str, key: tuple[str, str] = ("test", "test")) -> tuple[int, dict[str, Any]]:
        """(exit code, output) of the command that looks for what is left, a process of its own."""
        command = [sys.executable, "-m", "scripts.cli", "leftovers", ENVIRONMENT, "--region", self.region, "--json"]
        variables = {"AWS_ENDPOINT_URL": address, "AWS_ACCESS_KEY_ID": key[0], "AWS_SECRET_ACCESS_KEY": key[1]}
        environment: dict[str, str] = {**self.environment, **variables}
        done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)
