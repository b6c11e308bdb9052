"""An account of AWS as its documents name it: ARNs, policies and who may assume a role. Plain data, no SDK."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .labels import Labels

Statement = Mapping[str, Any]
"""Of a policy, in IAM's words."""
REQUIRED_TAGS = ("environment", "owner")
"""Keys that everything that takes tags has: by these costs are counted, and what is left over is found."""


@dataclass(frozen=True, kw_only=True)
class AwsAccount:
    """An account, and the region that a platform is in."""

    partition: str
    """aws, aws-cn, aws-us-gov."""
    id: str
    """Twelve digits."""
    region: str

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of something in the region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.id}:{resource}"

    def role(self, name: str) -> str:
        """Return the ARN of a role, which is of no region."""
        return f"arn:{self.partition}:iam::{self.id}:role/{name}"

    def managed_policy(self, name: str) -> str:
        """Return the ARN of a policy that AWS keeps."""
        return f"arn:{self.partition}:iam::aws:policy/{name}"


@dataclass(frozen=True, kw_only=True)
class TokenIssuer:
    """The cluster as a provider of identities: its service accounts' tokens are what AWS takes."""

    provider: str
    """ARN of the OIDC provider in IAM."""
    url: str
    """Of the issuer, without https://."""


def platform_tags(labels: Labels, *, cost_centre: str | None, expiry: str | None) -> dict[str, str]:
    """Return the tags of everything that takes tags. expiry: the day after which nobody needs it, as 2027-01-31."""
    tags = {"environment": labels.environment, "owner": labels.owner, "cost-centre": cost_centre, "expiry": expiry}
    return {key: value for key, value in tags.items() if value is not None}


def policy(*statements: Statement) -> str:
    """Return a policy with these statements as JSON: the same text each time."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allow(actions: Sequence[str], resources: Sequence[str], **conditions: Mapping[str, Any]) -> Statement:
    """Return a statement that allows actions. conditions: by operator."""
    statement: dict[str, Any] = {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}
    return {**statement, "Condition": conditions} if conditions else statement


def log_key(account: AwsAccount, *log_groups: str) -> str:
    """Return who may use the key of logs: the account's administrators by IAM, and CloudWatch Logs for these groups."""
    groups = [account.arn("logs", f"log-group:{each}") for each in log_groups]
    return policy(
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:{account.partition}:iam::{account.id}:root"},
            "Action": "kms:*",
            "Resource": "*",
        },
        {
            "Effect": "Allow",
            "Principal": {"Service": f"logs.{account.region}.amazonaws.com"},
            "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
            "Resource": "*",
            "Condition": {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": groups}},
        },
    )


def service_trust(service: str, account: AwsAccount | None = None) -> str:
    """Return the policy by which a service of AWS assumes a role. account: where the service acts for others too, the
    only one that it may act for."""
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    return policy(
        {**statement, "Condition": {"StringEquals": {"aws:SourceAccount": account.id}}} if account else statement
    )


def token_trust(issuer: TokenIssuer, namespace: str, service_account: str) -> str:
    """Return the policy by which one service account of the cluster assumes a role, by a token meant for AWS."""
    return policy(
        {
            "Effect": "Allow",
            "Principal": {"Federated": issuer.provider},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": {
                    f"{issuer.url}:sub": f"system:serviceaccount:{namespace}:{service_account}",
                    f"{issuer.url}:aud": "sts.amazonaws.com",
                }
            },
        }
    )
