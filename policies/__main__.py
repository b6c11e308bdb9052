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

from policies import aws, gpus, images, privileges
from policies.pods import Pod, pods


def policy(name: str, description: str, problems: Callable[[Pod], list[str]]) -> ResourceValidationPolicy:
    def of_its_pods(resource_type: str, props: Any) -> list[str]:
        return [problem for pod in pods(resource_type, props) for problem in problems(pod)]

    return of_resources(name, description, of_its_pods)


def of_resources(name: str, description: str, problems: Callable[[str, Any], list[str]]) -> ResourceValidationPolicy:
    def validate(args: ResourceValidationArgs, report_violation: ReportViolation) -> None:
        for problem in problems(args.resource_type, args.props):
            report_violation(f"{args.name}: {problem}", None)

    return ResourceValidationPolicy(
        name=name, description=description, validate=validate, enforcement_level=EnforcementLevel.MANDATORY
    )


PolicyPack(
    name="groundwork",
    policies=[
        of_resources("aws", aws.__doc__ or "", aws.problems),
        policy("gpus", gpus.__doc__ or "", gpus.problems),
        of_resources("gpu-limits", gpus.__doc__ or "", gpus.limit_range_problems),
        policy("images", images.__doc__ or "", images.problems),
        policy("privileges", privileges.__doc__ or "", privileges.problems),
    ],
)
