"""A person's own variables: which of them would take over what the commands do, and what never goes to a proxy."""

from collections.abc import Iterable, Mapping, MutableMapping

from modules.core.paths import user_home

PREFIXES = ("AWS_", "KUBE", "MLFLOW_", "PULUMI_", "PYTHON")
NAMES = frozenset({"UV_PROJECT", "UV_PROJECT_ENVIRONMENT"})
HARMLESS = frozenset({"KUBE_EDITOR", "PULUMI_HOME"})
"""PULUMI_HOME counts only for an official engine, which is used as a person set it up."""
PYTHON = (
    *("PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONUSERBASE", "PYTHONPLATLIBDIR", "PYTHONSAFEPATH"),
    *("PYTHONINSPECT", "PYTHONOPTIMIZE", "PYTHONWARNINGS", "PYTHONIOENCODING"),
)
"""Which code Python runs, and how. scripts/bootstrap removes them before anybody could see them here."""
given: dict[str, str] = {}
"""What those variables were that `claim` removed: only who brings a cluster of their own is asked what they say."""
LOCAL = ("localhost", ".localhost", "127.0.0.1", ".svc", ".cluster.local")


def foreign(environ: Iterable[str]) -> list[str]:
    """Names of the variables that lead Python, Pulumi, kubectl, S3 or MLflow clients somewhere else."""
    return sorted(name for name in environ if (name.startswith(PREFIXES) or name in NAMES) and name not in HARMLESS)


def claim(environ: MutableMapping[str, str]) -> list[str]:
    """Removes them, for this process and all that it starts; adds a home where there is none. Returns what was there.

    UserError where nobody knows of a home.
    """
    found = foreign(environ)
    for name in found:
        given[name] = environ.pop(name)
    if not environ.get("HOME"):
        environ["HOME"] = str(user_home())
    return found


def direct(environ: Mapping[str, str], network: str) -> dict[str, str]:
    """The variables that keep an environment's own addresses from a proxy, behind what a person has in them.

    Go and curl know ranges of addresses, Python's clients mostly don't: the node's addresses are there one by one too.
    Some programs read the name in capitals, some the other one; each keeps what it would have read.
    """
    from embedded.cluster.network import split

    ranges = split(network)
    single = (ranges.node, ranges.api_service, ranges.host_end, ranges.node_end)
    own = [*LOCAL, str(ranges.whole), *map(str, single)]
    upper, lower = environ.get("NO_PROXY", ""), environ.get("no_proxy", "")
    given = {"NO_PROXY": upper or lower, "no_proxy": lower or upper}
    if grpc := environ.get("no_grpc_proxy"):  # where gRPC finds it, it reads nothing else
        given["no_grpc_proxy"] = grpc
    return {name: _extended(value, own) for name, value in given.items()}


def _extended(value: str, own: Iterable[str]) -> str:
    listed = [entry.strip() for entry in value.split(",") if entry.strip()]
    if "*" in listed:
        return value
    return ",".join(dict.fromkeys([*listed, *own]))
