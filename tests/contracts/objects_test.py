"""What holds for every object of the cluster, whichever module declares it."""

import re
from typing import Any

from modules.core.component import CLAIM_TEMPLATES
from modules.core.images import version_of
from modules.database.consumers import CLIENT_SECRET
from policies import images, privileges
from scripts.cli.clients.recovery import MANAGER
from stacks.configuration import parse

from .conftest import Declared, Platform

LABELS = {
    "app.kubernetes.io/name",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/component",
    "app.kubernetes.io/part-of",
    "app.kubernetes.io/managed-by",
    "groundwork.dev/environment",
    "groundwork.dev/owner",
}
BY_DIGEST = re.compile(r".+@sha256:[0-9a-f]{64}")
VERSION = "app.kubernetes.io/version"
LONG_RUNNING = {"kubernetes:apps/v1:Deployment", "kubernetes:apps/v1:StatefulSet", "kubernetes:apps/v1:DaemonSet"}


def of_kind(objects: list[Declared], kind: str) -> list[Declared]:
    return [declared for declared in objects if declared.type.endswith(f":{kind}")]


def test_the_platform_is_declared(objects: list[Declared]) -> None:
    kinds = {declared.type.rpartition(":")[2] for declared in objects}
    assert kinds >= {"Namespace", "StatefulSet", "Deployment", "Job", "CronJob", "Secret", "Service", "NetworkPolicy"}


def test_every_object_carries_the_standard_labels(objects: list[Declared]) -> None:
    for declared in objects:
        labels: dict[str, str] = declared.inputs["metadata"].get("labels", {})
        assert labels.keys() >= LABELS, f"{declared} lacks {LABELS - labels.keys()}"
        assert labels["groundwork.dev/environment"] == "local"


def test_every_object_takes_back_what_a_person_changed_by_hand_and_has_one_owner(objects: list[Declared]) -> None:
    for declared in objects:
        annotations = declared.inputs["metadata"].get("annotations", {})
        assert annotations.get("pulumi.com/patchForce") == "true", str(declared)
        assert annotations.get("pulumi.com/patchFieldManager", "").startswith(MANAGER), str(declared)


def test_pods_carry_the_labels_of_their_objects_and_the_version_of_their_software(objects: list[Declared]) -> None:
    for declared in objects:
        for pod in declared.pods():
            labels = pod.metadata["labels"]
            assert labels.keys() >= {*LABELS, VERSION}, str(declared)
            assert labels[VERSION] == version_of(pod.spec["containers"][0]["image"]), str(declared)


def test_every_image_is_named_by_digest_or_runs_on_simulated_nodes_only(objects: list[Declared]) -> None:
    found = [(declared, pod) for declared in objects for pod in declared.pods()]
    assert found
    for declared, pod in found:
        assert images.problems(pod) == [], str(declared)


def test_every_simulated_pod_says_why_and_every_other_can_run(objects: list[Declared]) -> None:
    reasons = {
        declared.inputs["metadata"]["name"]: pod.metadata["annotations"]["groundwork.dev/simulated-because"]
        for declared in objects
        for pod in declared.pods()
        if images.is_simulated(pod)
    }
    assert reasons.keys() == {"jenkins"}
    assert "digest unresolved: docker.io/jenkins/jenkins" in reasons["jenkins"]
    assert "never loaded by Jenkins" in reasons["jenkins"]


def test_no_policy_of_the_pack_is_broken(objects: list[Declared]) -> None:
    for declared in objects:
        for pod in declared.pods():
            assert privileges.problems(pod) == [], str(declared)


def test_every_pod_is_restricted_and_has_an_account_without_token(objects: list[Declared]) -> None:
    for declared in objects:
        for pod in declared.pod_specs():
            context = pod["securityContext"]
            assert context["runAsNonRoot"] is True, str(declared)
            assert context["runAsUser"] >= 10000, str(declared)
            assert context["seccompProfile"] == {"type": "RuntimeDefault"}, str(declared)
            assert pod["automountServiceAccountToken"] is False, str(declared)
            assert pod["serviceAccountName"] not in {"", "default"}, str(declared)
            assert not any("hostPath" in volume for volume in pod.get("volumes", [])), str(declared)
            assert not any(pod.get(host) for host in ("hostNetwork", "hostPID", "hostIPC")), str(declared)


def test_every_container_is_bounded_on_a_read_only_root_without_privilege(objects: list[Declared]) -> None:
    for declared in objects:
        for container in declared.containers():
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True, str(declared)
            assert context["allowPrivilegeEscalation"] is False, str(declared)
            assert context["capabilities"] == {"drop": ["ALL"]}, str(declared)
            for kind in ("requests", "limits"):
                assert container["resources"][kind].keys() == {"cpu", "memory"}, str(declared)


def test_what_runs_on_and_on_is_probed(objects: list[Declared]) -> None:
    for declared in objects:
        if declared.type in LONG_RUNNING:
            for container in (container for pod in declared.pod_specs() for container in pod["containers"]):
                assert container.keys() >= {"readinessProbe", "livenessProbe"}, str(declared)


def test_no_secret_reaches_a_pod_in_arguments_or_variables(objects: list[Declared]) -> None:
    for declared in objects:
        for container in declared.containers():
            output = [*container.get("command", []), *container.get("args", [])]
            output += [variable.get("value", "") for variable in container.get("env", [])]
            assert not any("generated" in text for text in output), str(declared)
            assert not any("secretKeyRef" in str(variable) for variable in container.get("env", [])), str(declared)


def test_every_namespace_enforces_the_restricted_standard_and_denies_traffic(objects: list[Declared]) -> None:
    namespaces = of_kind(objects, "Namespace")
    policies = of_kind(objects, "NetworkPolicy")
    for namespace in namespaces:
        name = namespace.inputs["metadata"]["name"]
        labels = namespace.inputs["metadata"]["labels"]
        for mode in ("enforce", "audit", "warn"):
            assert labels[f"pod-security.kubernetes.io/{mode}"] == "restricted", name
        denied = [p.inputs["spec"] for p in policies if p.inputs["metadata"]["namespace"] == name and denies(p)]
        assert denied, f"no policy denies all traffic in {name}"


def denies(policy: Declared) -> bool:
    spec: dict[str, Any] = policy.inputs["spec"]
    everything = spec["podSelector"] == {} and set(spec["policyTypes"]) == {"Ingress", "Egress"}
    return everything and "ingress" not in spec and "egress" not in spec


def test_every_permission_has_both_ends(objects: list[Declared]) -> None:
    """Who may leave for a server's pods may also enter there."""
    policies = [p.inputs for p in of_kind(objects, "NetworkPolicy")]
    leaving = {
        (p["metadata"]["namespace"], peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"])
        for p in policies
        for rule in p["spec"].get("egress", [])
        for peer in rule["to"]
        if "namespaceSelector" in peer
    }
    entering = {
        (peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"], p["metadata"]["namespace"])
        for p in policies
        for rule in p["spec"].get("ingress", [])
        for peer in rule.get("from", [])
        if "namespaceSelector" in peer
    }
    assert leaving
    assert leaving == entering


def test_a_published_port_is_open_to_the_address_that_publishes_it(objects: list[Declared]) -> None:
    """And to no other address outside of the cluster, where it is not open to everyone: as the gateway's is."""
    policies = [p.inputs for p in of_kind(objects, "NetworkPolicy")]
    opened: dict[str, list[str]] = {}
    for policy in policies:
        for rule in policy["spec"].get("ingress", []):
            peers = rule.get("from", [{"ipBlock": {"cidr": "everyone"}}])
            opened.setdefault(policy["metadata"]["namespace"], []).extend(
                peer["ipBlock"]["cidr"] for peer in peers if "ipBlock" in peer
            )
    published = {
        service.inputs["metadata"]["namespace"]
        for service in of_kind(objects, "Service")
        if "groundwork.dev/local-port" in service.inputs["metadata"].get("annotations", {})
    }
    addresses = {namespace: found for namespace, found in opened.items() if found}
    assert addresses.keys() == published
    assert addresses.pop("local-gateway") == ["everyone"]
    assert all(found == ["10.80.255.253/32"] for found in addresses.values())


def test_only_training_and_tasks_of_a_workload_may_call_mlflow(objects: list[Declared]) -> None:
    policies = {p.name: p.inputs["spec"] for p in of_kind(objects, "NetworkPolicy")}
    wanted = [{"key": "app.kubernetes.io/component", "operator": "In", "values": ["training", "task"]}]
    assert policies["mlflow-allow-iris-training"]["podSelector"] == {"matchExpressions": wanted}
    (entry,) = policies["mlflow-allow-clients"]["ingress"]
    pods = {
        peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]: peer.get("podSelector")
        for peer in entry["from"]
    }
    assert pods == {"local-iris-training": {"matchExpressions": wanted}, "local-gateway": None}


def test_the_database_is_open_to_the_pods_of_airflow_that_have_its_password_and_to_no_worker(
    objects: list[Declared],
) -> None:
    having = {
        declared.inputs["metadata"]["labels"]["app.kubernetes.io/component"]
        for declared in objects
        for spec in declared.pod_specs()
        if declared.inputs["metadata"].get("namespace") == "local-airflow"
        for volume in spec.get("volumes", [])
        if volume.get("secret", {}).get("secretName") == CLIENT_SECRET
    }
    policies = {p.name: p.inputs["spec"] for p in of_kind(objects, "NetworkPolicy")}
    (wanted,) = policies["airflow-allow-to-database"]["podSelector"]["matchExpressions"]
    assert having
    assert set(wanted["values"]) == having


def test_who_uses_data_names_every_account_that_it_makes(objects: list[Declared]) -> None:
    """By these, and by their namespaces, a cloud's trust policies know them."""
    made = {
        (account.inputs["metadata"]["namespace"], account.inputs["metadata"]["name"])
        for account in of_kind(objects, "ServiceAccount")
    }
    everyone = parse({"groundwork:workloads": {"iris": {}}}, source="test").consumers()
    named = {(f"local-{name}", account) for name, consumer in everyone.items() for account in consumer.accounts}
    with_data = {namespace for namespace, _ in named}
    assert named == {account for account in made if account[0] in with_data}


def test_config_maps_are_immutable_and_named_by_content(objects: list[Declared]) -> None:
    for declared in of_kind(objects, "ConfigMap"):
        if declared.name == "gateway-routing":
            continue  # the proxy follows this one while it runs
        assert declared.inputs["immutable"] is True, str(declared)
        assert re.search(r"-[0-9a-f]{10}$", declared.inputs["metadata"]["name"]), str(declared)


def test_components_have_tokens_of_their_module(platform: Platform) -> None:
    tokens = {declared.type for declared in platform.declared if declared.type.startswith("groundwork:")}
    assert tokens == {
        "groundwork:cluster:Namespace",
        "groundwork:storage:SeaweedFS",
        "groundwork:database:PostgreSQL",
        "groundwork:mlflow:Mlflow",
        "groundwork:gateway:Gateway",
        "groundwork:jenkins:Jenkins",
        "groundwork:airflow:Airflow",
        "groundwork:workloads:Training",
        "groundwork:workloads:Serving",
    }


def test_the_platform_fits_a_small_machine(objects: list[Declared]) -> None:
    """Of two cores, system and node keep a good half. What is simulated takes nothing."""
    running = [pod for d in objects if d.type in LONG_RUNNING for pod in d.pods() if not images.is_simulated(pod)]
    requests = [c["resources"]["requests"] for pod in running for c in pod.spec["containers"]]
    assert sum(int(r["cpu"].removesuffix("m")) for r in requests) <= 1200


def test_the_provider_gets_a_context_and_an_identity_but_no_kubeconfig(platform: Platform) -> None:
    (provider,) = (d.inputs for d in platform.declared if d.type == "pulumi:providers:kubernetes")
    assert provider["context"] == provider["clusterIdentifier"] == "groundwork-local"
    assert "kubeconfig" not in provider


def test_the_outputs_say_where_everything_is(platform: Platform) -> None:
    assert platform.outputs["urls"] == {
        "storage": "http://127.0.0.1:8333",
        "gateway": "https://localhost:8443",
        "mlflow": "https://localhost:8443/mlflow",
        "airflow": "https://localhost:8443/airflow",
        "iris": "http://127.0.0.1:8080",
    }
    assert platform.outputs["buckets"] == {role: f"local-{role}" for role in ("raw", "features", "artifacts", "logs")}
    assert platform.outputs["images"].keys() == {
        "storage",
        "postgresql",
        "mlflow",
        "airflow",
        "xcom",
        "gateway",
        "training",
        "serving",
    }
    iris = platform.outputs["workloads"]["iris"]
    assert (iris["version"], iris["model_name"], iris["model_version"]) == (2, "iris", 3)
    assert BY_DIGEST.fullmatch(iris["image"])
    assert iris["address"].startswith("http://iris.local-iris.svc")


def claim_names(platform: Platform) -> set[str]:
    """Names of the claims that the StatefulSets' only pods look for."""
    return {
        f"{template['metadata']['name']}-{each.inputs['metadata']['name']}-0"
        for each in platform.declared
        for template in each.inputs.get("spec", {}).get("volumeClaimTemplates", [])
    }


def test_every_volume_of_a_stateful_set_is_a_claim_that_can_grow(platform: Platform) -> None:
    """A template never changes: only a claim that is declared beside it does."""
    claims = [each for each in platform.declared if each.type.endswith(":PersistentVolumeClaim")]
    assert {each.inputs["metadata"]["name"] for each in claims} == claim_names(platform)
    assert {each.name for each in platform.declared if each.type.endswith(":StatefulSet")} == {
        name for name, paths in platform.monitor.ignored.items() if paths == [CLAIM_TEMPLATES]
    }


def test_what_holds_data_is_protected_and_nothing_else(platform: Platform) -> None:
    """Every volume belongs to a StatefulSet, and goes with its namespace; both, and the keys of the data and of its
    models, stay."""
    data = {"storage-server", "storage-data", "database-server", "database-data"}
    keys = {"storage-kek", "database-superuser-password", "iris-signing-key"}
    namespaces = {"storage-namespace", "database-namespace"}
    assert platform.monitor.protected == data | keys | namespaces
