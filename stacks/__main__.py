"""The program: settings of the stack in, platform out."""

import pulumi
from pulumi.runtime.config import CONFIG

from modules.core.errors import UserError
from stacks.compose import build
from stacks.settings import parse


def main() -> None:
    stack = pulumi.get_stack()
    try:
        outputs = build(parse(CONFIG.get(), source=f"stacks/Pulumi.{stack}.yaml"), stack)
    except UserError as error:
        raise pulumi.RunError(str(error)) from None
    for name, value in outputs.items():
        pulumi.export(name, value)


main()
