"""Every right that the platform needs, asked one by one: what is missing is a role for the cluster's admin."""

from collections.abc import Mapping
from functools import partial

from modules.core.errors import UserError
from scripts.cli.clients.api import Api, Refused
from stacks.foundation.rights import CLUSTER_OPTIONAL, Right, Subject, rights_in, rights_of, role_documents

from .findings import KEY, Context, Finding
from .objects import side_by_side

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
NOBODY = "NAME-OF-THE-USER"
Wanted = Mapping[str | None, list[Right]]
"""Rights by namespace; None: everywhere."""


def check(context: Context) -> list[Finding]:
    wanted = rights_in(context.stack, context.environment.settings, context.existing)
    optional = rights_of(CLUSTER_OPTIONAL)
    missing = missing_of(context.api, {**wanted, None: [*wanted[None], *optional]})
    user = subject(context.api)
    less = [right for right in missing.get(None, []) if right in optional]
    needed = {place: [right for right in rights if right not in less] for place, rights in missing.items()}
    return [
        needed_finding({place: rights for place, rights in needed.items() if rights}, wanted, context.stack, user),
        *([optional_finding(less, context.stack, user)] if less else []),
    ]


def missing_of(api: Api, wanted: Wanted) -> dict[str | None, list[Right]]:
    """Return those of the rights that the API server says no to."""
    asked = [(place, right) for place, rights in wanted.items() for right in rights]
    answers = side_by_side(partial(allowed, api), asked)
    missing: dict[str | None, list[Right]] = {}
    for (place, right), answer in zip(asked, answers, strict=True):
        if not answer:
            missing.setdefault(place, []).append(right)
    return missing


def allowed(api: Api, asked: tuple[str | None, Right]) -> bool:
    namespace, right = asked
    resource, _, subresource = right.resource.partition("/")
    attributes = {"verb": right.verb, "group": right.group, "resource": resource, "subresource": subresource}
    if namespace is not None:
        attributes["namespace"] = namespace
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    return bool(api.create(REVIEWS, review)["status"]["allowed"])


def subject(api: Api) -> Subject:
    """Whom the cluster takes this machine's user for."""
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    try:
        return "User", api.create(WHO, review)["status"]["userInfo"]["username"]
    except (Refused, UserError):  # of a cluster older than 1.28
        return "User", NOBODY


def needed_finding(missing: Wanted, wanted: Wanted, stack: str, user: Subject) -> Finding:
    total = sum(map(len, wanted.values()))
    if not missing:
        detail = f"all {total} that are needed, as {user[1]}"
        return Finding(check="rights", state="ok", detail=detail)
    without = (
        "" if None not in missing else f"; for one that may act in its own namespaces only, {KEY}.cluster_scope: false"
    )
    return Finding(
        check="rights",
        state="refused",
        detail=f"{sum(map(len, missing.values()))} of {total} are missing for {user[1]}: {summary(missing)}",
        action=f"have the cluster's admin apply the roles that `groundwork preflight {stack}` prints{without}",
        documents=tuple(role_documents(f"groundwork-{stack}-missing", missing, user)),
    )


def optional_finding(missing: list[Right], stack: str, user: Subject) -> Finding:
    return Finding(
        check="rights to look",
        state="warning",
        detail=f"missing: {', '.join(map(str, missing))}: whether nodes suffice is not known beforehand",
        action="nothing, or have the admin grant them",
        documents=tuple(role_documents(f"groundwork-{stack}-look", {None: missing}, user)),
    )


def summary(missing: Wanted) -> str:
    """Each right once, with where it is missing: most are so in every namespace, or in none."""
    places: dict[Right, list[str]] = {}
    for place, rights in missing.items():
        for right in rights:
            places.setdefault(right, []).append("the cluster" if place is None else place)
    together: dict[tuple[str, ...], list[str]] = {}
    for right, found in sorted(places.items()):
        together.setdefault(tuple(found), []).append(str(right))
    return "; ".join(f"{', '.join(rights)} in {', '.join(found)}" for found, rights in together.items())
