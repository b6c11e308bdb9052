"""Looks for what is an environment's: by its tag over everything that AWS finds by tags, and kind by kind over all that
is listed, by tags, names and the network that it is in."""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from modules.core.settings import PROJECT
from scripts.cli.clients.aws import RefusedError

from .kinds import Asked, Kind, kinds, month

AT_ONCE = 8
"""Calls."""
PAUSE = 5.0
"""Seconds until what was found is described again."""
TAG = "environment"
"""Its value is the environment's name, on everything of it that takes tags."""
OF_CLUSTER = "kubernetes.io/cluster/"
"""Begins the key of a tag that Kubernetes gives what it makes; the cluster's name follows."""
CLUSTER_TAGS = ("eks:cluster-name", "aws:eks:cluster-name", "KubernetesCluster")
"""Keys of tags whose value is the name of a cluster."""
WITHOUT_TAGS = {"NoSuchTagSet", "NoSuchBucket", "ResourceNotFoundException", "NotFoundException", "NoSuchEntity"}
"""Answers to a question for the tags of what has none, or is gone meanwhile."""


class Account(Protocol):
    """What `clients.aws.Account` is."""

    @property
    def number(self) -> str: ...

    def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]: ...


@dataclass(frozen=True, kw_only=True)
class Thing:
    """Something in the account, whosever it is."""

    kind: str
    id: str
    names: Sequence[str] = ()
    tags: Mapping[str, str]
    vpc: str | None = None
    going: bool = False
    usd: float | None = 0.0
    """A month; None where that is not known."""
    note: str = ""
    """What of its price is known, or only an estimate."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """things: the environment's. unread: what AWS did not show, and why."""

    things: Sequence[Thing]
    unread: Sequence[str]


def leftovers(account: Account, environment: str, *, patience: float, pause: float = PAUSE) -> Search:
    """Return what is still there. What was found is described again, for AWS lists things for a while that are gone;
    what is being deleted is waited for. patience: seconds."""
    deadline = time.monotonic() + patience
    found = search(account, environment)
    while found.things:
        time.sleep(pause)
        found = search(account, environment)
        if not any(each.going for each in found.things) or time.monotonic() > deadline:
            break
    return found


def search(account: Account, environment: str) -> Search:
    """Return what is there at this moment."""

    def listed(kind: Kind) -> list[Thing] | str:
        return _listed(account, kind)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        lists = list(pool.map(listed, kinds()))
    unread = [answer for answer in lists if isinstance(answer, str)]
    things = [each for answer in lists if not isinstance(answer, str) for each in answer]
    own = of_environment(things, environment)
    listed_kinds = (kind for kind, answer in zip(kinds(), lists, strict=True) if not isinstance(answer, str))
    known = {start for kind in listed_kinds for start in kind.arn}
    try:
        own += list(_by_tag(account, environment, known))
    except RefusedError as error:
        unread.append(f"what has the tag {TAG}: {error}")
    return Search(things=own, unread=unread)


def of_environment(things: Sequence[Thing], environment: str) -> list[Thing]:
    """Return those of an environment: by its tag, its cluster's, its name, or in a network that is. Pure.

    A name belongs to the longest one of all environments that the account has: groundwork-dev-2-raw is none of dev's
    where there is dev-2."""
    environments = {environment, *(each.tags[TAG] for each in things if TAG in each.tags)}
    owner = owner_by(environments)
    own = [each for each in things if owner(each) == environment]
    networks = {each.vpc for each in own if each.kind == "network"}
    inside = [each for each in things if each.vpc in networks and owner(each) is None]
    return [*own, *inside]


def owner_by(environments: Iterable[str]) -> Callable[[Thing], str | None]:
    """Return what says of a thing which of the environments it belongs to."""
    patterns = {
        name: re.compile(rf"(?<![a-z0-9]){re.escape(f'{PROJECT}-{name}'.lower())}(?![a-z0-9])")
        for name in sorted(environments, key=len, reverse=True)
    }

    def owner(thing: Thing) -> str | None:
        if TAG in thing.tags:
            return thing.tags[TAG]
        clusters = [key.removeprefix(OF_CLUSTER) for key in thing.tags if key.startswith(OF_CLUSTER)]
        names = [*thing.names, *clusters, *(thing.tags[key] for key in CLUSTER_TAGS if key in thing.tags)]
        text = "\n".join(names).lower().replace("_", "-")
        return next((name for name, pattern in patterns.items() if pattern.search(text)), None)

    return owner


def _listed(account: Account, kind: Kind) -> list[Thing] | str:
    """All of a kind in the account, or why they can't be listed."""
    try:
        parameters = _filled(kind.parameters, {"account": account.number} if kind.parameters else {})
        answer = account.call(kind.service, kind.operation, **parameters)
        return list(_things(account, kind, _found(kind.items, answer) or ()))
    except RefusedError as error:
        return f"{kind.kind} ({kind.service} {kind.operation}): {error}"


def _things(account: Account, kind: Kind, items: Iterable[Mapping[str, Any]]) -> Iterator[Thing]:
    for listed in items:
        item = listed
        if kind.more:
            more = _asked(account, kind, kind.more, listed)
            if more is None:
                continue
            item = {**listed, **more}
        if kind.gone and _found(kind.gone, item):
            continue
        tags = _found(kind.tags, item) if kind.tags else None
        if kind.tags_of:
            tags = _asked(account, kind, kind.tags_of, item)
        usd, note = month(kind, item)
        yield Thing(
            kind=kind.kind,
            id=str(_found(kind.id, item)),
            names=[str(name) for name in (_found(path, item) for path in kind.names) if name],
            tags=as_mapping(tags),
            vpc=_found(kind.vpc, item) if kind.vpc else None,
            going=bool(kind.going and _found(kind.going, item)),
            usd=usd,
            note=note,
        )


def _asked(account: Account, kind: Kind, asked: Asked, item: Mapping[str, Any]) -> Any:
    """None where there is nothing, or not any more."""
    try:
        return _found(asked.at, account.call(kind.service, asked.call, **_filled(asked.parameters, item)))
    except RefusedError as error:
        if str(error).partition(":")[0] in WITHOUT_TAGS:
            return None
        raise


def _by_tag(account: Account, environment: str, known: set[str]) -> Iterator[Thing]:
    """What AWS finds by the environment's tag of kinds that none lists. known: how the ARNs of the others begin. What
    these list was described there: an ARN that is not among them is gone."""
    found: dict[str, Mapping[str, str]] = {}
    for tag in ({"Key": TAG, "Values": [environment]}, {"Key": f"{OF_CLUSTER}{PROJECT}-{environment}"}):
        answer = account.call("resourcegroupstaggingapi", "get_resources", TagFilters=[tag])
        for each in answer.get("ResourceTagMappingList", ()):
            found[each["ResourceARN"]] = as_mapping(each["Tags"])
    for arn, tags in found.items():
        _, _, service, _, _, resource = arn.split(":", 5)
        if not f"{service}:{resource}".startswith(tuple(known)):
            kind = f"{service} {re.split('[:/]', resource)[0]}"
            yield Thing(kind=kind, id=arn, tags=tags, usd=None, note="listed by its tag: look whether it is there")


def as_mapping(tags: Any) -> Mapping[str, str]:
    """Return tags in whatever form an operation gives them."""
    if isinstance(tags, Mapping):
        return tags  # pyright: ignore[reportUnknownVariableType]  boto3's answers have no types
    found: dict[str, str] = {}
    for tag in tags or ():
        names = {key.lower().removeprefix("tag"): value for key, value in tag.items()}
        found[names["key"]] = names.get("value", "")
    return found


def _filled(parameters: Any, item: Mapping[str, Any]) -> Any:
    """With the item's values for what begins with $."""
    if isinstance(parameters, Mapping):
        return {key: _filled(value, item) for key, value in parameters.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(parameters, list):
        return [_filled(value, item) for value in parameters]  # pyright: ignore[reportUnknownVariableType]
    return item[parameters[1:]] if isinstance(parameters, str) and parameters.startswith("$") else parameters


def _found(path: str, document: Any) -> Any:
    import jmespath

    return jmespath.search(path, document)
