"""The roles of service accounts on AWS: see `access`."""

from collections.abc import Mapping, Sequence

import pulumi
from pulumi_aws.iam import Role, RolePolicy

from modules.core.aws import TokenIssuer, policy, token_trust
from modules.core.component import Component, after
from modules.core.labels import Labels

from .access import Access


class Roles(Component):
    """`access`: what `access.matrix` returns. `issuer`: of the service accounts' tokens. `tags`: of everything that
    takes tags, beside its name."""

    granted: Mapping[str, pulumi.Output[str]]
    """ARN of each role by its name, known once it may do what was declared."""

    def __init__(
        self,
        name: str,
        *,
        access: Sequence[Access],
        issuer: pulumi.Input[TokenIssuer],
        tags: Mapping[str, str],
        labels: Labels,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, labels=labels, opts=opts)
        known = pulumi.Output.from_input(issuer)
        self.granted = {each.role: self._role(each, known, tags) for each in access}
        self.register_outputs({"granted": self.granted})

    def _role(self, each: Access, issuer: pulumi.Output[TokenIssuer], tags: Mapping[str, str]) -> pulumi.Output[str]:
        role = Role(
            f"{self.name}-{each.role}",
            name=each.role,
            description=f"Service account {each.account} in {each.namespace}",
            assume_role_policy=issuer.apply(lambda known: token_trust(known, each.namespace, each.account)),
            tags={**tags, "Name": each.role},
            opts=self.child(),
        )
        rights = RolePolicy(
            f"{self.name}-{each.role}",
            name="declared",
            role=role.name,
            policy=policy(*each.statements),
            opts=self.child(),
        )
        return after(role.arn, rights.id)
