"""Which cluster the state of an environment is of: one that somebody else runs may be exchanged behind a context."""

import json
from dataclasses import asdict, dataclass

from modules.core.errors import UserError
from scripts.cli.clients import kubectl
from scripts.cli.clients.backend import Backend
from scripts.cli.environment import Environment
from scripts.cli.files import create

SYSTEM = "kube-system"
"""As old as its cluster; not everybody may read it."""


@dataclass(frozen=True)
class Identity:
    """A namespace of the cluster, which another cluster has with another UID."""

    namespace: str
    uid: str

    def __str__(self) -> str:
        return f"UID {self.uid} of namespace {self.namespace}"


def recorded(environment: Environment) -> Identity | None:
    """Return that of the cluster on which the state's resources were made; None without any."""
    path = environment.cluster_identity
    if not path.exists() or not Backend(environment).resources():
        return None
    return Identity(**json.loads(path.read_text()))


def record(environment: Environment) -> None:
    """Remember the cluster, before the first change to it, and as long as something of ours may be there."""
    if recorded(environment):
        return
    for namespace in (SYSTEM, environment.settings.namespaces(environment.stack)[0]):
        if (uid := _uid(environment, namespace)) is not None:
            environment.cluster_identity.unlink(missing_ok=True)
            create(environment.cluster_identity, json.dumps(asdict(Identity(namespace, uid))) + "\n", 0o600)
            return


def difference(environment: Environment) -> tuple[str, str] | None:
    """Return why the cluster that is reached is not that of the state, and what to do; None where it is."""
    known = recorded(environment)
    if known is None or (found := _uid(environment, known.namespace)) == known.uid:
        return None
    return (
        f"the state was made on the cluster with {known}, the one that is reached now has "
        f"{found or 'none that may be read'}",
        "point groundwork:foundation.context to the first one again, or give the platform on this cluster another "
        f"stack; where the first one is gone for good, so is all that the state is of: remove {environment.home}",
    )


def check(environment: Environment) -> None:
    """Raise UserError where the state's resources were made on another cluster than the one that is reached."""
    if (found := difference(environment)) is not None:
        raise UserError(f"stack {environment.stack}: {': '.join(found)}")


def _uid(environment: Environment, namespace: str) -> str | None:
    """None where it is not there, or may not be read."""
    try:
        found = kubectl.get(environment, "namespace", namespace)
    except UserError as error:
        if "(Forbidden)" in str(error):
            return None
        raise
    return found["metadata"]["uid"] if found else None
