"""What counts as an environment's own in an account, what it costs, and what is no residue."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from modules.core.errors import UserError
from scripts.cli.clients.aws import RefusedError
from scripts.cli.lifecycle.leftovers.kinds import kinds, month, prices
from scripts.cli.lifecycle.leftovers.report import account_of, cost_of, month_of
from scripts.cli.lifecycle.leftovers.search import Thing, as_mapping, leftovers, of_environment, search

Answers = Mapping[str, dict[str, Any]]
"""By operation."""


@dataclass
class Recorded:
    """An account that has what is said of it, and nothing else. later: what it answers from the second search on."""

    answers: Answers
    later: Answers | None = None
    asked: list[str] = field(default_factory=list[str])
    number: str = "123456789012"

    def call(self, service: str, operation: str, /, **_: Any) -> dict[str, Any]:
        key = f"{service} {operation}"
        again = self.later is not None and key in self.asked
        self.asked.append(key)
        answers = self.later if again and self.later is not None else self.answers
        if "refused" in answers.get(key, {}):
            raise RefusedError(answers[key]["refused"])
        return answers.get(key, {})


def tagged(*names: str, **tags: str) -> Thing:
    return Thing(kind="queue", id="it", names=names, tags=tags)


def gateway(state: str) -> dict[str, Any]:
    one = {"NatGatewayId": "nat-1", "State": state, "Tags": [{"Key": "environment", "Value": "dev"}]}
    return {"ec2 describe_nat_gateways": {"NatGateways": [one]}}


@pytest.mark.parametrize(
    ("thing", "own"),
    [
        (tagged(environment="dev"), True),
        (tagged("groundwork-dev", environment="other"), False),
        (tagged("groundwork-dev"), True),
        (tagged("/aws/eks/groundwork-dev/cluster"), True),
        (tagged("groundwork_dev_raw"), True),
        (tagged("alias/groundwork-dev-volumes"), True),
        (tagged("groundwork-development"), False),
        (tagged("my-groundwork-dev"), True),
        (tagged("xgroundwork-dev"), False),
        (tagged("groundwork-dev-2-raw"), False),
        (tagged(**{"kubernetes.io/cluster/groundwork-dev": "owned"}), True),
        (tagged(**{"kubernetes.io/cluster/groundwork-dev-2": "owned"}), False),
        (tagged(**{"aws:eks:cluster-name": "groundwork-dev"}), True),
        (tagged(CSIVolumeName="pvc-1", environment="dev"), True),
        (tagged("something"), False),
    ],
)
def test_an_environment_has_what_its_tag_its_clusters_or_its_name_says(thing: Thing, own: bool) -> None:
    neighbour = tagged(environment="dev-2")
    assert (thing in of_environment([thing, neighbour], "dev")) is own


def test_what_is_in_its_network_is_its_own_too() -> None:
    network = Thing(kind="network", id="vpc-1", tags={"environment": "dev"}, vpc="vpc-1")
    forgotten = Thing(kind="network interface", id="eni-1", tags={}, vpc="vpc-1")
    elsewhere = Thing(kind="network interface", id="eni-2", tags={}, vpc="vpc-2")
    guest = Thing(kind="instance", id="i-1", tags={"environment": "other"}, vpc="vpc-1")
    assert of_environment([network, forgotten, elsewhere, guest], "dev") == [network, forgotten]


def test_nothing_is_left_of_what_aws_lists_after_it_was_deleted() -> None:
    assert not leftovers(Recorded(gateway("deleted")), "dev", patience=0, pause=0).things
    assert not leftovers(Recorded(gateway("available"), later=gateway("deleted")), "dev", patience=0, pause=0).things


class Deleting(Recorded):
    """An account that needs four questions long to delete a gateway."""

    def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        if self.asked.count("ec2 describe_nat_gateways") == 4:
            self.later = gateway("deleted")
        return super().call(service, operation, **parameters)


def test_what_is_being_deleted_is_waited_for() -> None:
    account = Deleting(gateway("deleting"))
    assert not leftovers(account, "dev", patience=60, pause=0).things
    assert account.asked.count("ec2 describe_nat_gateways") == 5


def test_what_is_still_being_deleted_at_the_end_is_named_as_that() -> None:
    (left,) = leftovers(Recorded(gateway("deleting")), "dev", patience=0, pause=0).things
    assert left.going


def test_what_is_left_is_named_with_its_price() -> None:
    volume = {"VolumeId": "vol-1", "VolumeType": "gp3", "Size": 100, "State": "available"}
    cluster = [{"Key": "kubernetes.io/cluster/groundwork-dev", "Value": "owned"}]
    answers = {**gateway("available"), "ec2 describe_volumes": {"Volumes": [{**volume, "Tags": cluster}]}}
    found = search(Recorded(answers), "dev").things
    assert {each.id: each.usd for each in found} == {"nat-1": pytest.approx(32.85), "vol-1": pytest.approx(8.0)}
    assert month_of(found) == pytest.approx(40.85)


def test_what_has_the_tag_and_is_of_no_kind_that_is_listed_is_found_too() -> None:
    tags = [{"Key": "environment", "Value": "dev"}]
    arns = ["arn:aws:ec2:eu-west-1:123456789012:vpc/vpc-gone", "arn:aws:kafka:eu-west-1:123456789012:cluster/it/1"]
    mapping = {"ResourceTagMappingList": [{"ResourceARN": arn, "Tags": tags} for arn in arns]}
    (found,) = search(Recorded({"resourcegroupstaggingapi get_resources": mapping}), "dev").things
    assert (found.kind, found.id, found.usd) == ("kafka cluster", arns[1], None)


def test_what_aws_does_not_show_is_said_and_is_no_proof_that_nothing_is_there() -> None:
    found = search(Recorded({"rds describe_db_instances": {"refused": "AccessDenied: not you"}}), "dev")
    assert list(found.unread) == ["database (rds describe_db_instances): AccessDenied: not you"]
    assert not found.things


def test_a_key_that_waits_to_be_deleted_costs_nothing_and_is_no_residue() -> None:
    listed = {"kms list_keys": {"Keys": [{"KeyId": "1"}]}}
    tags = {"kms list_resource_tags": {"Tags": [{"TagKey": "environment", "TagValue": "dev"}]}}
    for state, left in (("PendingDeletion", 0), ("Enabled", 1)):
        described = {"kms describe_key": {"KeyMetadata": {"KeyState": state, "KeyManager": "CUSTOMER"}}}
        assert len(search(Recorded({**listed, **described, **tags}), "dev").things) == left


LARGE = {"DBInstanceClass": "db.m7g.large", "StorageType": "gp3", "AllocatedStorage": 100}
COSTS: list[tuple[str, dict[str, Any], float | None, str]] = [
    ("database", {**LARGE, "MultiAZ": True}, 2 * (0.168 * 730 + 11.5), "an estimate: db.m7g.large database"),
    ("database", {**LARGE, "DBInstanceClass": "db.t4g.medium"}, 0.065 * 730 + 11.5, ""),
    ("database", {**LARGE, "DBInstanceClass": "db.x9.huge", "MultiAZ": False}, None, "no price of db.x9.huge database"),
    ("instance", {"InstanceType": "p5.48xlarge"}, 55.04 * 730, ""),
    ("endpoint", {"VpcEndpointType": "Interface", "SubnetIds": ["a", "b"]}, 14.6, ""),
    ("endpoint", {"VpcEndpointType": "Gateway"}, 0, ""),
    ("load balancer", {"Type": "network"}, 16.425, ""),
    ("log group", {"storedBytes": 10 * 2**30}, 0.3, ""),
    ("bucket", {}, None, "0.023 a GiB of S3"),
    ("role", {}, 0, ""),
]


@pytest.mark.parametrize(("kind", "item", "usd", "note"), COSTS)
def test_a_month_costs_what_the_table_says(kind: str, item: dict[str, Any], usd: float | None, note: str) -> None:
    (described,) = (each for each in kinds() if each.kind == kind)
    cost, said = month(described, item)
    assert said == note
    assert cost == (None if usd is None else pytest.approx(usd))


def test_each_price_says_where_it_is_from() -> None:
    table = prices()
    own = {name: each for name, each in table.prices.items() if not name.endswith(" instance")}
    assert {each.source.partition(" ")[0] for each in own.values()} == set(table.sources)
    assert table.prices["p5.48xlarge instance"].source.count("karpenter-provider-aws") == 1


def test_a_price_that_no_source_confirms_is_printed_as_an_estimate() -> None:
    database = {**LARGE, "DBInstanceIdentifier": "one", "TagList": [{"Key": "environment", "Value": "dev"}]}
    (found,) = search(Recorded({"rds describe_db_instances": {"DBInstances": [database]}}), "dev").things
    assert cost_of(found) == "134.14 (an estimate: db.m7g.large database)"
    assert cost_of(Thing(kind="address", id="a", tags={}, usd=3.65, going=True)) == "3.65 (being deleted)"
    assert cost_of(Thing(kind="bucket", id="b", tags={}, usd=None, note="0.023 a GiB of S3")) == "? (0.023 a GiB of S3)"
    assert cost_of(Thing(kind="role", id="r", tags={})) == "-"


def test_tags_are_read_in_every_form_that_aws_gives_them() -> None:
    for form in (
        {"a": "1"},
        [{"Key": "a", "Value": "1"}],
        [{"key": "a", "value": "1"}],
        [{"TagKey": "a", "TagValue": "1"}],
    ):
        assert as_mapping(form) == {"a": "1"}
    assert as_mapping(None) == {}


def test_operations_and_parameters_are_boto3s() -> None:
    import boto3

    session: Any = boto3.Session(region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
    for kind in kinds():
        client = session.client(kind.service)
        for call, parameters in [
            (kind.operation, kind.parameters),
            *((each.call, each.parameters) for each in (kind.more, kind.tags_of) if each),
        ]:
            operation = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[call])
            shape = operation.input_shape
            assert set(parameters) <= set(shape.members if shape else ()), kind.kind


def test_a_stack_that_is_not_on_aws_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from scripts.cli.environment import Environment
    from stacks.configuration import parse

    monkeypatch.setattr(Environment, "settings", parse({}, source="test"))
    with pytest.raises(UserError, match=r"Pulumi\.dev\.yaml says groundwork:foundation\.target: embedded"):
        account_of("dev", None)
