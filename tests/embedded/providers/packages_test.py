"""Charts, overlays and plain YAML through the official Kubernetes plugin, on a real API server."""

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from .project import Project

Kubectl = Callable[..., str]
DEPLOYMENT = """
    apiVersion: apps/v1
    kind: Deployment
    metadata: {{name: {name}, namespace: {namespace}}}
    spec:
      replicas: {replicas}
      selector: {{matchLabels: {{app: {name}}}}}
      template:
        metadata: {{labels: {{app: {name}}}}}
        spec: {{containers: [{{name: main, image: registry.invalid/web:1}}]}}
"""


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    folder = tmp_path / "chart"
    write(folder / "Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n")
    write(folder / "values.yaml", "replicas: 1\n")
    values = {"name": "{{ .Release.Name }}-web", "namespace": "{{ .Release.Namespace }}"}
    write(folder / "templates" / "web.yaml", DEPLOYMENT.format(**values, replicas="{{ .Values.replicas }}"))
    return folder


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    base, folder = tmp_path / "base", tmp_path / "overlay"
    write(base / "web.yaml", DEPLOYMENT.format(name="web", namespace="default", replicas=1))
    write(base / "kustomization.yaml", "resources: [web.yaml]\n")
    write(folder / "kustomization.yaml", "resources: [../base]\nnamePrefix: over-\nreplicas: [{name: web, count: 3}]\n")
    return folder


def lifecycle(project: Project, kubectl: Kubectl, name: str, replicas: str) -> None:
    """Up, no change, down: the Deployment is there with so many replicas, and then nothing is."""
    found = ("get", "deployment", name, "-n", "default", "--ignore-not-found", "-o", "jsonpath={.status.readyReplicas}")
    project.up()
    assert kubectl(*found) == replicas
    project.run("preview", "--expect-no-changes")
    project.run("destroy", "--yes", "--skip-preview")
    assert kubectl(*found) == ""


def test_a_helm_release_is_installed_and_uninstalled(project: Project, kubectl: Kubectl, chart: Path) -> None:
    project.write(
        f"""
        from pulumi_kubernetes.helm.v3 import Release
        Release("one", name="one", chart="{chart}", namespace="default", values={{"replicas": 2}})
        """
    )
    lifecycle(project, kubectl, "one-web", "2")


def test_a_helm_chart_is_rendered_into_resources_of_the_stack(project: Project, kubectl: Kubectl, chart: Path) -> None:
    project.write(
        f"""
        from pulumi_kubernetes.helm.v4 import Chart
        Chart("two", chart="{chart}", namespace="default", values={{"replicas": 2}})
        """
    )
    lifecycle(project, kubectl, "two-web", "2")


def test_a_kustomize_overlay_is_applied(project: Project, kubectl: Kubectl, overlay: Path) -> None:
    """Not kustomize.v2: the Python SDK of this release declares its outputs as text, and fails at the list they are."""
    project.write(
        f"""
        from pulumi_kubernetes.kustomize import Directory
        Directory("over", directory="{overlay}")
        """
    )
    lifecycle(project, kubectl, "over-web", "3")


def test_plain_yaml_is_applied(project: Project, kubectl: Kubectl, tmp_path: Path) -> None:
    write(tmp_path / "plain.yaml", DEPLOYMENT.format(name="plain", namespace="default", replicas=2))
    project.write(
        f"""
        from pulumi_kubernetes.yaml.v2 import ConfigFile
        ConfigFile("plain", file="{tmp_path / "plain.yaml"}")
        """
    )
    lifecycle(project, kubectl, "plain", "2")
