"""What a stack's file may say."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from modules.core.contracts import Entry
from modules.core.errors import UserError
from modules.core.paths import REPOSITORY
from modules.core.service import Service
from modules.core.settings import Settings
from modules.database.service import DATABASE
from modules.jenkins.service import JENKINS
from stacks.configuration import load, parse, stacks
from stacks.foundation.settings import FoundationSettings
from stacks.foundation.targets import Target
from stacks.settings import MODELS, PlatformSettings, model_of, port_key

GPU_POOL: dict[str, Any] = {"purpose": "serving", "gpu": {"model": "a10g", "time_slices": 4}, "max": 2}

ACCEPTED: list[dict[str, Any]] = [
    {},
    {"groundwork:owner": "data-team"},
    {"owner": "data-team"},
    {"groundwork:foundation": {"network": "172.20.0.0/16", "ports": {"api": 7443}, "simulated_nodes": 3}},
    {"groundwork:foundation": '{"network": "192.168.0.0/16"}'},
    {"groundwork:foundation": {"nodes": {"pools": {"gpu": GPU_POOL}}}},
    {
        "groundwork:foundation": {
            "nodes": {"pools": {"gpu": GPU_POOL}, "teams": {"vision": {"workloads": ["iris"], "gpus": {"gpu": 4}}}}
        },
        "groundwork:workloads": {"iris": {}},
    },
    {"groundwork:storage": {"buckets": {"raw": {"versioning": False, "noncurrent_expiration_days": None}}}},
    {"groundwork:storage": {"local_port": None}},
    {"groundwork:mlflow": {"resources": {"limits": {"memory": "2Gi"}}}},
    {"groundwork:foundation": {"quota": {"pods": 20, "largest": {"memory": "4Gi"}}}},
    {"groundwork:foundation": {"quota": None}, "groundwork:mlflow": {"resources": {"limits": {"memory": "64Gi"}}}},
    {"groundwork:workloads": {"iris": {"local_port": 8080, "replicas": 2}}},
    {"groundwork:jenkins": {"enabled": False, "agents": 10, "volume": "20Gi"}},
    {"groundwork:jenkins": {"repository": "someone/groundwork"}, "groundwork:github_token": "secret"},
    {"groundwork:jenkins": {"repository": "someone/groundwork"}, "groundwork:github_token": {"secure": "v1:encrypted"}},
    {"groundwork:config:owner": "data-team"},
    {"pulumi:tags": {"a": "b"}, "kubernetes:context": "other"},
]

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"groundwork:storge": {}}, "groundwork:storge: unknown key; did you mean 'storage'?"),
    ({"groundwrk:owner": "x"}, "groundwrk:owner: unknown namespace 'groundwrk'; did you mean groundwork:owner?"),
    (
        {"groundwork:storage": {"buckets": {"raw": {"versionning": True}}}},
        "groundwork:storage.buckets.raw.versionning: unknown key; did you mean 'versioning'?",
    ),
    (
        {"groundwork:storage": {"buckets": {"row": {}}}},
        "groundwork:storage.buckets.row: unknown key; did you mean 'raw'?",
    ),
    ({"groundwork:storage": {"volume": "0Gi"}}, "groundwork:storage.volume is '0Gi'"),
    ({"groundwork:storage": {"volume": "-5Gi"}}, "groundwork:storage.volume is '-5Gi'"),
    ({"groundwork:storage": {"volume": 10}}, "groundwork:storage.volume is 10"),
    ({"groundwork:storage": "much"}, "groundwork:storage is 'much': expected a mapping of keys"),
    (
        {"groundwork:jenkins": "{enabled: false}"},
        "groundwork:jenkins is '{enabled: false}': expected a mapping of keys; write them below it, without quotes",
    ),
    ({"groundwork:storage": "[1, 2"}, "groundwork:storage is '[1, 2': expected a mapping of keys"),
    ({"groundwork:jenkins": {"enabled": "no"}}, "groundwork:jenkins.enabled is 'no'; allowed: true, false"),
    ({"owner": "a", "groundwork:owner": "b"}, "groundwork:owner: given twice, once as 'groundwork:owner'"),
    ({"a:b:c": 1}, "a:b:c: no key of a configuration; write groundwork:NAME"),
    ({"groundwork:storage": {"local_port": 0}}, "groundwork:storage.local_port is 0"),
    ({"groundwork:storage": {"local_port": 65536}}, "groundwork:storage.local_port is 65536"),
    (
        {"groundwork:storage": {"buckets": {"logs": {"noncurrent_expiration_days": 3}}}},
        "groundwork:storage.buckets.logs: noncurrent_expiration_days is 3 where versioning is false",
    ),
    (
        {"groundwork:storage": {"buckets": {"raw": {"expiration_days": 0}}}},
        "groundwork:storage.buckets.raw.expiration_days",
    ),
    ({"groundwork:mlflow": {"local_port": 8333}}, "groundwork: port 8333 is given to storage and to mlflow"),
    (
        {"groundwork:workloads": {"iris": {"local_port": 6443}}},
        "groundwork: port 6443 is given to api and to iris: change workloads.iris.local_port",
    ),
    (
        {"groundwork:mlflow": {"resources": {"requests": {"memory": "256Mi"}, "limits": {"memory": "512Mi"}}}},
        "groundwork:mlflow: resources.limits.memory 512Mi is less than 768Mi",
    ),
    (
        {"groundwork:database": {"resources": {"requests": {"memory": "1Gi"}}}},
        "groundwork:database.resources: limits.memory 512Mi is less than requests.memory 1Gi",
    ),
    ({"groundwork:database": {"max_connections": 1}}, "groundwork:database.max_connections is 1"),
    (
        {"groundwork:foundation": {"target": "embeded"}},
        "groundwork:foundation.target is 'embeded'; did you mean 'embedded'?",
    ),
    ({"groundwork:foundation": {"network": "10.80.0.0/24"}}, "groundwork:foundation.network is '10.80.0.0/24'"),
    ({"groundwork:foundation": {"network": "8.8.0.0/16"}}, "groundwork:foundation.network is '8.8.0.0/16'"),
    ({"groundwork:foundation": {"network": "10.80.1.0/16"}}, "groundwork:foundation.network is '10.80.1.0/16'"),
    ({"groundwork:foundation": {"network": "somewhere"}}, "groundwork:foundation.network is 'somewhere'"),
    ({"groundwork:foundation": {"simulated_nodes": -1}}, "groundwork:foundation.simulated_nodes is -1"),
    (
        {"groundwork:foundation": {"nodes": {"pools": {"gpu": {**GPU_POOL, "max": 1000}}}}},
        "groundwork:foundation: simulated_nodes 1 and 1000 in nodes.pools are more than 1000 together",
    ),
    (
        {"groundwork:foundation": {"nodes": {"pools": {"gpu": {**GPU_POOL, "families": ["m7i"]}}}}},
        "groundwork:foundation.nodes.pools.gpu: families m7i have no a10g: allowed with it: g5",
    ),
    (
        {
            "groundwork:foundation": {
                "nodes": {"pools": {"gpu": GPU_POOL}, "teams": {"vision": {"workloads": ["irs"]}}}
            },
            "groundwork:workloads": {"iris": {}},
        },
        "groundwork: foundation.nodes.teams.vision.workloads holds 'irs', which is none of this stack: did you mean "
        "'iris'?",
    ),
    ({"groundwork:foundation": {"quota": {"pods": 0}}}, "groundwork:foundation.quota.pods is 0"),
    (
        {"groundwork:foundation": {"quota": {"largest": {"memory": "64Gi"}}}},
        "groundwork:foundation.quota: largest.memory 64Gi is more than limits.memory 32Gi",
    ),
    (
        {"groundwork:mlflow": {"resources": {"limits": {"memory": "17Gi"}}}},
        "groundwork: mlflow.resources.limits.memory is 17Gi, but a container has 16Gi at most: lower it, or raise "
        "foundation.quota.largest.memory",
    ),
    (
        {"groundwork:workloads": {"iris": {"training": {"limits": {"memory": "20Gi"}}}}},
        "groundwork: workloads.iris.training.limits.memory is 20Gi, but a container has 16Gi at most",
    ),
    ({"groundwork:jenkins": {"agents": 0}}, "groundwork:jenkins.agents is 0"),
    ({"groundwork:jenkins": {"volume": "0Gi"}}, "groundwork:jenkins.volume is '0Gi'"),
    ({"groundwork:jenkins": {"repository": "https://github.com/a/b"}}, "groundwork:jenkins.repository is 'https:"),
    ({"groundwork:jenkins": {"plugin": []}}, "groundwork:jenkins.plugin: unknown key"),
    (
        {"groundwork:jenkins": {"repository": "someone/groundwork"}},
        "groundwork: jenkins.repository is 'someone/groundwork' and github_token is missing",
    ),
    (
        {"groundwork:jenkins": {"resources": {"requests": {"memory": "512Mi"}, "limits": {"memory": "512Mi"}}}},
        "groundwork:jenkins: resources.limits.memory 512Mi is less than 1Gi",
    ),
    ({"groundwork:owner": "The Team"}, "groundwork:owner is 'The Team'"),
    ({"groundwork:workloads": {"mlflow": {}}}, "groundwork: workloads.mlflow has the name of a service"),
    (
        {"groundwork:workloads": {"iris-canary": {}}},
        "groundwork: workloads.iris-canary has the name of a canary: choose one that does not end in -canary",
    ),
    (
        {"groundwork:workloads": {"iris-training": {}}},
        "groundwork: workloads.iris-training has the name of the trainings of a workload: choose one that does not end",
    ),
    (
        {"groundwork:workloads": {"iris": {"replica": 2}}},
        "groundwork:workloads.iris.replica: unknown key; did you mean",
    ),
]


@pytest.mark.parametrize("config", ACCEPTED, ids=json.dumps)
def test_is_accepted(config: dict[str, Any]) -> None:
    assert isinstance(parse(config, source="file"), PlatformSettings)


@pytest.mark.parametrize(("config", "message"), REFUSED, ids=[json.dumps(config) for config, _ in REFUSED])
def test_is_refused_with_its_path(config: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(config, source="stacks/Pulumi.local.yaml")
    assert str(caught.value).startswith(message)
    assert "(stacks/Pulumi.local.yaml)" in str(caught.value)


def test_the_engines_text_and_the_file_mean_the_same() -> None:
    group = {"iris": {"local_port": 8080}}
    from_file = parse({"groundwork:workloads": group}, source="file")
    assert parse({"groundwork:workloads": json.dumps(group)}, source="engine") == from_file


def test_a_supplied_secret_is_not_shown_with_the_settings() -> None:
    settings = parse({"groundwork:github_token": "hunter2"}, source="file")
    assert "hunter2" not in repr(settings)
    assert settings.github_token is not None
    assert settings.github_token.get_secret_value() == "hunter2"


def test_ports_are_told_by_service() -> None:
    settings = parse({"groundwork:workloads": {"iris": {"local_port": 8080}, "rose": {}}}, source="file")
    assert settings.ports() == {"api": 6443, "storage": 8333, "gateway": 8443, "iris": 8080}
    assert [port_key(service) for service in settings.ports()] == [
        "foundation.ports.api",
        "storage.local_port",
        "gateway.local_port",
        "workloads.iris.local_port",
    ]


def test_an_unknown_stack_is_refused_with_those_that_exist(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.prod.yaml").touch()
    (tmp_path / "local.example.yaml").touch()
    with pytest.raises(UserError, match=r"stack 'locl' is unknown.*did you mean 'local'\? existing: local, prod"):
        load("locl", tmp_path)


def test_a_file_that_is_no_yaml_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.local.yaml").write_text("config: [")
    with pytest.raises(UserError, match=r"stacks/Pulumi\.local\.yaml is not YAML") as caught:
        load("local", tmp_path)
    assert "\n" not in str(caught.value)


def test_a_file_of_another_shape_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.local.yaml").write_text("config: 5")
    with pytest.raises(UserError, match=r"stacks/Pulumi\.local\.yaml: config is 5: expected a mapping of keys"):
        load("local", tmp_path)


def test_what_pulumi_writes_beside_the_configuration_is_no_matter(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.local.yaml").write_text("encryptionsalt: v1:x\nconfig:\n  groundwork:owner: me\n")
    assert load("local", tmp_path).owner == "me"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "config:\n  groundwork:jenkins:\n    enabled: no\n",
            "groundwork:jenkins.enabled is 'no'; allowed: true, false; Whether the platform has a Jenkins. "
            "(stacks/Pulumi.local.yaml)",
        ),
        (
            "config:\n  groundwork:foundation:\n    ports: {api: 1:46:40}\n",
            "groundwork:foundation.ports.api is '1:46:40'",
        ),
        (
            "config:\n  groundwork:owner: a\n  groundwork:owner: b\n",
            "stacks/Pulumi.local.yaml, line 3: 'groundwork:owner' is there twice in one group: keep one of the two",
        ),
        (
            "config:\n  groundwork:storage:\n    volume: 1Gi\n    buckets: {}\n    volume: 2Gi\n",
            "stacks/Pulumi.local.yaml, line 5: 'volume' is there twice",
        ),
        ("config:\n  5: x\n", "stacks/Pulumi.local.yaml, line 2: '5' is a key, but no text: put it in quotes"),
        (
            "groundwork:owner: me\n",
            "stacks/Pulumi.local.yaml: 'groundwork:owner' is at the top level, where nothing reads it: "
            "put it below `config:`",
        ),
        ("config: {}\nowner: me\n", "stacks/Pulumi.local.yaml: 'owner' is at the top level"),
    ],
)
def test_what_the_engine_would_not_take_is_refused_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "Pulumi.local.yaml").write_text(text)
    with pytest.raises(UserError) as caught:
        load("local", tmp_path)
    assert str(caught.value).startswith(message)
    assert "stacks/Pulumi.local.yaml" in str(caught.value)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.local.yaml").write_bytes(b"config: {groundwork:owner: caf\xe9}\n")
    with pytest.raises(UserError, match=r"stacks/Pulumi\.local\.yaml can't be read: .*save it as UTF-8"):
        load("local", tmp_path)


def test_true_and_false_are_read_as_the_engine_reads_them(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.local.yaml").write_text("config:\n  groundwork:jenkins: {enabled: False}\n")
    assert load("local", tmp_path).of(JENKINS).enabled is False


@pytest.mark.parametrize("example", ["local", "test"])
def test_the_examples_are_good_settings(tmp_path: Path, example: str) -> None:
    text = (REPOSITORY / f"stacks/{example}.example.yaml").read_text()
    (tmp_path / "Pulumi.x.yaml").write_text(text)
    assert load("x", tmp_path).ports().keys() == {"api", "storage", "gateway", "iris"}


def test_the_two_examples_can_run_side_by_side(tmp_path: Path) -> None:
    for name in ("local", "test"):
        (tmp_path / f"Pulumi.{name}.yaml").write_text((REPOSITORY / f"stacks/{name}.example.yaml").read_text())
    local, test = (load(name, tmp_path) for name in ("local", "test"))
    assert local.embedded.network != test.embedded.network
    assert not set(local.ports().values()) & set(test.ports().values())


def test_stacks_are_found_by_file_or_example(tmp_path: Path) -> None:
    for name in ("Pulumi.prod.yaml", "Pulumi.local.yaml", "local.example.yaml", "images.local.yaml"):
        (tmp_path / name).touch()
    assert stacks(tmp_path) == ["local", "prod"]


class ElsewhereSettings(FoundationSettings):
    """Of a cluster that somebody else runs."""

    target: str = Field(default="elsewhere", description="Which one it is.")
    context: str = Field(default="theirs", description="In the kubeconfig.")

    def entry(self, local_port: int | None) -> Entry:
        del local_port
        return Entry(domain="ml.example", port=443)


class BucketsElsewhere(Settings):
    """Of an object store that somebody else runs."""

    endpoint: str = Field(default="https://s3.example", description="Of the S3 API.")


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second target."""
    store = Service[BucketsElsewhere](name="storage", title="Somebody's store", settings=BucketsElsewhere)
    monkeypatch.setitem(MODELS, "elsewhere", model_of(Target(settings=ElsewhereSettings, data=(store, DATABASE))))


def on_target(target: str | None, storage: dict[str, Any], **foundation: Any) -> PlatformSettings:
    named = {} if target is None else {"target": target}
    return parse({"groundwork:foundation": {**named, **foundation}, "groundwork:storage": storage}, source="file")


@pytest.mark.usefixtures("elsewhere")
def test_the_target_decides_what_foundation_and_data_services_may_be_told() -> None:
    theirs = on_target("elsewhere", {"endpoint": "https://s3.other"}, context="prod")
    assert theirs.foundation.model_dump(exclude={"pods", "quota"}) == {"target": "elsewhere", "context": "prod"}
    assert theirs.model_dump()["storage"] == {"endpoint": "https://s3.other"}
    assert on_target(None, {"volume": "3Gi"}, simulated_nodes=2).embedded.simulated_nodes == 2


@pytest.mark.parametrize(
    ("target", "storage", "foundation", "message"),
    [
        (
            "elsewhere",
            {},
            {"network": "10.80.0.0/16"},
            "groundwork:foundation.network: unknown key; allowed: context, ",
        ),
        ("elsewhere", {"volume": "3Gi"}, {}, "groundwork:storage.volume: unknown key; allowed: endpoint"),
        (None, {"endpoint": "https://s3.other"}, {}, "groundwork:storage.endpoint: unknown key"),
        (None, {}, {"context": "prod"}, "groundwork:foundation.context: unknown key"),
        (
            "elsewere",
            {},
            {},
            "groundwork:foundation.target is 'elsewere'; did you mean 'elsewhere'? allowed: aws, elsewhere, ",
        ),
        (7, {}, {}, "groundwork:foundation.target is 7; allowed: aws, elsewhere, embedded, existing, stack (file)"),
    ],
)
@pytest.mark.usefixtures("elsewhere")
def test_a_key_of_another_target_is_refused(
    target: Any, storage: dict[str, Any], foundation: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError) as caught:
        on_target(target, storage, **foundation)
    assert str(caught.value).startswith(message)


@pytest.mark.usefixtures("elsewhere")
def test_a_cluster_that_somebody_else_runs_takes_no_port_here_and_simulates_nothing() -> None:
    theirs = on_target("elsewhere", {})
    assert theirs.ports() == {}
    assert theirs.entry.domain == "ml.example"
    assert not theirs.foundation.simulates
    with pytest.raises(UserError, match=r"foundation\.target is 'elsewhere': no cluster of such a stack runs on this"):
        assert theirs.embedded


@pytest.mark.parametrize(
    ("group", "key"),
    [
        ({"groundwork:mlflow": {"local_port": 9000}}, "mlflow.local_port is 9000"),
        ({"groundwork:gateway": {"local_port": 9443}}, "gateway.local_port is 9443"),
        ({"groundwork:workloads": {"iris": {"local_port": 8080}}}, "workloads.iris.local_port is 8080"),
    ],
)
@pytest.mark.usefixtures("elsewhere")
def test_a_port_of_this_machine_is_refused_where_nothing_is_published_on_it(group: dict[str, Any], key: str) -> None:
    with pytest.raises(UserError) as caught:
        parse({"groundwork:foundation": {"target": "elsewhere"}, **group}, source="file")
    assert f"{key}, but nothing is published on 127.0.0.1 where foundation.target is 'elsewhere'" in str(caught.value)
    parse(group, source="file")


@pytest.mark.usefixtures("elsewhere")
def test_a_watch_is_refused_where_nothing_runs_beside_the_cluster() -> None:
    workloads = {"groundwork:workloads": {"iris": {"watch": True}}}
    with pytest.raises(UserError, match=r"workloads\.iris\.watch is true, but nothing runs beside the cluster where "):
        parse({"groundwork:foundation": {"target": "elsewhere"}, **workloads}, source="file")
