"""What Karpenter and the nodes may do on AWS, and which events Karpenter hears of. Documents only.

The actions are those that Karpenter v1.15 calls (pkg/aws/sdk.go) for what is used here: instance profiles, capacity
reservations and zonal shift are not among it."""

import json
from collections.abc import Mapping

from modules.core.aws import AwsAccount, Statement, allow, policy

NODE_POLICIES = ("AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly")
"""Of AWS's own. The network plugin runs before any pod can have an identity, so that its rights are the node's; pods
don't reach them: the metadata service answers at one hop alone."""
EVENTS: Mapping[str, tuple[str, str]] = {
    "health": ("aws.health", "AWS Health Event"),
    "spot": ("aws.ec2", "EC2 Spot Instance Interruption Warning"),
    "rebalance": ("aws.ec2", "EC2 Instance Rebalance Recommendation"),
    "state": ("aws.ec2", "EC2 Instance State-change Notification"),
}
"""Source and type of events upon which Karpenter replaces nodes in time (pkg/controllers/interruption/messages)."""
QUEUE_SECONDS = 300
"""How long an event is kept: what is older was noticed otherwise."""

_MADE = ("fleet", "instance", "volume", "network-interface", "launch-template", "spot-instances-request")
_USED = ("security-group", "subnet", "launch-template", "capacity-reservation")
_DESCRIBED = (
    *("AvailabilityZones", "CapacityReservations", "Images", "InstanceStatus", "InstanceTypeOfferings"),
    *("InstanceTypes", "Instances", "LaunchTemplates", "PlacementGroups", "SecurityGroups", "SpotPriceHistory"),
    "Subnets",
)


def event_pattern(source: str, detail_type: str) -> str:
    """Return the pattern of a rule's events."""
    return json.dumps({"source": [source], "detail-type": [detail_type]})


def node_role(cluster: str) -> str:
    """Return the name of the nodes' role."""
    return f"{cluster}-node"


def queue_name(cluster: str) -> str:
    """Return the name of the queue of events."""
    return cluster


def rule_name(cluster: str, event: str) -> str:
    """Return the name of the rule of an event."""
    return f"{cluster}-{event}"


def queue(account: AwsAccount, name: str) -> str:
    """Return who may use the queue: events by the rules for it come in, and nothing without TLS. A rule is what
    EventBridge names as the source, by its documents (User Guide, Resource-based policies)."""
    arn = account.arn("sqs", name)
    rules = [account.arn("events", f"rule/{rule_name(name, event)}") for event in EVENTS]
    return policy(
        {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": rules}},
        },
        {
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Action": "sqs:*",
            "Resource": arn,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    )


def controller(account: AwsAccount, *, cluster: str, kms_key: str | None, spot: bool) -> list[Statement]:
    """Return what Karpenter may do: start nodes that are marked as the cluster's, and end those alone.

    cluster: its name. kms_key: ARN of the key of the nodes' volumes; None: the account's own. spot: whether a pool
    takes spot nodes."""
    owned = f"kubernetes.io/cluster/{cluster}"
    made = [account.arn("ec2", f"{each}/*").replace(f":{account.id}:", ":*:") for each in _MADE]
    used = [account.arn("ec2", f"{each}/*").replace(f":{account.id}:", ":*:") for each in _USED]
    images = [f"arn:{account.partition}:ec2:{account.region}::{each}/*" for each in ("image", "snapshot")]
    new = {f"aws:RequestTag/{owned}": "owned", "aws:RequestTag/eks:eks-cluster-name": cluster}
    old = {f"aws:ResourceTag/{owned}": "owned"}
    of_pool = {"aws:RequestTag/karpenter.sh/nodepool": "*"}
    return [
        allow(("ec2:RunInstances", "ec2:CreateFleet"), (*images, *used)),
        allow(
            ("ec2:RunInstances", "ec2:CreateFleet", "ec2:CreateLaunchTemplate"),
            made,
            StringEquals=new,
            StringLike=of_pool,
        ),
        allow(
            ("ec2:CreateTags",),
            made,
            StringEquals={**new, "ec2:CreateAction": ["RunInstances", "CreateFleet", "CreateLaunchTemplate"]},
            StringLike=of_pool,
        ),
        allow(
            ("ec2:CreateTags",),
            (made[1],),
            StringEquals=old,
            **{
                "ForAllValues:StringEquals": {"aws:TagKeys": ["eks:eks-cluster-name", "karpenter.sh/nodeclaim", "Name"]}
            },
        ),
        allow(("ec2:TerminateInstances", "ec2:DeleteLaunchTemplate"), (made[1], made[4]), StringEquals=old),
        allow(
            [f"ec2:Describe{each}" for each in _DESCRIBED],
            ("*",),
            StringEquals={"aws:RequestedRegion": account.region},
        ),
        allow(("ssm:GetParameter",), (f"arn:{account.partition}:ssm:{account.region}::parameter/aws/service/*",)),
        allow(("pricing:GetProducts", "iam:GetInstanceProfile", "iam:ListInstanceProfiles"), ("*",)),
        allow(
            ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage"),
            (account.arn("sqs", queue_name(cluster)),),
        ),
        allow(
            ("iam:PassRole",),
            (account.role(node_role(cluster)),),
            StringEquals={"iam:PassedToService": "ec2.amazonaws.com"},
        ),
        allow(("eks:DescribeCluster",), (account.arn("eks", f"cluster/{cluster}"),)),
        *(_volume_key(account, kms_key) if kms_key else ()),
        *([_spot_role(account)] if spot else ()),
    ]


def _spot_role(account: AwsAccount) -> Statement:
    """EC2 makes this role of its own in the name of who asks for an account's first spot node, and refuses the node
    where they may not do that (Karpenter, Troubleshooting: Missing Service Linked Role)."""
    service = "spot.amazonaws.com"
    return allow(
        ("iam:CreateServiceLinkedRole",),
        (account.role(f"aws-service-role/{service}/AWSServiceRoleForEC2Spot"),),
        StringEquals={"iam:AWSServiceName": service},
    )


def _volume_key(account: AwsAccount, kms_key: str) -> list[Statement]:
    """EC2 uses the key of a node's volumes in the name of who starts the node, and by a grant as long as it runs."""
    through = {"kms:ViaService": f"ec2.{account.region}.amazonaws.com"}
    return [
        allow(
            ("kms:DescribeKey", "kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncrypt*"),
            (kms_key,),
            StringEquals=through,
        ),
        allow(("kms:CreateGrant",), (kms_key,), StringEquals=through, Bool={"kms:GrantIsForAWSResource": "true"}),
    ]
