"""The program: settings of the stack in, platform out."""

import sys
from pathlib import Path

# Launchers put this folder first on the module path, where platform.py would hide Python's own module of that name.
sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != Path(__file__).resolve().parent]

import pulumi  # noqa: E402
from pulumi.runtime.config import CONFIG  # noqa: E402

from modules.core.errors import UserError  # noqa: E402
from stacks.platform import build  # noqa: E402
from stacks.settings import parse  # noqa: E402


def main() -> None:
    stack = pulumi.get_stack()
    try:
        outputs = build(parse(CONFIG.get(), source=f"stacks/Pulumi.{stack}.yaml"), stack)
    except UserError as error:
        raise pulumi.RunError(str(error)) from None
    for name, value in outputs.items():
        pulumi.export(name, value)


main()
