"""What holds for the pipelines of both systems. tests/integration/pipelines_test.py runs their steps."""

import re
import subprocess
from typing import Any

import pytest

from modules.jenkins.documents import ENVIRONMENT_AGENT, FILES, GITHUB, PIPELINES, STEPS

from .pipelines import WORKFLOWS, PipelineError, commands, parse, shell_steps, workflow, workflow_steps

CHANGING = re.compile(r"scripts/(up|pipeline (train|release|rollout))\b")
"""Steps that change an environment."""
PINNED = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40}")


@pytest.mark.parametrize("name", PIPELINES)
def test_both_systems_run_the_same_steps(name: str) -> None:
    found = commands(name)
    assert found["jenkins"]
    assert sorted(found["jenkins"]) == sorted(found["github"])


@pytest.mark.parametrize("name", PIPELINES)
def test_a_step_is_one_script_of_this_repository(name: str) -> None:
    for steps in commands(name).values():
        for step in steps:
            assert re.fullmatch(r'scripts/[a-z]+( [a-z-]+)?( "\$[A-Z]+")*', step), step


@pytest.mark.parametrize(
    "file", sorted(path.name for path in FILES.glob("*.Jenkinsfile")), ids=lambda name: name.partition(".")[0]
)
def test_a_jenkinsfile_parses_and_runs_on_agents_that_there_are(file: str) -> None:
    text = (FILES / file).read_text()
    parse(text)
    assert set(re.findall(r"label '([^']+)'", text)) <= {ENVIRONMENT_AGENT}
    assert set(re.findall(r"(?:inheritFrom|defaultContainer) '([^']+)'", text)) <= {STEPS}
    assert set(re.findall(r"credentialsId: '([^']+)'", text)) <= {GITHUB}


def test_there_is_a_file_for_every_pipeline_and_no_other() -> None:
    assert {path.stem for path in FILES.glob("*.Jenkinsfile")} == set(PIPELINES)
    assert {path.stem for path in WORKFLOWS.glob("*.y*ml")} == set(PIPELINES)


def test_the_workflows_are_what_github_documents() -> None:
    schema = ("--builtin-schema", "vendor.github-workflows")
    files = [str(path) for path in sorted(WORKFLOWS.glob("*.yml"))]
    done = subprocess.run(["check-jsonschema", *schema, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", PIPELINES)
def test_a_workflow_uses_nothing_of_others_but_by_commit(name: str) -> None:
    for step in workflow_steps(name):
        assert len({"run", "uses"} & step.keys()) == 1
        assert step.keys() <= {"run", "uses", "with", "if", "env"}
        assert "uses" not in step or PINNED.fullmatch(step["uses"])


@pytest.mark.parametrize("name", PIPELINES)
def test_a_workflow_runs_nothing_of_a_fork_and_has_no_more_rights_than_it_needs(name: str) -> None:
    document: Any = workflow(name)
    jobs = document["jobs"]
    assert document["permissions"] in ({}, {"contents": "read"})
    triggers = document[True]  # YAML 1.1 reads `on` so
    assert triggers.keys() <= {"pull_request", "push", "schedule", "workflow_dispatch"}
    first = next(iter(jobs.values()))
    assert "pull_request" not in triggers or "head.repo.full_name == github.repository" in first["if"]
    assert all("needs" in job for job in list(jobs.values())[1:])
    for job in jobs.values():
        assert job.get("permissions", {}).keys() <= {"contents", "pull-requests"}
        assert job.get("permissions", {}).get("contents") in {None, "read"}


@pytest.mark.parametrize("name", PIPELINES)
def test_only_jobs_that_change_an_environment_wait_for_each_other(name: str) -> None:
    document: Any = workflow(name)
    assert "concurrency" not in document
    for job in document["jobs"].values():
        changes = any(CHANGING.match(step.get("run", "")) for step in job["steps"])
        assert ("concurrency" in job) == changes


@pytest.mark.parametrize("name", PIPELINES)
def test_what_waits_for_approval_is_never_cancelled_by_another_pipeline(name: str) -> None:
    for job in workflow(name)["jobs"].values():
        assert "concurrency" not in job or job["concurrency"]["group"].startswith(f"{name}-${{{{ inputs.stack")


def test_infrastructure_is_brought_up_after_approval_or_at_once() -> None:
    job = workflow("infrastructure")["jobs"]["up"]
    assert "'at-once' || 'after-approval'" in job["environment"]
    assert "pull_request" in job["if"]
    text = (FILES / "infrastructure.Jenkinsfile").read_text()
    assert text.count("branch 'main'") == 2
    assert "choices: ['after approval', 'at once', 'preview only']" in text
    assert "params.APPLY == 'after approval'" in text


def test_the_model_pipeline_tests_trains_evaluates_and_releases_in_this_order() -> None:
    for steps in commands("model").values():
        assert [step.split()[1] for step in steps] == [
            *("test-code", "test-data", "test-model"),
            *("train", "evaluate", "release"),
        ]


def test_the_rollout_comes_by_itself_and_on_main_only() -> None:
    assert [step.split()[1] for steps in commands("rollout").values() for step in steps] == ["rollout", "rollout"]
    document: Any = workflow("rollout")
    assert document[True]["schedule"] == [{"cron": "*/10 * * * *"}]
    text = (FILES / "rollout.Jenkinsfile").read_text()
    assert "cron(env.BRANCH_NAME == 'main' ? 'H/10 * * * *' : \"\")" in text
    assert "when { branch 'main' }" in text


@pytest.mark.parametrize(
    "step",
    [
        'sh "scripts/$NAME"',
        "sh 'a' + 'b'",
        "sh(script: 'a', returnStdout: true)",
        "sh(COMMAND)",
        "script { 'x'.execute() }",
        "bat 'dir'",
        "load 'other.groovy'",
    ],
)
def test_a_step_that_no_test_could_run_is_refused(step: str) -> None:
    with pytest.raises(PipelineError):
        shell_steps(f"pipeline {{ stages {{ stage('x') {{ steps {{ {step} }} }} }} }}")


def test_what_is_no_groovy_is_refused() -> None:
    with pytest.raises(PipelineError, match="does not parse"):
        parse("pipeline { stages {")
