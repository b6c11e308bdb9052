"""docs/access.md, who may do what in the account: `python -m stacks.access > docs/access.md`; of a stack of somebody's
own, `python -m stacks.access STACK`."""

import sys

import yaml

from modules.core.errors import UserError
from modules.core.paths import REPOSITORY
from modules.identity.access import page
from stacks.configuration import load, parse
from stacks.foundation.aws import describe
from stacks.settings import PlatformSettings

EXAMPLE = "aws-prod"
HEADER = """# Who may do what on AWS

One row for each service account and set of actions: its role, which nobody else may assume, what that allows, and on
what. All of it is made from what services and workloads declare; a preview fails where the roles' policies differ from
it. A permission of Lake Formation is an action too, in capitals. Nodes, and what EKS runs itself, are not among it.

This is the page of `stacks/{file}`. `python -m stacks.access STACK` prints that of a stack of your own; the
output `access` of a stack is the same as data.

"""


def render(settings: PlatformSettings, environment: str, file: str) -> str:
    """Return the page of an environment. Raise UserError where it is not on AWS."""
    if settings.aws is None:
        raise UserError(
            f"stacks/{file} says groundwork:foundation.target: {settings.foundation.target}: roles are made on aws "
            "alone"
        )
    return HEADER.format(file=file) + page(describe(settings.aws, environment, settings.consumers()).access)


def example() -> str:
    """Return docs/access.md."""
    file = f"{EXAMPLE}.example.yaml"
    config = yaml.safe_load((REPOSITORY / "stacks" / file).read_text())["config"]
    return render(parse(config, source=file), EXAMPLE, file)


def main(arguments: list[str]) -> None:
    try:
        pages = [render(load(stack), stack, f"Pulumi.{stack}.yaml") for stack in arguments] or [example()]
    except UserError as error:
        sys.exit(str(error))
    sys.stdout.write(pages[0])


if __name__ == "__main__":
    main(sys.argv[1:2])
