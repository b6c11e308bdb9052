"""What the cluster's components declare on AWS, seen through the engine's mocks."""

import json
from typing import Any

import pulumi
import pytest

from embedded.aws.policy import allowed
from modules.cluster.aws import LOGS, Addons, EksCluster
from modules.cluster.eks_settings import EksSettings
from modules.core.aws import AwsAccount, TokenIssuer
from modules.core.labels import Labels
from modules.core.protection import Protection, safeguards
from tests.mocks import Declared, Recorder, declare

ACCOUNT = AwsAccount(partition="aws", id="123456789012", region="eu-west-1")
TAGS = {"environment": "dev", "owner": "someone"}
LABELS = Labels(environment="dev", owner="someone")
DEPLOYER = "arn:aws:iam::123456789012:role/deployer"
VIEWER = "arn:aws:iam::123456789012:user/team/viewer"
ISSUER = TokenIssuer(provider="arn:aws:iam::123456789012:oidc-provider/oidc.example/id/1", url="oidc.example/id/1")


def declared(
    protection: Protection = "disposable", *, recorder: Recorder | None = None, **values: Any
) -> tuple[list[Declared], dict[str, Any]]:
    """What is declared, and the outputs of the cluster."""
    settings = EksSettings.model_validate({"administrators": [DEPLOYER], "viewers": [VIEWER], **values})
    outputs: dict[str, Any] = {}

    def program() -> None:
        made = EksCluster(
            "cluster",
            settings=settings,
            account=ACCOUNT,
            cluster_name="groundwork-dev",
            subnets=["subnet-a", "subnet-b"],
            service_range="172.20.0.0/16",
            safeguards=safeguards(protection),
            tags=TAGS,
            labels=LABELS,
        )
        for key in ("cluster", "endpoint", "ca", "security_group", "issuer"):
            pulumi.Output.from_input(getattr(made, key)).apply(lambda value, key=key: outputs.update({key: value}))
        Addons(
            "addons",
            settings=settings.addons,
            account=ACCOUNT,
            cluster=made.cluster,
            cluster_name="groundwork-dev",
            issuer=made.issuer,
            tags=TAGS,
            labels=LABELS,
        )

    recorder, _ = declare(program, recorder)
    return recorder.declared, outputs


@pytest.fixture(scope="module")
def resources() -> list[Declared]:
    return declared()[0]


def of_kind(resources: list[Declared], kind: str) -> dict[str, dict[str, Any]]:
    return {each.name: each.inputs for each in resources if each.type.rpartition(":")[2] == kind}


def control_plane(resources: list[Declared]) -> dict[str, Any]:
    (made,) = of_kind(resources, "Cluster").values()
    return made


def test_the_api_is_reached_from_the_network_and_from_ranges_that_were_named(resources: list[Declared]) -> None:
    network = control_plane(resources)["vpcConfig"]
    assert (network["endpointPrivateAccess"], network["endpointPublicAccess"]) == (True, False)
    assert "publicAccessCidrs" not in network
    opened = control_plane(declared(public_ranges=["203.0.113.0/24"])[0])["vpcConfig"]
    assert (opened["endpointPublicAccess"], opened["publicAccessCidrs"]) == (True, ["203.0.113.0/24"])


def test_secrets_are_encrypted_with_a_key_of_its_own(resources: list[Declared]) -> None:
    (encryption,) = [control_plane(resources)["encryptionConfig"]]
    assert encryption["resources"] == ["secrets"]
    key = of_kind(resources, "Key")["cluster-secrets"]
    assert key["enableKeyRotation"] is True


def test_everything_that_a_control_plane_writes_is_kept_as_long_as_its_protection_says(
    resources: list[Declared],
) -> None:
    (group,) = of_kind(resources, "LogGroup").values()
    assert (group["name"], group["retentionInDays"]) == ("/aws/eks/groundwork-dev/cluster", 30)
    assert tuple(control_plane(resources)["enabledClusterLogTypes"]) == LOGS
    (longer,) = of_kind(declared("full")[0], "LogGroup").values()
    assert longer["retentionInDays"] == 365


def test_logs_are_there_before_eks_would_make_them_itself(resources: list[Declared]) -> None:
    order = [each.type.rpartition(":")[2] for each in resources]
    assert order.index("LogGroup") < order.index("Cluster")


def test_a_protected_cluster_is_not_deleted_by_aws(resources: list[Declared]) -> None:
    assert control_plane(resources)["deletionProtection"] is False
    assert control_plane(declared("full")[0])["deletionProtection"] is True


def test_those_get_in_who_are_named_and_nobody_else(resources: list[Declared]) -> None:
    access = control_plane(resources)["accessConfig"]
    assert access == {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False}
    entries = of_kind(resources, "AccessEntry")
    assert {each["principalArn"] for each in entries.values()} == {DEPLOYER, VIEWER}
    granted = {
        each["principalArn"]: each["policyArn"].rpartition("/")[2]
        for each in of_kind(resources, "AccessPolicyAssociation").values()
    }
    assert granted == {DEPLOYER: "AmazonEKSClusterAdminPolicy", VIEWER: "AmazonEKSViewPolicy"}


def test_those_whose_names_differ_by_their_path_alone_both_get_in() -> None:
    prefix = "arn:aws:iam::123456789012:role"
    entries = of_kind(declared(administrators=[f"{prefix}/a/b", f"{prefix}/a-b"])[0], "AccessEntry")
    assert {each["principalArn"] for each in entries.values()} >= {f"{prefix}/a/b", f"{prefix}/a-b"}


def test_a_preview_knows_the_cluster_where_one_more_gets_in() -> None:
    """Else it would show all nodes and add-ons replaced, of which nothing is true."""

    class Preview(Recorder):
        def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
            made, outputs = super().new_resource(args)
            return ("" if args.typ.endswith(":AccessPolicyAssociation") else made), outputs

    assert declared(recorder=Preview(preview=True))[1]["cluster"] == "groundwork-dev"


def test_addons_are_pinned_and_network_policies_are_enforced(resources: list[Declared]) -> None:
    addons = {each["addonName"]: each for each in of_kind(resources, "Addon").values()}
    assert addons.keys() == {"vpc-cni", "kube-proxy", "coredns", "aws-ebs-csi-driver"}
    assert all("-eksbuild." in each["addonVersion"] for each in addons.values())
    assert json.loads(addons["vpc-cni"]["configurationValues"]) == {"enableNetworkPolicy": "true"}
    assert control_plane(resources)["bootstrapSelfManagedAddons"] is False


def test_volumes_are_made_by_one_service_account_alone_and_carry_the_tags(resources: list[Declared]) -> None:
    (trust,) = json.loads(of_kind(resources, "Role")["addons-volumes"]["assumeRolePolicy"])["Statement"]
    assert trust["Condition"]["StringEquals"] == {
        "oidc.example/id/1:sub": "system:serviceaccount:kube-system:ebs-csi-controller-sa",
        "oidc.example/id/1:aud": "sts.amazonaws.com",
    }
    driver = of_kind(resources, "Addon")["addons-aws-ebs-csi-driver"]
    assert json.loads(driver["configurationValues"]) == {"controller": {"extraVolumeTags": TAGS}}


@pytest.mark.parametrize("action", ["ModifyVolume", "AttachVolume", "DetachVolume", "DeleteVolume"])
def test_the_driver_of_volumes_reaches_those_alone_that_it_made(resources: list[Declared], action: str) -> None:
    from moto.iam.aws_managed_policies import aws_managed_policies_data

    arn: str = of_kind(resources, "RolePolicyAttachment")["addons-volumes"]["policyArn"]
    assert arn == "arn:aws:iam::aws:policy/AmazonEBSCSIDriverPolicyV2"
    document = json.loads(aws_managed_policies_data)[arn.rpartition("/")[2]]["Document"]
    volume = f"arn:aws:ec2:eu-west-1:{ACCOUNT.id}:volume/vol-1"
    own = {"ec2:ResourceTag/ebs.csi.aws.com/cluster": ["true"]}
    assert allowed([document], f"ec2:{action}", volume, own)
    assert not allowed([document], f"ec2:{action}", volume, {"ec2:ResourceTag/Name": ["of somebody"]})


def test_what_others_need_of_it_is_among_its_outputs() -> None:
    assert declared()[1] == {
        "cluster": "groundwork-dev",
        "endpoint": "https://cluster.example",
        "ca": "Y2VydGlmaWNhdGU=",
        "security_group": "sg-cluster",
        "issuer": ISSUER,
    }


def test_everything_that_takes_tags_has_all_of_them(resources: list[Declared]) -> None:
    tagged = ("Cluster", "Role", "Key", "LogGroup", "AccessEntry", "Addon", "OpenIdConnectProvider")
    for kind in tagged:
        assert of_kind(resources, kind), kind
        for each in of_kind(resources, kind).values():
            assert each["tags"].items() >= TAGS.items()
