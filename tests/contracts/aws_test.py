"""The whole platform on an account of AWS, from the examples: the same services and workloads as on this machine."""

import importlib
import inspect
import json
from collections import Counter
from collections.abc import Iterator

import pytest

from embedded.providers.aws.check import failures
from embedded.providers.aws.table import entries
from modules.core.contracts import ROLES
from modules.core.errors import UserError
from modules.identity.access import differences
from policies import aws as policy
from stacks.compose import build_registry
from stacks.configuration import parse
from stacks.foundation.aws import describe

from .aws_platform import (
    EXAMPLES,
    POOLS,
    as_sent,
    configuration,
    declared,
    deployed,
    example,
    foundation,
    in_aws,
    of_kind,
)
from .conftest import ENVIRONMENT, Platform

ONLY_LOCAL = {"storage", "database"}
"""Components that run the data services in the cluster."""
ONLY_AWS = {"karpenter", "pools"}
"""Those that bring nodes, and open them."""


@pytest.fixture(scope="module", params=[*EXAMPLES, POOLS])
def account(request: pytest.FixtureRequest) -> Platform:
    return deployed(configuration(request.param))


def workload_objects(platform: Platform) -> set[tuple[str, str]]:
    """Kind and name in the cluster of what runs there, without the data services and Jenkins."""
    kinds = ("CronJob", "Deployment", "StatefulSet")
    return {
        (each.type.rpartition(":")[2], each.inputs["metadata"]["name"])
        for each in platform.declared
        if each.type.endswith(kinds) and each.name.partition("-")[0] not in {*ONLY_LOCAL, *ONLY_AWS, "jenkins"}
    }


def test_the_same_services_and_workloads_run_as_on_this_machine(account: Platform, platform: Platform) -> None:
    assert workload_objects(account) == workload_objects(platform)
    assert workload_objects(account)


def test_no_data_is_in_the_cluster_and_no_pod_has_keys(account: Platform) -> None:
    assert "SeaweedFS" not in {each.type.rpartition(":")[2] for each in account.declared}
    text = json.dumps([each.inputs for each in account.declared if each.is_object], default=str)
    assert "AWS_SHARED_CREDENTIALS_FILE" not in text
    assert "s3-credentials" not in text


@pytest.mark.parametrize("name", EXAMPLES)
def test_all_that_is_in_the_account_is_of_the_foundation(name: str) -> None:
    alone = in_aws(declared(example(name), program=foundation))
    assert alone
    assert sorted(map(str, alone)) == sorted(map(str, in_aws(deployed(example(name)))))


def test_each_account_that_uses_data_assumes_the_role_that_is_made_for_it(account: Platform) -> None:
    roles = {
        each["metadata"]["annotations"]["eks.amazonaws.com/role-arn"].rpartition("/")[2]: (
            f"system:serviceaccount:{each['metadata']['namespace']}:{each['metadata']['name']}"
        )
        for each in of_kind(account, "ServiceAccount").values()
        if "eks.amazonaws.com/role-arn" in each["metadata"]["annotations"]
    }
    made = {each["name"]: each for each in of_kind(account, "Role").values() if "assumeRolePolicy" in each}
    assert roles
    for role, subject in roles.items():
        (trust,) = json.loads(made[role]["assumeRolePolicy"])["Statement"]
        assert trust["Condition"]["StringEquals"]["oidc.example/id/1:sub"] == subject
    assert {each["role"] for each in account.outputs["access"]} == set(roles)


@pytest.mark.parametrize("name", [*EXAMPLES, POOLS])
def test_no_account_may_do_more_or_less_than_its_service_declares(name: str) -> None:
    platform = deployed(configuration(name))
    settings = parse(configuration(name), source="test")
    assert settings.aws is not None
    access = describe(settings.aws, ENVIRONMENT, settings.consumers()).access
    of_accounts = {each.role for each in access}
    granted = {
        each["role"]: json.loads(each["policy"])["Statement"]
        for each in of_kind(platform, "RolePolicy").values()
        if each["role"] in of_accounts
    }
    assert differences(access, granted) == []
    assert not of_accounts & {each["role"] for each in of_kind(platform, "RolePolicyAttachment").values()}


def test_what_the_outputs_name_is_what_is_made(account: Platform) -> None:
    buckets = {each["bucket"] for each in of_kind(account, "Bucket").values()}
    assert account.outputs["buckets"].keys() == {*ROLES}
    assert set(account.outputs["buckets"].values()) < buckets
    repositories = {each["name"] for each in of_kind(account, "Repository").values()}
    names = {
        image.partition("/")[2].partition(":")[0].partition("@")[0] for image in account.outputs["images"].values()
    }
    assert names <= repositories


def test_no_two_things_of_a_kind_have_the_same_name_in_the_account(account: Platform) -> None:
    """AWS refuses the second one. What belongs to another thing is named within that."""
    keys = ("name", "bucket", "identifier", "nodeGroupName")
    within = ("role", "repository", "addonName", "databaseName")
    names = Counter(
        (each.type, each.inputs[key])
        for each in in_aws(account)
        for key in keys
        if key in each.inputs and not any(owner in each.inputs for owner in within)
    )
    assert len(names) > 30
    assert [name for name, count in names.items() if count > 1] == []


def test_the_schemas_of_aws_have_nothing_against_it(account: Platform) -> None:
    known = [each for each in in_aws(account) if each.type in entries()]
    assert len(known) > 100
    found = [
        f"{each}: {failure.reason}"
        for each in known
        for failure in failures(entries()[each.type], as_sent(each.inputs))
    ]
    assert found == []


def test_the_policy_pack_has_nothing_against_it(account: Platform) -> None:
    found = [f"{each}: {problem}" for each in in_aws(account) for problem in policy.problems(each.type, each.inputs)]
    assert found == []


def taggable(types: set[str]) -> Iterator[str]:
    """Those types that take tags, as the SDK has them."""
    for each in sorted(types):
        _, module, name = each.split(":")
        package, _, file = module.partition("/")
        stem = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in file)
        resource = getattr(importlib.import_module(f"pulumi_aws.{package}.{stem}"), name)
        arguments = getattr(importlib.import_module(f"pulumi_aws.{package}.{stem}"), f"{name}Args")
        if isinstance(inspect.getattr_static(resource, "tags", None), property) and hasattr(arguments, "tags"):
            yield each


TAGS = {"environment": ENVIRONMENT, "owner": "finance", "cost-centre": "4711", "expiry": "2029-01-31"}


@pytest.mark.parametrize("name", [*EXAMPLES, POOLS])
def test_everything_that_takes_tags_says_whose_it_is_who_pays_and_until_when(name: str) -> None:
    config = configuration(name)
    config["groundwork:owner"] = TAGS["owner"]
    config["groundwork:foundation"] |= {"cost_centre": TAGS["cost-centre"], "expiry": TAGS["expiry"]}
    config["groundwork:foundation"]["budget"]["activate_tags"] = True
    made = deployed(config)
    resources = in_aws(made)
    kinds = set(taggable({each.type for each in resources}))
    assert len(kinds) > 20
    for each in resources:
        if each.type in kinds:
            assert each.inputs["tags"].items() >= TAGS.items(), str(each)
            assert each.inputs["tags"]["Name"], str(each)
        for specification in each.inputs.get("tagSpecifications", ()):
            assert specification["tags"].items() >= TAGS.items(), str(each)
    # By each of them costs are counted.
    assert {each.inputs["tagKey"] for each in resources if each.type.endswith(":CostAllocationTag")} == TAGS.keys()


def test_what_the_cluster_makes_in_the_account_has_the_same_tags() -> None:
    config = configuration(POOLS)
    config["groundwork:owner"] = TAGS["owner"]
    config["groundwork:foundation"] |= {"cost_centre": TAGS["cost-centre"], "expiry": TAGS["expiry"]}
    made = deployed(config)
    for each in of_kind(made, "EC2NodeClass").values():
        assert each["spec"]["tags"].items() >= TAGS.items()
    driver = next(each for each in of_kind(made, "Addon").values() if each["addonName"] == "aws-ebs-csi-driver")
    assert json.loads(driver["configurationValues"])["controller"]["extraVolumeTags"] == TAGS
    annotation = "service.beta.kubernetes.io/aws-load-balancer-additional-resource-tags"
    balancers = [each["metadata"].get("annotations", {}) for each in of_kind(made, "Service").values()]
    (tags,) = [each[annotation] for each in balancers if annotation in each]
    assert dict(pair.split("=") for pair in tags.split(",")) == TAGS


def test_everything_in_the_account_is_made_by_the_provider_that_knows_which_account_it_is(account: Platform) -> None:
    (provider,) = (each for each in account.declared if each.type == "pulumi:providers:aws")
    assert json.loads(provider.inputs["allowedAccountIds"]) == ["123456789012"]
    for each in in_aws(account):
        assert "::aws::" in account.monitor.providers[f"{each.type} {each.name}"], str(each)


def test_the_cluster_is_known_by_its_name_and_no_token_is_in_the_state(account: Platform) -> None:
    (provider,) = (each for each in account.declared if each.type == "pulumi:providers:kubernetes")
    assert provider.inputs["clusterIdentifier"] == f"groundwork-{ENVIRONMENT}"
    document = json.loads(provider.inputs["kubeconfig"])
    (user,) = document["users"]
    assert user["user"].keys() == {"exec"}
    assert document["clusters"][0]["cluster"]["server"] == "https://cluster.example"


def test_dev_and_prod_differ_by_settings_alone() -> None:
    """With the settings of one the other is the same: no name of an environment decides anything."""
    made: dict[str, Platform] = {}
    for name in EXAMPLES:
        config = example("aws-dev")
        config["groundwork:foundation"]["protection"] = {"aws-dev": "disposable", "aws-prod": "full"}[name]
        made[name] = deployed(config)
    assert {str(each) for each in made["aws-dev"].declared} == {str(each) for each in made["aws-prod"].declared}
    differing = {
        f"{one.name}: {key}"
        for one, other in zip(
            sorted(made["aws-dev"].declared, key=str), sorted(made["aws-prod"].declared, key=str), strict=True
        )
        for key in one.inputs.keys() | other.inputs.keys()
        if one.type.startswith("aws:") and one.inputs.get(key) != other.inputs.get(key)
    }
    assert {each.rpartition(": ")[2] for each in differing} == {
        "backupRetentionPeriod",
        "deleteAutomatedBackups",
        "deletionProtection",
        "deletionWindowInDays",
        "finalSnapshotIdentifier",
        "forceDelete",
        "forceDestroy",
        "multiAz",
        "retentionInDays",
        "skipFinalSnapshot",
    }


def test_pods_reach_the_databases_subnets_and_the_services_that_give_them_tokens(account: Platform) -> None:
    opened: dict[str, set[tuple[str, int]]] = {}
    for each in of_kind(account, "NetworkPolicy").values():
        namespace = each["metadata"]["namespace"]
        for rule in each["spec"].get("egress", []) if each["metadata"]["name"].startswith("allow-to-") else ():
            ends = {(to["ipBlock"]["cidr"], port["port"]) for to in rule["to"] for port in rule["ports"]}
            opened.setdefault(namespace, set()).update(ends)
    subnets = {each["cidrBlock"] for name, each in of_kind(account, "Subnet").items() if "-intra-" in name}
    database = {(each, 5432) for each in subnets}
    assert opened["local-mlflow"] == {("0.0.0.0/0", 443), *database}
    assert opened["local-database"] == database
    assert opened["local-iris"] == {("0.0.0.0/0", 443)}


def test_pods_reach_the_endpoint_that_gives_them_tokens_where_other_addresses_of_aws_are_narrowed() -> None:
    config = example("aws-prod")
    config["groundwork:foundation"]["service_ranges"] = ["52.218.0.0/17"]
    settings = parse(config, source="test")
    assert settings.aws is not None
    described = describe(settings.aws, ENVIRONMENT, settings.consumers())
    assert described.identity.reach is not None
    assert set(described.identity.reach.ranges) == {"52.218.0.0/17", *described.database.reach.ranges}
    assert list(described.store.reach.ranges) == ["52.218.0.0/17"]


def test_a_name_that_rds_would_refuse_at_the_end_is_refused_before_anything_is_made() -> None:
    settings = parse(example("aws-dev"), source="test")
    assert settings.aws is not None
    with pytest.raises(UserError, match="environment 'a--b' has two dashes in a row, which RDS takes in no name"):
        describe(settings.aws, "a--b", settings.consumers())


def test_what_runs_in_the_cluster_goes_before_the_nodes_addons_and_ways_out_that_it_needs_to_leave_nothing_behind(
    account: Platform,
) -> None:
    """Load balancers and volumes are given back by what runs on nodes and asks AWS: that is deleted after them."""
    needed_kinds = ("Addon", "NodeGroup", "AccessPolicyAssociation", "Route", "NatGateway", "VpcEndpoint")
    needed = {str(each) for each in in_aws(account) if each.type.endswith(tuple(f":{kind}" for kind in needed_kinds))}
    objects = [str(each) for each in account.declared if each.is_object]
    assert objects
    assert len(needed) > 10
    for each in objects:
        assert needed <= account.monitor.all_before(each), each


def test_nothing_in_the_account_waits_for_the_cluster_by_the_component_that_it_is_of(account: Platform) -> None:
    """A component that knows the cluster's provider is there when nodes and add-ons are, and so are its children."""
    parents = {account.monitor.parents[str(each)] for each in in_aws(account)}
    assert "groundwork:database:RdsDatabase" in parents
    waiting = {
        name
        for name, before in account.monitor.before.items()
        if name.partition(" ")[0] in parents and "pulumi:providers:kubernetes kubernetes" in before
    }
    assert waiting == set()


def test_pools_have_nodes_that_karpenter_brings() -> None:
    made = deployed(configuration(POOLS))
    pools = {each["metadata"]["name"]: each["spec"] for each in of_kind(made, "NodePool").values()}
    assert pools.keys() == {"general", "gpus"}
    classes = {each["metadata"]["name"]: each["spec"] for each in of_kind(made, "EC2NodeClass").values()}
    profiles = {each["name"] for each in of_kind(made, "InstanceProfile").values()}
    assert {each["instanceProfile"] for each in classes.values()} == profiles
    (controller,) = (each for each in of_kind(made, "Deployment").values() if each["metadata"]["name"] == "karpenter")
    assert controller["metadata"]["namespace"] == f"{ENVIRONMENT}-nodes"
    (image,) = {each["image"] for each in controller["spec"]["template"]["spec"]["containers"]}
    assert image == made.outputs["images"]["nodes"]
    variables = {each["name"]: each["value"] for each in controller["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert made.outputs["device_plugin"].keys() == {"gpus"}
    assert {variables["INTERRUPTION_QUEUE"]} == {each["name"] for each in of_kind(made, "Queue").values()}


def test_nothing_waits_for_a_webhook_that_may_not_answer_yet() -> None:
    """One pass suffices however late something starts: the platform declares none, nor do Karpenter's definitions."""
    made = deployed(configuration(POOLS))
    kinds = {each.type.rpartition(":")[2] for each in made.declared}
    assert "CustomResourceDefinition" in kinds
    assert not [kind for kind in kinds if "Webhook" in kind]
    definitions = of_kind(made, "CustomResourceDefinition").values()
    assert {each["spec"].get("conversion", {}).get("strategy", "None") for each in definitions} == {"None"}


def test_without_such_pools_there_is_no_karpenter() -> None:
    made = deployed(example("aws-dev"))
    assert not of_kind(made, "CustomResourceDefinition")
    assert not of_kind(made, "NodePool")
    assert "device_plugin" not in made.outputs
    assert f"{ENVIRONMENT}-nodes" not in {
        each.inputs["metadata"]["name"] for each in made.declared if each.type == "kubernetes:core/v1:Namespace"
    }
    assert not [each for each in made.outputs["access"] if each["account"].endswith("/karpenter")]


def test_the_registry_is_made_alone_as_the_whole_platform_makes_it(account: Platform) -> None:
    alone = declared(example("aws-prod"), program=build_registry)
    kinds = {each.type.rpartition(":")[2] for each in alone.declared}
    assert kinds == {"EcrRegistry", "Repository", "LifecyclePolicy", "Key", "Alias", "aws"}
    whole = {(each.type, each.name) for each in account.declared}
    assert {(each.type, each.name) for each in alone.declared} <= whole
