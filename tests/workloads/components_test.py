"""What the two components declare, seen through the engine's mocks."""

import json
from typing import Any

import pulumi
import pytest

from modules.core.contracts import Cluster, Identity, ObjectStore, Tracking
from modules.core.labels import Labels
from modules.core.releases import Canary, Release
from tests.mocks import Recorder, declare, set_mocks
from tests.neighbours import CLOUD_STORE, CLUSTER, REGISTRY, nobody, somebody, store
from workloads import catalog
from workloads.manifests import task_pods
from workloads.service import members
from workloads.serving import Serving, route
from workloads.settings import WorkloadSettings
from workloads.training import Training

NAMESPACE, TRAINING_NAMESPACE = "local-iris", "local-iris-training"
IMAGE = "10.80.0.1:5000/groundwork/{}:0.1.0@sha256:" + "1" * 64
STORE = store("iris", "iris-training", region="us-east-1")
TRACKING = Tracking(
    url="http://mlflow:5000",
    namespace="local-mlflow",
    artifacts="s3://local-artifacts/mlflow",
    credentials={"iris-training": "mlflow-login"},
)
PIN = Release(
    release=1,
    model_name="iris",
    model_version=4,
    model_uri="s3://b/k",
    model_digest="sha256:" + "a" * 64,
    run="r",
    signature="signature",
    serving_image="sha256:" + "2" * 64,
)
PINNED = f"10.80.0.1:5000/groundwork/serving@{PIN.serving_image}"
NOBODY, TRAINER = nobody("iris", ("iris-serving",)), nobody("iris-training", ("iris-training",))
LABELS = Labels(environment="local", owner="someone")


@pytest.fixture
def recorder() -> Recorder:
    recorder = Recorder()
    set_mocks(recorder)
    return recorder


def training(store: ObjectStore = STORE, identity: Identity = TRAINER) -> None:
    pulumi.runtime.test(lambda: training_component(store, identity))()


def training_component(store: ObjectStore = STORE, identity: Identity = TRAINER, *, protect: bool = True) -> None:
    Training(
        "iris",
        workload=catalog.load("iris"),
        settings=WorkloadSettings(),
        registry=REGISTRY,
        image=IMAGE.format("training"),
        namespace=TRAINING_NAMESPACE,
        cluster=CLUSTER,
        store=store,
        catalog=None,
        identity=identity,
        tracking=TRACKING,
        protect=protect,
        labels=LABELS,
    )


def serving(cluster: Cluster, settings: WorkloadSettings | None = None, release: Release | None = PIN) -> Serving:
    made: list[Serving] = []
    pulumi.runtime.test(lambda: made.append(serving_component(cluster, settings, release)))()
    return made[0]


def serving_component(
    cluster: Cluster, settings: WorkloadSettings | None = None, release: Release | None = PIN
) -> Serving:
    return Serving(
        "iris",
        workload=catalog.load("iris"),
        settings=settings or WorkloadSettings(),
        registry=REGISTRY,
        image=IMAGE.format("serving"),
        namespace=NAMESPACE,
        gateway="local-gateway",
        cluster=cluster,
        store=STORE,
        identity=NOBODY,
        labels=LABELS,
        public_key="public",
        release=release,
    )


def pod_of(cron_job: dict[str, Any]) -> dict[str, Any]:
    return cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def environment(pod: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in pod["containers"][0]["env"]}


def test_a_training_is_only_a_template(recorder: Recorder) -> None:
    training()
    assert set(recorder.objects) == {
        ("ServiceAccount", "iris-training"),
        ("Secret", "iris-signing"),
        ("CronJob", "iris-train"),
        ("CronJob", "iris-held-out"),
    }
    assert recorder.objects["CronJob", "iris-train"]["spec"]["suspend"] is True


def test_a_training_is_told_everything_but_who_started_it(recorder: Recorder) -> None:
    training()
    pod = pod_of(recorder.objects["CronJob", "iris-train"])
    variables = environment(pod)
    document = json.loads(variables["GROUNDWORK_TRAINING"])
    assert document["data"]["address"].startswith("s3://local-raw/data/iris/")
    assert document["parameters"] == catalog.load("iris").parameters.model_dump()
    assert variables["GROUNDWORK_IMAGE"] == pod["containers"][0]["image"] == IMAGE.format("training")
    assert variables["MODEL_ROOT"] == "s3://local-artifacts/models/iris"
    assert variables["MLFLOW_TRACKING_URI"] == TRACKING.url
    assert {name for name, value in variables.items() if not value} == {
        "GROUNDWORK_JOB",
        "GROUNDWORK_REVISION",
        "GROUNDWORK_UV_LOCK",
        "GROUNDWORK_REPRODUCES",
    }


def test_credentials_are_a_file_never_a_variable(recorder: Recorder) -> None:
    training()
    pod = pod_of(recorder.objects["CronJob", "iris-train"])
    variables = environment(pod)
    assert variables["AWS_SHARED_CREDENTIALS_FILE"] == "/var/run/groundwork/s3/credentials"
    assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} & set(variables)
    assert [volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume] == [
        "s3-credentials",
        "mlflow-login",
        "iris-signing",
    ]
    assert {"name": "mlflow", "mountPath": "/tmp/.mlflow", "readOnly": True} in pod["containers"][0]["volumeMounts"]


def test_without_a_secret_the_service_account_is_the_identity(recorder: Recorder) -> None:
    training(CLOUD_STORE, somebody("iris-training", ("iris-training",)))
    annotations = recorder.objects["ServiceAccount", "iris-training"]["metadata"]["annotations"]
    assert annotations["cloud.example/role"] == "role-of-iris-training"
    pod = pod_of(recorder.objects["CronJob", "iris-train"])
    assert not {"AWS_SHARED_CREDENTIALS_FILE", "AWS_ENDPOINT_URL_S3"} & set(environment(pod))
    assert [volume["name"] for volume in pod["volumes"]] == ["tmp", "mlflow", "signing"]


def test_nothing_serves_while_nothing_is_released(recorder: Recorder, cluster: Cluster) -> None:
    assert serving(cluster, release=None).address is None
    assert set(recorder.objects) == {("ServiceAccount", "iris-serving"), ("CronJob", "iris-check")}


def test_a_new_image_is_that_of_the_check_and_what_serves_stays_in_its_own(
    recorder: Recorder, cluster: Cluster
) -> None:
    serving(cluster)
    check = pod_of(recorder.objects["CronJob", "iris-check"])
    server = recorder.objects["Deployment", "iris"]["spec"]["template"]["spec"]
    assert check["containers"][0]["image"] == IMAGE.format("serving")
    assert server["containers"][0]["image"] == PINNED
    labels = recorder.objects["Deployment", "iris"]["spec"]["template"]["metadata"]["labels"]
    assert labels["app.kubernetes.io/version"] == "2" * 16
    assert environment(check)["MODEL_DIGEST"] == ""
    assert json.loads(environment(check)["MODEL_EXAMPLE"]) == catalog.load("iris").serving.example


def test_a_release_is_served_as_pinned_and_rolled_out_without_a_gap(recorder: Recorder, cluster: Cluster) -> None:
    serving(cluster, WorkloadSettings(local_port=8080))
    spec = recorder.objects["Deployment", "iris"]["spec"]
    pod = spec["template"]["spec"]
    annotations = recorder.objects["Deployment", "iris"]["metadata"]["annotations"]
    assert annotations["pulumi.com/timeoutSeconds"] == str(int(spec["progressDeadlineSeconds"]))
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert (
        environment(pod).items()
        >= {
            "MODEL_NAME": "iris",
            "MODEL_VERSION": "4",
            "MODEL_URI": "s3://b/k",
            "MODEL_DIGEST": PIN.model_digest,
        }.items()
    )
    drain = pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
    assert drain == ["python", "-m", "workloads.server", "drain"]
    assert pod["containers"][0]["readinessProbe"]["httpGet"]["path"] == "/v2/health/ready"


def test_the_service_reaches_the_pods_and_is_published_where_the_settings_say(
    recorder: Recorder, cluster: Cluster
) -> None:
    serving(cluster, WorkloadSettings(local_port=8080))
    service, deployment = recorder.objects["Service", "iris"], recorder.objects["Deployment", "iris"]
    assert service["metadata"]["annotations"]["groundwork.dev/local-port"] == "8080"
    assert service["spec"]["selector"] == deployment["spec"]["selector"]["matchLabels"]
    assert service["spec"]["selector"].items() <= deployment["spec"]["template"]["metadata"]["labels"].items()


def test_grpc_has_a_port_of_its_own_which_the_gateway_reaches_and_the_machine_does_not(
    recorder: Recorder, cluster: Cluster
) -> None:
    serving(cluster, WorkloadSettings(local_port=8080))
    container = recorder.objects["Deployment", "iris"]["spec"]["template"]["spec"]["containers"][0]
    assert {each["name"]: each["containerPort"] for each in container["ports"]} == {"http": 8080, "grpc": 8081}
    http, grpc = recorder.objects["Service", "iris"]["spec"]["ports"]
    assert (http["port"], http.get("appProtocol")) == (8080, None)
    assert (grpc["port"], grpc["appProtocol"]) == (8081, "kubernetes.io/h2c")
    policies = {name: item["spec"] for (kind, name), item in recorder.objects.items() if kind == "NetworkPolicy"}
    ports = {
        name: [
            port["port"] for rule in (*policy.get("ingress", []), *policy.get("egress", [])) for port in rule["ports"]
        ]
        for name, policy in policies.items()
    }
    assert {name for name, opened in ports.items() if 8081 in opened} == {"iris-grpc-clients", "iris-grpc-gateway"}
    (entered,) = policies["iris-grpc-clients"]["ingress"]
    assert entered["from"][0]["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "local-gateway"}


def test_the_key_that_signs_is_a_file_of_trainings_and_tasks_and_of_nothing_that_serves(
    recorder: Recorder, cluster: Cluster
) -> None:
    training()
    serving(cluster)
    pods = [pod_of(recorder.objects["CronJob", name]) for name in ("iris-train", "iris-check")]
    server = recorder.objects["Deployment", "iris"]["spec"]["template"]["spec"]
    for pod in (pods[0], *(document["spec"] for document in task_documents().values())):
        (place,) = [each for each in pod["containers"][0]["volumeMounts"] if each["name"] == "signing"]
        assert environment(pod)["GROUNDWORK_SIGNING_KEY"] == f"{place['mountPath']}/signing-key.pem"
        assert place["readOnly"] is True
    for pod in (pods[1], server):
        assert "iris-signing" not in str(pod)
        assert environment(pod)["MODEL_PUBLIC_KEY"] == "public"
        assert environment(pod)["MODEL_ROOT"] == environment(pods[0])["MODEL_ROOT"]


def test_what_splits_data_anew_has_neither_the_key_nor_a_way_to_mlflow(recorder: Recorder) -> None:
    training()
    job = recorder.objects["CronJob", "iris-held-out"]
    pod = pod_of(job)
    assert "iris-signing" not in str(pod)
    assert "MLFLOW_TRACKING_URI" not in environment(pod)
    assert environment(pod)["GROUNDWORK_TRAINING"] == ""
    component = job["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"]
    assert component not in members({"iris": WorkloadSettings()})["iris-training"].uses["mlflow"]


@pytest.mark.parametrize(("protect", "protected"), [(True, {"iris-signing-key"}), (False, set[str]())])
def test_the_key_is_protected_where_data_is(protect: bool, protected: set[str]) -> None:
    assert declare(lambda: training_component(protect=protect))[1].protected == protected


@pytest.mark.parametrize(
    ("changed", "ignored"),
    [
        ({"signature": ""}, {"iris": ["spec"]}),
        ({"serving_image": ""}, {"iris": ["spec"]}),
        (dict[str, str](), dict[str, list[str]]()),
    ],
)
def test_what_was_released_before_trainings_signed_or_releases_pinned_their_image_serves_on_as_it_is(
    changed: dict[str, str], ignored: dict[str, list[str]]
) -> None:
    """New pods would refuse it: what runs is left alone, until `up` has released a model anew."""
    pin = PIN.model_copy(update=changed)
    assert declare(lambda: serving_component(CLUSTER, release=pin))[1].ignored == ignored


@pytest.mark.parametrize(("replicas", "budgets"), [(1, 0), (2, 1)])
def test_a_disruption_budget_needs_a_second_pod(
    recorder: Recorder, replicas: int, budgets: int, cluster: Cluster
) -> None:
    serving(cluster, WorkloadSettings(replicas=replicas))
    assert sum(kind == "PodDisruptionBudget" for kind, _ in recorder.objects) == budgets
    assert recorder.objects["Deployment", "iris"]["spec"]["replicas"] == replicas


CANARY = Canary(pin=PIN.pin.model_copy(update={"model_version": 5, "serving_image": "sha256:" + "3" * 64}), weight=10)


def test_a_canary_runs_beside_what_serves_and_shares_no_pod_with_it(recorder: Recorder, cluster: Cluster) -> None:
    serving(cluster, WorkloadSettings(local_port=8080), PIN.model_copy(update={"canary": CANARY}))
    stable, canary = (recorder.objects["Deployment", name]["spec"] for name in ("iris", "iris-canary"))
    assert environment(canary["template"]["spec"])["MODEL_VERSION"] == "5"
    assert environment(stable["template"]["spec"])["MODEL_VERSION"] == "4"
    images = [each["template"]["spec"]["containers"][0]["image"] for each in (stable, canary)]
    assert images == [PINNED, PINNED.replace("2" * 64, "3" * 64)]
    for one, other in ((stable, canary), (canary, stable)):
        labels = one["template"]["metadata"]["labels"]
        assert not other["selector"]["matchLabels"].items() <= labels.items()
    service = recorder.objects["Service", "iris-canary"]
    assert service["spec"]["selector"] == canary["selector"]["matchLabels"]
    assert "groundwork.dev/local-port" not in service["metadata"].get("annotations", {})


def test_the_route_gives_a_canary_its_share_and_all_without_one() -> None:
    workload = catalog.load("iris")
    assert route(workload, PIN, NAMESPACE).weights == {"iris": 100}
    shared = route(workload, PIN.model_copy(update={"canary": CANARY}), NAMESPACE)
    assert shared.weights == {"iris": 90, "iris-canary": 10}
    assert shared.grpc == f"h2c://iris.{NAMESPACE}.svc.cluster.local:8081"
    assert shared.servers["iris-canary"] == f"http://iris-canary.{NAMESPACE}.svc.cluster.local:8080"


def task_documents() -> dict[str, dict[str, Any]]:
    return task_pods(
        catalog.load("iris"),
        cluster=CLUSTER,
        image=IMAGE.format("training"),
        account="iris-training",
        namespace=NAMESPACE,
        store=STORE,
        catalog=None,
        tracking=TRACKING,
        labels=LABELS,
    )


def test_each_task_of_a_dag_has_a_restricted_pod_with_resources_of_its_own() -> None:
    workload = catalog.load("iris")
    documents = task_documents()
    assert documents.keys() == workload.tasks.keys()
    for task, document in documents.items():
        (container,) = document["spec"]["containers"]
        assert container["resources"] == workload.tasks[task].model_dump()
        assert container["image"] == IMAGE.format("training")
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert document["spec"]["securityContext"]["runAsNonRoot"] is True
        assert document["spec"]["serviceAccountName"] == "iris-training"
        assert document["metadata"]["namespace"] == NAMESPACE


def test_a_task_is_told_where_features_go_and_nothing_secret() -> None:
    variables = environment(task_documents()["feature_engineering"]["spec"])
    assert variables["GROUNDWORK_FEATURES"] == "s3://local-features/iris"
    assert json.loads(variables["GROUNDWORK_TRAINING"])["workload"] == "iris"
    assert variables["AWS_SHARED_CREDENTIALS_FILE"] == "/var/run/groundwork/s3/credentials"
