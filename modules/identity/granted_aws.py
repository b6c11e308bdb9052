"""Holds what a program grants to the roles of service accounts to what was declared, before anything is made."""

import json
from collections.abc import Sequence
from typing import Any

import pulumi

from .access import Access, differences

POLICY, ATTACHMENT = "aws:iam/rolePolicy:RolePolicy", "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
ROLE = "aws:iam/role:Role"
Granted = tuple[str, str]
"""Name of a role, with a policy as JSON or the ARN of one that is attached."""


class Grants:
    """What the components grant that have `note` among the transformations of their options, or of their parents'."""

    def __init__(self) -> None:
        self._granted: list[pulumi.Output[list[Granted]]] = []

    def note(self, args: pulumi.ResourceTransformationArgs) -> None:
        """Remember a grant to a role. Nothing is transformed."""
        props: Any = args.props
        keys = {POLICY: ("role", "policy"), ATTACHMENT: ("role", "policy_arn")}
        if args.type_ == ROLE:  # it may have policies itself
            own: pulumi.Output[Any] = pulumi.Output.all(
                props["name"], props.get("inline_policies"), props.get("managed_policy_arns")
            )
            self._granted.append(own.apply(_of_role))
        elif args.type_ in keys:
            both: pulumi.Output[Any] = pulumi.Output.all(*(props[key] for key in keys[args.type_]))
            self._granted.append(both.apply(lambda known: [(str(known[0]), str(known[1]))]))

    def require(self, access: Sequence[Access]) -> pulumi.Output[None]:
        """End the program with RunError where a role of `access` is granted more or less than that declares: a preview
        too, as soon as it knows the roles' names. To be called after all is declared."""

        def check(granted: Sequence[Sequence[Granted]]) -> None:
            if found := differences_of(access, [one for each in granted for one in each]):
                raise pulumi.RunError(
                    "the access that is granted is not the access that is declared: declare it in the service's or "
                    "workload's needs, or take the grant away:\n" + "\n".join(found)
                )

        return pulumi.Output.all(*self._granted).apply(check)


def _of_role(known: Any) -> list[Granted]:
    name, inline, managed = known
    texts = [each.policy for each in inline or ()]
    return [(str(name), str(each)) for each in (*texts, *(managed or ()))]


def differences_of(access: Sequence[Access], granted: Sequence[Granted]) -> list[str]:
    """Return how grants differ from what was declared, one line each. granted: names of roles, each with a policy as
    JSON or the ARN of one that is attached. Roles that `access` does not have are of no service account, and left out.
    Pure."""
    roles = {each.role for each in access}
    own = [(role, text) for role, text in granted if role in roles]
    statements: dict[str, list[Any]] = {}
    for role, text in own:
        if text.startswith("{"):
            statements.setdefault(role, []).extend(json.loads(text)["Statement"])
    attached = [
        f"role {role}: {text} is attached, but no service or workload declares it"
        for role, text in own
        if not text.startswith("{")
    ]
    return sorted([*attached, *differences(access, statements)])
