"""The engine, or the command that runs it, is killed at many moments: the same command again puts all right.

By the functions that `scripts/up` and `scripts/down` call, on a program of a few dozen objects.
"""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from embedded.toolchain.targets import BUILD_TARGETS
from modules.core.errors import UserError
from scripts.cli.clients import engine
from scripts.cli.environment import PROJECT, Environment

from .controlplane import ControlPlane
from .project import Project

Kubectl = Callable[..., str]
STACK = "crash"
SPACES = 5
PROGRAM = f"""
    import pulumi, pulumi_kubernetes as k8s, pulumi_random as random
    provider = k8s.Provider("cluster", context="bare", cluster_identifier="bare", enable_secret_mutable=True)
    opts = pulumi.ResourceOptions(provider=provider)
    OURS = {{"pulumi.com/patchForce": "true", "pulumi.com/patchFieldManager": "pulumi-kubernetes-groundwork"}}

    def meta(name, **more):
        return {{"name": name, "labels": {{"made-by": "crash"}}, "annotations": OURS, **more}}

    for number in range({SPACES}):
        space = k8s.core.v1.Namespace(f"space-{{number}}", metadata=meta(f"crash-{{number}}"), opts=opts)
        inside = {{"namespace": space.metadata.name}}
        password = random.RandomPassword(f"password-{{number}}", length=20)
        secret = k8s.core.v1.Secret(f"secret-{{number}}", metadata=meta("secret", **inside),
                                    string_data={{"password": password.result}}, opts=opts)
        labels = {{"app": "web", "made-by": "crash"}}
        container = {{"name": "main", "image": "registry.invalid/web:1",
                      "env": [{{"name": "SECRET", "value": secret.metadata.name}}]}}
        k8s.apps.v1.Deployment(f"web-{{number}}", metadata=meta("web", **inside), spec={{
            "selector": {{"match_labels": {{"app": "web"}}}},
            "template": {{"metadata": {{"labels": labels}}, "spec": {{"containers": [container]}}}}}}, opts=opts)
        quick = {{**meta("web", **inside), "annotations": {{**OURS, "pulumi.com/skipAwait": "true"}}}}
        k8s.core.v1.Service(f"service-{{number}}", metadata=quick,
                            spec={{"selector": {{"app": "web"}}, "ports": [{{"port": 80}}]}}, opts=opts)
"""
KINDS = ("namespace", "secret", "deployment", "service")
"""Of each one object for every space."""
RESOURCES = 3 + SPACES * (len(KINDS) + 1)
"""Stack, two providers, and of each space its objects and a password."""
POINTS = [*range(1, 50, 4)]
"""Lines of the engine about resources after which it is killed: spread over what it prints of one run."""
QUICK = (5, 21, 41)
RUN = "import sys; from tests.embedded.providers.crash_test import command; command(*sys.argv[1:])"


@dataclass(frozen=True)
class Program(Environment):
    """A stack whose program, state and cluster are a test's."""

    folder: Path
    variables_file: Path

    @property
    def program(self) -> Path:
        return self.folder / "program"

    @property
    def backend(self) -> Path:
        return self.folder / "backend"

    @property
    def kubeconfig(self) -> Path:
        return Path(self.process_environment()["KUBECONFIG"])

    def process_environment(self) -> dict[str, str]:
        return json.loads(self.variables_file.read_text())


def command(what: str, folder: str, variables_file: str) -> None:
    """What `scripts/up` or `scripts/down` does with the engine, in a process of its own."""
    program = Program(STACK, Path(folder), Path(variables_file))
    {"up": engine.up, "destroy": engine.destroy}[what](program, lambda line: print(line, flush=True), Path("/dev/null"))


@pytest.fixture(scope="module")
def program(
    tmp_path_factory: pytest.TempPathFactory, toolchain: Path, control_plane: ControlPlane, kubectl: Kubectl
) -> Iterator[Program]:
    assert {target.name for target in BUILD_TARGETS} >= {"pulumi", "pulumi-kubernetes"}
    folder = tmp_path_factory.mktemp("crash")
    project = Project(folder, toolchain, str(control_plane.kubeconfig))
    project.write(textwrap.dedent(PROGRAM))
    described = project.folder / "Pulumi.yaml"
    described.write_text(described.read_text().replace("name: small", f"name: {PROJECT}"))
    project.run("stack", "init", STACK)
    variables = folder / "variables.json"
    variables.touch(mode=0o600)
    variables.write_text(json.dumps(project.environment))
    kubectl("create", "configmap", "somebody-elses", "--from-literal=a=1")
    yield Program(STACK, folder, variables)
    kubectl("delete", "configmap", "somebody-elses")


@pytest.fixture(autouse=True)
def nobody_else_is_touched(kubectl: Kubectl) -> Iterator[None]:
    look = ("get", "configmap", "somebody-elses", "-o", "jsonpath={.metadata.uid} {.metadata.resourceVersion}")
    before = kubectl(*look)
    yield
    assert kubectl(*look) == before


def kill_after(program: Program, what: str, lines: int, *, whole_command: bool) -> None:
    """Runs the command; kills the engine, or the command itself, after so many lines about resources."""
    arguments = [sys.executable, "-c", RUN, what, str(program.folder), str(program.variables_file)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        for number, _ in enumerate(process.stdout, start=1):
            if number == lines:
                victim = process.pid if whole_command else _engine_of(process.pid)
                with suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
                break
        threading.Thread(target=process.stdout.read, daemon=True).start()
        process.wait(120)


def _engine_of(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return next(int(child) for child in children if Path(f"/proc/{child}/comm").read_text().strip() == "pulumi")


def converge(program: Program, what: str) -> None:
    command(what, str(program.folder), str(program.variables_file))


def objects(kubectl: Kubectl) -> list[str]:
    return kubectl("get", ",".join(KINDS), "-A", "-l", "made-by=crash", "-o", "name").split()


def state(program: Program) -> tuple[int, int]:
    """(resources, pending operations) in the state."""
    document = json.loads((program.backend / f".pulumi/stacks/{PROJECT}/{STACK}.json").read_text())
    latest: dict[str, list[object] | None] = document["checkpoint"]["latest"] or {}
    return len(latest.get("resources") or ()), len(latest.get("pending_operations") or ())


def left_running(program: Program) -> list[str]:
    """Command lines of plugins that belong to this stack."""
    found = list[str]()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return [line for line in found if line.startswith(str(program.folder / "home"))]


def check(program: Program, kubectl: Kubectl, lines: int, *, whole_command: bool) -> None:
    kill_after(program, "up", lines, whole_command=whole_command)
    converge(program, "up")
    assert len(objects(kubectl)) == SPACES * len(KINDS)
    assert state(program) == (RESOURCES, 0)
    kill_after(program, "destroy", lines, whole_command=whole_command)
    converge(program, "destroy")
    assert objects(kubectl) == []
    assert state(program)[1] == 0
    assert left_running(program) == []


@pytest.mark.parametrize("lines", QUICK)
def test_an_engine_that_is_killed_leaves_nothing_that_the_same_command_does_not_mend(
    program: Program, kubectl: Kubectl, lines: int
) -> None:
    check(program, kubectl, lines, whole_command=False)


def test_a_killed_command_whose_engine_goes_on_is_waited_for(program: Program, kubectl: Kubectl) -> None:
    check(program, kubectl, 5, whole_command=True)


@pytest.mark.heavy
@pytest.mark.parametrize("lines", [point for point in POINTS if point not in QUICK])
def test_at_every_moment_the_same_command_converges(program: Program, kubectl: Kubectl, lines: int) -> None:
    check(program, kubectl, lines, whole_command=False)


def test_a_command_that_can_not_finish_says_why(program: Program) -> None:
    broken = program.program / "__main__.py"
    text = broken.read_text()
    broken.write_text("raise ValueError('no such thing')\n")
    try:
        with pytest.raises(UserError, match="ValueError: no such thing"):
            converge(program, "up")
    finally:
        broken.write_text(text)
