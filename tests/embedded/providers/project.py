"""A program in a folder of its own, run by the plain `pulumi` commands."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

from embedded.providers.install import engine_variables, install

QUIET = ("--non-interactive", "--color", "never")


class Project:
    """A program in a folder of its own, with a stack in a file backend beside it."""

    def __init__(self, folder: Path, toolchain: Path, kubeconfig: str) -> None:
        self.name = "small"
        self.folder = folder / "program"
        self.folder.mkdir()
        backend = folder / "backend"
        backend.mkdir()
        install(folder / "home", Path(sys.executable), toolchain)
        self.environment = {
            **os.environ,
            "PATH": os.pathsep.join([str(toolchain), str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_CONFIG_PASSPHRASE": "passphrase",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "KUBECONFIG": kubeconfig,
            **engine_variables(backend),
        }
        self.options = f"{{virtualenv: {Path(sys.executable).parents[1]}}}"

    def write(self, program: str, name: str = "__main__.py") -> None:
        document = f"name: {self.name}\nruntime: {{name: python, options: {self.options}}}\n"
        (self.folder / "Pulumi.yaml").write_text(document)
        (self.folder / name).write_text(textwrap.dedent(program))

    def run(self, *arguments: str, check: bool = True) -> str:
        command = ["pulumi", *arguments, *QUIET]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        output = done.stdout + done.stderr
        assert (done.returncode == 0) is check, output
        return output

    def up(self, check: bool = True) -> str:
        return self.run("up", "--yes", "--skip-preview", check=check)

    def outputs(self) -> dict[str, object]:
        command = ["pulumi", "stack", "output", "--json", "--show-secrets"]
        return json.loads(subprocess.check_output(command, cwd=self.folder, env=self.environment))

    def state(self) -> str:
        return self.run("stack", "export")

    def resources(self) -> list[dict[str, object]]:
        """What the state holds of each resource, without what only the engine keeps for itself."""
        kept = ("urn", "id", "inputs", "outputs")
        found = json.loads(self.state())["deployment"]["resources"]
        return [{key: entry.get(key) for key in kept} for entry in found]
