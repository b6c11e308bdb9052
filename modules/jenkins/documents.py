"""Configuration of Jenkins: as code, its jobs, the pods of its agents. Pure functions."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from modules.core.contracts import Cluster
from modules.core.documents import render
from modules.core.naming import service_host
from modules.core.pods import Container, pod, pod_document
from modules.core.settings import Resources, resources
from modules.core.simulation import SIMULATED

from .settings import JenkinsSettings

SERVICE = "jenkins"
HTTP_PORT, AGENT_PORT = 8080, 50000
FILES = Path(__file__).with_name("files")
FOLDER = "modules/jenkins/files"
"""Of the pipelines in the repository."""
PIPELINES = ("infrastructure", "model", "rollout")
CONFIGURATION = "/etc/groundwork/jenkins"
SECRETS = "/var/run/groundwork/jenkins"
ADMINISTRATOR = "admin"
GITHUB = "github"
"""Id of the credentials that pipelines use towards GitHub."""
AGENT_HOME = "/home/jenkins/agent"
STEPS = "steps"
"""Name of the agent pods' template, and of the container in them that runs a pipeline's steps."""
ENVIRONMENT_AGENT = "environment"
"""Name and label of the agent on the machine that the environment's state is on. It connects by itself."""


@dataclass(frozen=True, kw_only=True)
class Images:
    """References of what runs."""

    controller: str
    agent: str
    """Speaks with the controller."""
    steps: str
    """Runs the steps: Python 3.11 and Git."""


def configuration(settings: JenkinsSettings, *, namespace: str, agent_pod: Mapping[str, Any]) -> dict[str, Any]:
    """The document of the plugin configuration-as-code. Secrets are read from files when Jenkins starts."""
    host = service_host(SERVICE, namespace)
    document: dict[str, Any] = {
        "jenkins": {
            "systemMessage": "Configured as code: what is changed here is undone by the next start.",
            "mode": "EXCLUSIVE",
            "numExecutors": 0,
            "slaveAgentPort": AGENT_PORT,
            "crumbIssuer": {"standard": {"excludeClientIPFromCrumb": False}},
            "securityRealm": {
                "local": {
                    "allowsSignup": False,
                    "users": [{"id": ADMINISTRATOR, "password": secret("admin-password")}],
                }
            },
            "authorizationStrategy": {"loggedInUsersCanDoAnything": {"allowAnonymousRead": False}},
            "clouds": [{"kubernetes": cloud(settings, namespace=namespace, host=host, agent_pod=agent_pod)}],
            "nodes": [{"permanent": environment_agent()}],
        },
        "unclassified": {"location": {"url": f"http://{host}:{HTTP_PORT}/"}},
    }
    if settings.repository:
        token = {
            "scope": "GLOBAL",
            "id": GITHUB,
            "username": "x-access-token",
            "password": secret("github-token"),
            "description": "Reads the repository and comments on its pull requests.",
        }
        document["credentials"] = {"system": {"domainCredentials": [{"credentials": [{"usernamePassword": token}]}]}}
        document["jobs"] = [{"file": f"{CONFIGURATION}/jobs.groovy"}]
    return document


def secret(key: str) -> str:
    """What stands for a secret in the configuration."""
    return f"${{trim:${{readFile:{SECRETS}/{key}}}}}"


def cloud(settings: JenkinsSettings, *, namespace: str, host: str, agent_pod: Mapping[str, Any]) -> dict[str, Any]:
    """Agents as pods of the namespace, each for one build."""
    return {
        "name": "kubernetes",
        "namespace": namespace,
        "serverUrl": "https://kubernetes.default.svc",
        "jenkinsUrl": f"http://{host}:{HTTP_PORT}",
        "jenkinsTunnel": f"{host}:{AGENT_PORT}",
        "containerCapStr": str(settings.agents),
        "restrictedPssSecurityContext": True,
        "templates": [
            {
                "name": STEPS,
                "label": STEPS,
                "namespace": namespace,
                "nodeUsageMode": "EXCLUSIVE",
                "serviceAccount": f"{SERVICE}-agent",
                "podRetention": "never",
                "showRawYaml": False,
                "yamlMergeStrategy": "override",
                "yaml": yaml.safe_dump(dict(agent_pod), sort_keys=False),
            }
        ],
    }


def environment_agent() -> dict[str, Any]:
    return {
        "name": ENVIRONMENT_AGENT,
        "labelString": ENVIRONMENT_AGENT,
        "mode": "EXCLUSIVE",
        "numExecutors": 1,
        "remoteFS": "/var/lib/groundwork-agent",
        "launcher": {"inbound": {"workDirSettings": {"disabled": False, "failIfWorkDirIsMissing": False}}},
    }


def agent_pod(
    images: Images,
    given: Resources,
    *,
    cluster: Cluster,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
) -> dict[str, Any]:
    """The pod of an agent: what speaks with the controller, beside it the container that runs the steps. Jenkins gives
    both a volume at AGENT_HOME. For the simulated nodes when the labels say so."""
    small = resources(cpu=("50m", "1"), memory=("256Mi", "512Mi"))
    home = {"HOME": AGENT_HOME}
    spec = pod(
        cluster=cluster,
        service_account=f"{SERVICE}-agent",
        containers=[
            Container(name="jnlp", image=images.agent, resources=small, environment=home),
            Container(
                name=STEPS,
                image=images.steps,
                resources=given,
                command=["sleep"],
                args=["infinity"],
                environment=home,
            ),
        ],
        restart_policy="Never",
        simulated=SIMULATED in labels,
    )
    return pod_document(spec, cluster=cluster, labels=labels, annotations=annotations)


def jobs(repository: str) -> str:
    """The Job DSL script of the pipelines of a GitHub repository (owner/name)."""
    owner, _, name = repository.partition("/")
    return render(
        FILES / "jobs.groovy.j2",
        pipelines=PIPELINES,
        owner=owner,
        repository=name,
        credentials=GITHUB,
        folder=FOLDER,
    )


def files(settings: JenkinsSettings, document: Mapping[str, Any]) -> dict[str, str]:
    """The files below CONFIGURATION, by name."""
    found = {
        "jenkins.yaml": yaml.safe_dump(dict(document), sort_keys=False),
        "plugins.txt": (FILES / "plugins.txt").read_text(),
    }
    return found if settings.repository is None else {**found, "jobs.groovy": jobs(settings.repository)}
