"""The policy pack: `pulumi preview --policy-pack policies`. Every policy is mandatory."""

from collections.abc import Callable
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)

from policies import images, privileges
from policies.pods import Pod, pods


def policy(name: str, description: str, problems: Callable[[Pod], list[str]]) -> ResourceValidationPolicy:
    def validate(args: ResourceValidationArgs, report_violation: ReportViolation) -> None:
        props: Any = args.props
        for pod in pods(args.resource_type, props):
            for problem in problems(pod):
                report_violation(f"{args.name}: {problem}", None)

    return ResourceValidationPolicy(
        name=name, description=description, validate=validate, enforcement_level=EnforcementLevel.MANDATORY
    )


PolicyPack(
    name="groundwork",
    policies=[
        policy("images", images.__doc__ or "", images.problems),
        policy("privileges", privileges.__doc__ or "", privileges.problems),
    ],
)
