"""Every shell step of the pipelines, in order, as Jenkins and GitHub Actions would run it: on the test stack."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from modules.core.paths import REPOSITORY
from modules.core.releases import read_releases
from scripts.cli.environment import Environment
from tests.modules.jenkins.pipelines import all_commands
from tests.scripts.cli.github import GitHub, github

from .conftest import STACK, run

BROKEN = """
import pulumi_kubernetes as k8s
k8s.apps.v1.Deployment("web", metadata={"name": "web", "namespace": "default"}, spec={
    "selector": {"match_labels": {"app": "web"}},
    "template": {"metadata": {"labels": {"app": "web"}}, "spec": {
        "host_network": True, "containers": [{"name": "main", "image": "docker.io/library/nginx:1"}]}}})
"""


@pytest.fixture(scope="module")
def hub() -> Iterator[GitHub]:
    with github() as server:
        yield server


def commands() -> list[str]:
    """Of all steps of the pipelines; without `scripts/check` where `scripts/test` ran it just before."""
    checked = {"scripts/check"} if os.environ.get("GROUNDWORK_CHECKED") else set[str]()
    return [command for command in all_commands() if command not in checked]


@pytest.mark.usefixtures("platform")
@pytest.mark.parametrize("command", commands())
def test_a_step_succeeds(command: str, hub: GitHub) -> None:
    run("bash", "-c", command, env={"STACK": STACK, "WORKLOAD": "iris", **hub.variables})


def test_the_preview_was_commented_on_the_pull_request(hub: GitHub) -> None:
    assert hub.bodies == [(REPOSITORY / ".pipeline/preview.md").read_text()]
    assert hub.bodies[0].startswith(f"<!-- groundwork preview {STACK} -->\n### Preview of `{STACK}`: nothing changes, ")


@pytest.mark.usefixtures("platform")
def test_the_candidate_that_was_evaluated_serves() -> None:
    assert (
        f'"model_version": {read_releases(STACK)["iris"].model_version},'
        in (REPOSITORY / ".pipeline/candidate.json").read_text()
    )


def test_the_policy_pack_refuses_what_it_must(platform: Environment, tmp_path: Path) -> None:
    options = f"{{virtualenv: {REPOSITORY / '.venv'}}}"
    (tmp_path / "Pulumi.yaml").write_text(f"name: broken\nruntime: {{name: python, options: {options}}}\n")
    (tmp_path / "__main__.py").write_text(BROKEN)
    environment = {**platform.process_environment(), "PULUMI_BACKEND_URL": f"file://{tmp_path}"}
    quiet = ("--non-interactive", "--color", "never", "-C", str(tmp_path), "-s", "broken")
    run("pulumi", "stack", "init", *quiet, env=environment)
    pack = str(REPOSITORY / "policies")
    done = run("pulumi", "preview", "--policy-pack", pack, *quiet, env=environment, check=False)
    assert done.returncode != 0
    assert "[mandatory]  images  (kubernetes:apps/v1:Deployment: web)" in done.stdout
    assert "web: container 'main' has the image 'docker.io/library/nginx:1'" in done.stdout
    assert "web: hostNetwork is true: leave it out" in done.stdout
