"""IAM: trust policies that AWS refuses, and whether a role is there and trusts the service that is to assume it."""

import json
import re
from functools import cache
from typing import Any

from moto.iam.exceptions import MalformedPolicyDocument
from moto.iam.models import IAMBackend

from embedded.aws.policy import statements
from embedded.providers.base.values import is_list, is_object

SUFFIXES = (".amazonaws.com", ".amazonaws.com.cn", ".amazon.com", ".aws.internal")
"""Of the names of services, as principals."""
SOMEBODY = r"\*|[0-9]{12}|arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:.+|A[A-Z]{3}[A-Z0-9]{12,}"
"""An account, a user or role of one, or the id of one that is gone."""
OTHER_NAMES = {"ec2fleet", "edgelambda", "opensearchservice", "spot", "spotfleet", "vmie"}
"""Of services whose principals have no part that is the service's own name."""


def load() -> None:
    create, update = IAMBackend.create_role, IAMBackend.update_assume_role_policy

    def create_role(self: Any, role_name: str, assume_role_policy_document: str, *args: Any, **kwargs: Any) -> Any:
        refuse_trust(assume_role_policy_document)
        return create(self, role_name, assume_role_policy_document, *args, **kwargs)

    def update_assume_role_policy(self: Any, role_name: str, policy_document: str) -> None:
        refuse_trust(policy_document)
        update(self, role_name, policy_document)

    IAMBackend.create_role = create_role
    IAMBackend.update_assume_role_policy = update_assume_role_policy


def refuse_trust(document: str) -> None:
    """Refuse what is no trust policy, and one of a service or of somebody that there can't be."""
    for each in _statements(document):
        if each.get("Effect") not in {"Allow", "Deny"} or not {"Action", "NotAction"} & each.keys():
            raise MalformedPolicyDocument("Syntax errors in policy.")
        if not {"Principal", "NotPrincipal"} & each.keys():
            raise MalformedPolicyDocument("Missing required field Principal")
        if {"Resource", "NotResource"} & each.keys():
            raise MalformedPolicyDocument("Has prohibited field Resource")
        for name in principals(each, "Service"):
            if not _is_service(name):
                raise MalformedPolicyDocument(f'Invalid principal in policy: "SERVICE":"{name}"')
        for name in principals(each, "AWS"):
            if not re.fullmatch(SOMEBODY, name):
                raise MalformedPolicyDocument(f'Invalid principal in policy: "AWS":"{name}"')


def _statements(document: str) -> list[Any]:
    try:
        found = list(statements(json.loads(document)))
    except (ValueError, LookupError, TypeError):
        raise MalformedPolicyDocument("This policy contains invalid Json") from None
    if not all(is_object(each) for each in found):
        raise MalformedPolicyDocument("Syntax errors in policy.")
    return found


def _is_service(name: str) -> bool:
    short = next((name.removesuffix(end) for end in SUFFIXES if name.endswith(end)), "")
    return bool({*short.split("."), *short.replace("-", ".").split(".")} & _known())


def principals(statement: Any, kind: str) -> list[str]:
    """Return whom a statement of a trust policy names. kind: such as Service. Pure."""
    principal: Any = statement.get("Principal")
    found: Any = principal.get(kind, []) if is_object(principal) else []
    return found if is_list(found) else [found]


def trusts(document: str, service: str) -> bool:
    """Return whether a trust policy lets a service assume its role. service: such as ec2. Pure."""
    return any(
        each.get("Effect") == "Allow" and {f"{service}{end}" for end in SUFFIXES} & {*principals(each, "Service")}
        for each in statements(json.loads(document))
    )


def why_not(account: str, role: str, service: str) -> str:
    """Return why a service can't assume a role; empty where it can. role: ARN, or its name."""
    from moto.iam.models import iam_backends

    roles: Any = iam_backends[account]["aws"].roles
    found = next((each for each in roles.values() if role in {each.arn, each.name}), None)
    if found is None:
        return f"Role {role} could not be found"
    if trusts(found.assume_role_policy_document, service):
        return ""
    return f"Role {role} does not trust {service}.amazonaws.com: the trust relationship of the role must name it"


@cache
def _known() -> set[str]:
    """Names of services, as the SDK and its endpoints have them."""
    import botocore.session

    session: Any = botocore.session.get_session()
    (aws,) = (each for each in session.get_data("endpoints")["partitions"] if each["partition"] == "aws")
    names: set[str] = {*session.get_available_services(), *aws["services"], *OTHER_NAMES}
    return names | {part for name in names for part in name.split(".")}
