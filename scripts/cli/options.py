"""Options that many commands share, defined once."""

from typing import Annotated

import typer

StackArgument = Annotated[str, typer.Argument(metavar="STACK", help="Stack: an environment, stacks/Pulumi.STACK.yaml.")]
"""Of commands about an environment as a whole."""
StackOption = Annotated[str, typer.Option("--stack", help="Stack: an environment, stacks/Pulumi.STACK.yaml.")]
"""Of commands about something in an environment."""
Workload = Annotated[str, typer.Argument(help="Workload: a folder of workloads/ with a workload.yaml.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Skip the confirmation: the data listed is deleted.")]
