"""The kinds of foundation that a stack can have."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modules.core.service import Service
from stacks.foundation.aws_settings import AwsSettings
from stacks.foundation.existing_settings import ExistingSettings
from stacks.foundation.settings import EmbeddedSettings, FoundationSettings
from stacks.foundation.stack_settings import STACK_TARGET, StackSettings
from stacks.services import DATA


@dataclass(frozen=True, kw_only=True)
class Target:
    """A kind of foundation, as a stack's file describes it."""

    settings: type[FoundationSettings]
    """Of the group `foundation`."""
    data: tuple[Service[Any], ...]
    """Its object store and its database, where they run in the cluster: each has a group of settings by its name."""


TARGETS: Mapping[str, Target] = {
    "embedded": Target(settings=EmbeddedSettings, data=DATA),
    "existing": Target(settings=ExistingSettings, data=DATA),
    "aws": Target(settings=AwsSettings, data=()),
    STACK_TARGET: Target(settings=StackSettings, data=()),
}
"""By what the key foundation.target says."""
DEFAULT_TARGET = "embedded"
