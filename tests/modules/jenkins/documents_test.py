"""The configuration of Jenkins, not loaded by it: a schema, a Groovy parser and rules for pods stand in for that."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import tree_sitter
import tree_sitter_groovy
import yaml

from modules.jenkins.documents import (
    FILES,
    FOLDER,
    PIPELINES,
    Images,
    agent_pod,
    configuration,
    files,
    jobs,
)
from modules.jenkins.settings import JenkinsSettings
from policies import images, privileges
from policies.pods import Pod
from tests.neighbours import CLUSTER

SCHEMA = json.loads(Path(__file__).with_name("casc.schema.json").read_text())
IMAGES = Images(controller="docker.io/jenkins/jenkins:1", agent="docker.io/jenkins/inbound-agent:2", steps="python:3")
SIMULATED = {"groundwork.dev/simulated": "true"}
WITH_JOBS = JenkinsSettings(repository="someone/groundwork")


def pod(**labels: str) -> dict[str, Any]:
    return agent_pod(IMAGES, JenkinsSettings().agent, cluster=CLUSTER, labels=labels, annotations={})


def document(settings: JenkinsSettings) -> dict[str, Any]:
    return configuration(settings, namespace="local-jenkins", agent_pod=pod(**SIMULATED))


@pytest.mark.parametrize("settings", [JenkinsSettings(), WITH_JOBS], ids=["without jobs", "with jobs"])
def test_the_configuration_has_only_keys_that_are_documented(settings: JenkinsSettings) -> None:
    validator: Any = jsonschema.Draft202012Validator(SCHEMA)
    validator.check_schema(SCHEMA)
    rendered = yaml.safe_load(files(settings, document(settings))["jenkins.yaml"])
    assert [error.message for error in validator.iter_errors(rendered)] == []


def test_a_secret_is_a_file_that_is_named_and_nothing_else() -> None:
    text = files(WITH_JOBS, document(WITH_JOBS))["jenkins.yaml"]
    passwords = re.findall(r"password: (.*)", text)
    assert len(passwords) == 2
    assert all(
        re.fullmatch(r"\$\{trim:\$\{readFile:/var/run/groundwork/jenkins/[a-z-]+}}", found) for found in passwords
    )


def test_without_a_repository_there_are_no_jobs_and_no_credentials() -> None:
    assert not {"jobs", "credentials"} & document(JenkinsSettings()).keys()
    assert "jobs.groovy" not in files(JenkinsSettings(), document(JenkinsSettings()))


def test_nothing_is_built_on_the_controller_and_nobody_is_anonymous() -> None:
    jenkins = document(JenkinsSettings())["jenkins"]
    assert jenkins["numExecutors"] == 0
    assert jenkins["securityRealm"]["local"]["allowsSignup"] is False
    assert jenkins["authorizationStrategy"]["loggedInUsersCanDoAnything"]["allowAnonymousRead"] is False


def test_agents_connect_inside_the_cluster_at_the_agents_port() -> None:
    cloud = document(JenkinsSettings(agents=7))["jenkins"]["clouds"][0]["kubernetes"]
    assert cloud["jenkinsUrl"] == "http://jenkins.local-jenkins.svc.cluster.local:8080"
    assert cloud["jenkinsTunnel"] == "jenkins.local-jenkins.svc.cluster.local:50000"
    assert cloud["containerCapStr"] == "7"
    assert yaml.safe_load(cloud["templates"][0]["yaml"]) == pod(**SIMULATED)


def test_an_agents_pod_is_restricted_and_keeps_the_policies() -> None:
    document = pod(**SIMULATED)
    spec = document["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] >= 10000
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not any("hostPath" in volume for volume in spec["volumes"])
    for container in spec["containers"]:
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"].keys() == {"requests", "limits"}
    found = Pod(document["metadata"], spec)
    assert images.problems(found) == privileges.problems(found) == []


def test_an_agents_pod_runs_on_real_nodes_once_its_images_are_known() -> None:
    assert not {"nodeSelector", "tolerations"} & pod()["spec"].keys()


def test_the_job_definitions_parse_and_name_the_pipelines_of_the_repository() -> None:
    text = jobs("someone/groundwork")
    assert "repoOwner('someone')" in text
    assert "repository('groundwork')" in text
    for name in PIPELINES:
        assert f"multibranchPipelineJob('{name}')" in text
        assert f"scriptPath('{FOLDER}/{name}.Jenkinsfile')" in text
        assert (FILES / f"{name}.Jenkinsfile").exists()
        assert text.count("buildForkPRMerge(false)") == text.count("buildForkPRHead(false)") == len(PIPELINES)
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_groovy.language()))
    assert not parser.parse(text.encode()).root_node.has_error
    assert parser.parse(text.replace("}", "", 1).encode()).root_node.has_error


def test_every_plugin_is_pinned_once_at_a_version() -> None:
    lines = [line for line in (FILES / "plugins.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9-]+:[0-9][\w.-]*", line) for line in lines)
    names = [line.partition(":")[0] for line in lines]
    assert len(names) == len(set(names))
    used = {"configuration-as-code", "credentials-binding", "git", "github-branch-source", "job-dsl", "kubernetes"}
    assert {*used, "workflow-aggregator"} <= set(names)
    assert "https://plugins.jenkins.io" in (FILES / "plugins.txt").read_text()
