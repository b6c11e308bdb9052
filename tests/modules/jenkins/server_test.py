"""What Jenkins' component declares, seen through the engine's mocks."""

import base64
from typing import Any

import pulumi
import pytest
import yaml

from modules.core.contracts import Cluster
from modules.core.labels import Labels
from modules.jenkins.documents import Images
from modules.jenkins.server import Jenkins
from modules.jenkins.settings import JenkinsSettings
from policies import images
from policies.pods import Pod
from tests.mocks import Declared, Recorder, set_mocks
from tests.neighbours import REGISTRY

DIGEST = "@sha256:" + "1" * 64
RESOLVED = Images(controller=f"d/jenkins:1{DIGEST}", agent=f"d/agent:2{DIGEST}", steps=f"d/python:3{DIGEST}")


class JenkinsRecorder(Recorder):
    def inputs(self, name: str) -> dict[str, Any]:
        return self._named(name).inputs

    def pod(self) -> Pod:
        (pod,) = self._named("jenkins-server").pods()
        return pod

    def _named(self, name: str) -> Declared:
        return next(each for each in reversed(self.declared) if each.name == name)

    def agent(self) -> dict[str, Any]:
        document = yaml.safe_load(self.inputs("jenkins-configuration")["data"]["jenkins.yaml"])
        return yaml.safe_load(document["jenkins"]["clouds"][0]["kubernetes"]["templates"][0]["yaml"])


@pytest.fixture
def recorder() -> JenkinsRecorder:
    recorder = JenkinsRecorder()
    set_mocks(recorder)
    return recorder


def declare(
    cluster: Cluster, *, simulated: str | None = None, token: str | None = None, repository: str | None = None
) -> None:
    @pulumi.runtime.test
    def run() -> None:
        Jenkins(
            "jenkins",
            settings=JenkinsSettings(repository=repository),
            labels=Labels(environment="local", owner="someone"),
            cluster=cluster,
            registry=REGISTRY,
            images=RESOLVED,
            namespace="local-jenkins",
            token=token,
            simulated=simulated,
        )

    run()


def test_with_images_that_can_run_it_and_its_agents_are_on_real_nodes(
    recorder: JenkinsRecorder, cluster: Cluster
) -> None:
    declare(cluster)
    pod = recorder.pod()
    assert not images.is_simulated(pod)
    assert not {"nodeSelector", "tolerations"} & pod.spec.keys()
    assert pod.metadata["labels"]["app.kubernetes.io/version"] == "1"
    assert "nodeSelector" not in recorder.agent()["spec"]


def test_without_them_both_are_simulated_and_say_why(recorder: JenkinsRecorder, cluster: Cluster) -> None:
    declare(cluster, simulated="no image")
    agent = recorder.agent()
    for pod in (recorder.pod(), Pod(agent["metadata"], agent["spec"])):
        assert images.is_simulated(pod)
        assert pod.metadata["annotations"]["groundwork.dev/simulated-because"] == (
            "no image. Its configuration and jobs were never loaded by Jenkins."
        )


def test_the_controller_gets_its_plugins_first_and_a_token_that_is_renewed(
    recorder: JenkinsRecorder, cluster: Cluster
) -> None:
    declare(cluster)
    spec = recorder.pod().spec
    assert [container["name"] for container in spec["initContainers"]] == ["plugins"]
    assert "--latest=false" in spec["initContainers"][0]["command"]
    (token,) = (volume["projected"] for volume in spec["volumes"] if volume["name"] == "token")
    assert token["sources"][0]["serviceAccountToken"] == {"path": "token", "expirationSeconds": 3600}
    assert "token" not in {mount["name"] for mount in spec["initContainers"][0]["volumeMounts"]}


def test_the_token_of_the_repository_is_in_the_secret_only(recorder: JenkinsRecorder, cluster: Cluster) -> None:
    declare(cluster, token="from-a-person", repository="someone/groundwork")
    data = recorder.inputs("jenkins-secrets")["data"]["value"]  # beside it the engine's mark of a secret
    assert base64.b64decode(data["github-token"]).decode() == "from-a-person"
    assert "from-a-person" not in str(recorder.inputs("jenkins-configuration"))
    assert "from-a-person" not in str(recorder.inputs("jenkins-server"))


def test_without_one_there_is_no_place_for_it(recorder: JenkinsRecorder, cluster: Cluster) -> None:
    declare(cluster)
    assert recorder.inputs("jenkins-secrets")["data"]["value"].keys() == {"admin-password"}


def test_agents_reach_both_ports_and_nobody_else_does(recorder: JenkinsRecorder, cluster: Cluster) -> None:
    declare(cluster)
    entering = [
        (rule["from"], rule["ports"])
        for (kind, _), inputs in recorder.objects.items()
        if kind == "NetworkPolicy"
        for rule in inputs["spec"].get("ingress", [])
    ]
    assert sorted(ports[0]["port"] for _, ports in entering) == [8080, 50000]
    for peers, _ in entering:
        assert [peer["namespaceSelector"]["matchLabels"] for peer in peers] == [
            {"kubernetes.io/metadata.name": "local-jenkins"}
        ]


def test_a_changed_configuration_is_another_config_map(recorder: JenkinsRecorder, cluster: Cluster) -> None:
    declare(cluster)
    name = recorder.inputs("jenkins-configuration")["metadata"]["name"]
    declare(cluster, token="t", repository="someone/groundwork")
    assert recorder.inputs("jenkins-configuration")["metadata"]["name"] != name
