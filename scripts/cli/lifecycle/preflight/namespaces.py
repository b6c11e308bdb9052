"""The environment's namespaces: whose they are, what they enforce, and what of somebody else is in them."""

from collections.abc import Collection, Iterable, Mapping

from scripts.cli.clients.api import Api
from scripts.cli.clients.backend import Backend
from stacks.foundation.rights import DECLARED, namespace_documents

from .findings import KEY, Context, Finding
from .objects import Object, annotations_of, is_ours, labels_of, side_by_side

ENFORCED = "pod-security.kubernetes.io/enforce"
UID_RANGE = "openshift.io/sa.scc.uid-range"
EVERY_NAMESPACE_HAS = frozenset({("configmaps", "kube-root-ca.crt"), ("serviceaccounts", "default")})
PROBE = "groundwork-preflight"
"""Of what a check makes for a moment: see probe.py."""
ROLES = frozenset({"roles", "rolebindings"})
Named = tuple[str, str]
"""Resource (deployments) and name of an object."""
Content = list[tuple[Named, bool]]
"""Objects, each with whether it is the environment's."""


def check(context: Context) -> list[Finding]:
    found = read(context.api, context.namespaces)
    there = {name: each["metadata"] for name, each in found.items() if each is not None}
    missing = [name for name, each in found.items() if each is None]
    deployed = bool(Backend(context.environment).resources())
    if context.existing.cluster_scope:
        return [ownership(there, missing, context.stack, deployed)]
    if not there:
        return [existence(missing, context.stack)]
    contents = contents_of(context.api, there, context.stack)
    return [
        existence(missing, context.stack),
        security(there),
        users(there, context.existing.pods.user),
        content(contents, deployed, context.stack),
    ]


def read(api: Api, names: Collection[str]) -> dict[str, Object | None]:
    """Return the namespaces of these names; None for one that is not there."""
    paths = [f"/api/v1/namespaces/{name}" for name in names]
    return dict(zip(names, side_by_side(api.get, paths), strict=True))


def ownership(there: Mapping[str, Object], missing: list[str], stack: str, deployed: bool) -> Finding:
    """Of namespaces that the platform makes: nobody else's may have their names. deployed: the state knows some."""
    foreign = sorted(name for name, each in there.items() if not is_ours(each, stack))
    if foreign:
        return Finding(
            check="namespaces",
            state="refused",
            detail=f"somebody else has {', '.join(foreign)}",
            action=f"give the stack another name; where they were made for it, {KEY}.cluster_scope: false",
        )
    ending = sorted(name for name, each in there.items() if each.get("deletionTimestamp"))
    if ending:
        return Finding(
            check="namespaces",
            state="refused",
            detail=f"being deleted: {', '.join(ending)}",
            action=f"wait until `kubectl get namespace {ending[0]}` finds nothing, then run the command again",
        )
    if there and not deployed:
        return Finding(
            check="namespaces",
            state="refused",
            detail=f"an environment {stack} whose state is not on this machine has {', '.join(sorted(there))}",
            action="work where its state is, or give this stack another name",
        )
    return Finding(
        check="namespaces", state="ok", detail=f"{len(there)} are there, {len(missing)} will be made, named {stack}-*"
    )


def existence(missing: list[str], stack: str) -> Finding:
    """Of namespaces that the cluster's admin makes."""
    if not missing:
        return Finding(check="namespaces", state="ok", detail="the admin made them all")
    return Finding(
        check="namespaces",
        state="refused",
        detail=f"{KEY}.cluster_scope is false, and these are not there: {', '.join(missing)}",
        action=f"have the cluster's admin apply what `groundwork preflight {stack} --print-rights --user NAME` prints",
        documents=tuple(namespace_documents(missing)),
    )


def security(there: Mapping[str, Object]) -> Finding:
    levels = {name: labels_of(each).get(ENFORCED) for name, each in there.items()}
    open_ones = sorted(name for name, level in levels.items() if level is None)
    if open_ones:
        return Finding(
            check="pod security",
            state="warning",
            detail=f"no level is enforced in {', '.join(open_ones)}: pods of anybody may do there what they want",
            action=f"have the admin label them {ENFORCED}=restricted, which all pods of the platform satisfy",
        )
    found = ", ".join(sorted({str(level) for level in levels.values()}))
    return Finding(
        check="pod security", state="ok", detail=f"enforced: {found}; all pods of the platform are restricted"
    )


def users(there: Mapping[str, Object], user: int | None) -> Finding:
    """user: of all containers; None where the cluster chooses one."""
    ranges = {name: annotations_of(each).get(UID_RANGE) for name, each in there.items()}
    if user is None:
        return Finding(check="user ids", state="ok", detail="the cluster gives each namespace its own")
    outside = sorted(f"{name} ({given})" for name, given in ranges.items() if given and user not in uid_range(given))
    if outside:
        return Finding(
            check="user ids",
            state="refused",
            detail=f"pods run as {user}, which is outside of the range of {', '.join(outside)}",
            action=f"{KEY}.pods.user: null, which leaves it to the cluster",
        )
    return Finding(check="user ids", state="ok", detail=f"pods run as {user}, which no namespace refuses")


def uid_range(text: str) -> range:
    """The user ids of an annotation such as 1000680000/10000 or 1000-2000."""
    if "/" in text:
        first, _, count = text.partition("/")
        return range(int(first), int(first) + int(count))
    first, _, last = text.partition("-")
    return range(int(first), int(last) + 1)


def contents_of(api: Api, namespaces: Iterable[str], stack: str) -> dict[str, Content]:
    """Return what is in namespaces, of the kinds that the platform declares."""
    asked = [(name, rule.group, resource) for name in namespaces for rule in DECLARED for resource in rule.resources]

    def ask(each: tuple[str, str, str]) -> Content:
        name, group, resource = each
        root = f"/apis/{group}/v1" if group else "/api/v1"
        listed = api.metadata(f"{root}/namespaces/{name}/{resource}")
        return [
            ((resource, metadata["name"]), is_ours(metadata, stack)) for metadata in listed if metadata["name"] != PROBE
        ]

    contents: dict[str, Content] = {}
    for (name, *_), found in zip(asked, side_by_side(ask, asked), strict=True):
        contents.setdefault(name, []).extend(found)
    return contents


def strangers(contents: Content, stack: str) -> set[Named]:
    """Return what is somebody else's: neither the environment's, nor what lets it in."""
    role = f"groundwork-{stack}"
    return {
        named
        for named, ours in contents
        if not ours and named not in EVERY_NAMESPACE_HAS and not (named[0] in ROLES and named[1].startswith(role))
    }


def content(contents: Mapping[str, Content], deployed: bool, stack: str) -> Finding:
    """What is in namespaces that the admin made."""
    ours = sorted(name for name, each in contents.items() if any(is_own for _, is_own in each))
    if ours and not deployed:
        return Finding(
            check="names",
            state="refused",
            detail=f"objects in {', '.join(ours)} are of an environment {stack} whose state is not on this machine",
            action="work where its state is, or give this stack another name",
        )
    foreign = {name: sorted(strangers(each, stack)) for name, each in contents.items()}
    shown = [f"{name}: {', '.join('/'.join(each) for each in found)}" for name, found in foreign.items() if found]
    if not shown:
        return Finding(check="names", state="ok", detail="nothing of anybody else is in the namespaces")
    return Finding(
        check="names",
        state="warning",
        detail=f"somebody else's are in the namespaces ({'; '.join(shown)}): they are left alone",
        action="nothing: `up` compares their names with those of what it would make, and refuses where two meet",
    )
