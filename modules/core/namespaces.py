"""References to namespaces."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pulumi


@dataclass(frozen=True, kw_only=True)
class NamespaceRef:
    """A namespace that a component deploys into."""

    name: str
    """For documents that name it."""
    ready: "pulumi.Input[str]"
    """The same name, for objects in it: known once the namespace is there, with all that its consumer was granted."""
