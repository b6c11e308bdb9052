"""What a stack's file says where another stack makes its foundation. The commands read it too, without the engine's
SDK."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from modules.core.contracts import Entry
from modules.core.errors import UserError
from modules.core.images import Image
from modules.core.settings import PROJECT
from modules.database.service import DATABASE
from stacks.foundation.settings import FoundationSettings

STACK_TARGET = "stack"
"""Of a foundation that another stack makes."""
STACK_NAME = r"[A-Za-z0-9_.-]{1,100}"
StackName = Annotated[str, StringConstraints(pattern=rf"^{STACK_NAME}$")]
"""Of a stack of this project, in the same organization."""


def _of_this_project(text: str) -> str:
    parts = text.split("/")
    if len(parts) > 1 and parts[1] != PROJECT:
        raise ValueError(
            f"that is a stack of project {parts[1]!r}, and contracts come from stacks of project {PROJECT!r} alone: "
            f"name such a one, NAME or ORGANIZATION/{PROJECT}/NAME"
        )
    return text


Reference = Annotated[
    str,
    StringConstraints(pattern=rf"^({STACK_NAME}/{STACK_NAME}/)?{STACK_NAME}$"),
    AfterValidator(_of_this_project),
]
"""NAME, or ORGANIZATION/PROJECT/NAME."""


class StackSettings(FoundationSettings):
    """A foundation that another stack made, and hands over."""

    target: Literal["stack"] = Field(  # pyright: ignore[reportIncompatibleVariableOverride] # frozen: never written
        default=STACK_TARGET, description="stack: another stack's. foundation.stack says it already."
    )
    stack: Reference = Field(
        description="Stack that made the foundation, NAME or ORGANIZATION/groundwork/NAME; its "
        "foundation.services_stack names this one. The environment is that stack's: names, images and releases are by "
        "its name. Of the keys of a foundation only quota is beside it."
    )

    @property
    def images(self) -> tuple[Image, ...]:
        # By that of the database a Job gives each service its own there.
        return DATABASE.images

    @property
    def namespaces(self) -> tuple[str, ...]:
        return (DATABASE.name,)

    def environment(self, stack: str) -> str:  # noqa: ARG002  another stack's
        return self.stack.rpartition("/")[2]

    def entry(self, local_port: int | None) -> Entry:  # noqa: ARG002  nothing is published here
        raise UserError(
            f"{PROJECT}:foundation.stack is {self.stack!r}: how the gateway is reached is said by that stack's "
            "foundation.reached: see there"
        )
