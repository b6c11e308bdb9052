"""What a stack's settings and pins must say before anything of it is changed."""

from modules.core.errors import UserError
from modules.core.images import read_images
from scripts.cli.clients import pins
from scripts.cli.environment import Environment
from scripts.cli.lifecycle import volumes
from stacks.services import SERVICES
from stacks.third_party import third_party_images
from workloads import catalog


def check_settings(environment: Environment) -> None:
    """Wrong settings and unreadable pins are refused before anything is changed."""
    check_foundation(environment)
    check_workloads(environment)
    volumes.check(environment)
    pins.released(environment)
    read_images(environment.stack)
    for service in filter(environment.settings.has, SERVICES):
        third_party_images(service, environment.settings)


def check_foundation(environment: Environment) -> None:
    """UserError for a stack on the foundation of another one, which the commands don't know."""
    if given := environment.settings.of_stack:
        stack = environment.stack
        raise UserError(
            f"groundwork:foundation.stack is {given.stack!r} in stacks/Pulumi.{stack}.yaml: the commands bring up no "
            f"services on the foundation of another stack yet: deploy them by `pulumi up --stack {stack}`, or let one "
            "stack make both (docs/aws.md)"
        )


def check_workloads(environment: Environment) -> None:
    """UserError for a workload that is not there, and for a workload.yaml that says something wrong."""
    for name in sorted(environment.settings.workloads):
        try:
            catalog.load(name)
        except UserError as error:
            key = f"groundwork:workloads.{name} in stacks/Pulumi.{environment.stack}.yaml"
            raise UserError(f"{key}: {error}") from error
