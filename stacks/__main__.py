"""The program: settings of the stack in, platform out."""

import os

import pulumi
from pulumi.runtime.config import CONFIG, is_config_secret

from modules.core.errors import UserError
from stacks.compose import build, build_registry
from stacks.configuration import parse, refuse_plain
from stacks.foundation.aws_settings import REGISTRY_ALONE


def main() -> None:
    stack = pulumi.get_stack()
    try:
        source = f"stacks/Pulumi.{stack}.yaml"
        config = CONFIG.get()
        refuse_plain(config, source=source, encrypted=[key for key in config if is_config_secret(key)])
        settings = parse(config, source=source)
        settings.require_secrets(source)
        make = build_registry if os.environ.get(REGISTRY_ALONE) else build
        outputs = make(settings, settings.foundation.environment(stack))
    except UserError as error:
        raise pulumi.RunError(str(error)) from None
    for name, value in outputs.items():
        pulumi.export(name, value)


main()
