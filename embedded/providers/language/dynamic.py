"""Starts the dynamic provider, whose resources' code lives in the program, in the program's own Python."""

import os
import sys
from pathlib import Path

from .interpreter import OptionError, choose


def main() -> None:
    """The engine hands the runtime options over as variables, and starts this in the program's folder."""
    named = {name: os.environ.get(f"PULUMI_RUNTIME_{name.upper()}", "") for name in ("virtualenv", "toolchain")}
    try:
        chosen = choose(Path.cwd(), named)
    except OptionError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    os.execve(chosen.python, [chosen.python, "-u", "-m", "pulumi.dynamic", *sys.argv[1:]], chosen.environment())


main()
