"""Ranges of addresses for bare clusters: which are taken, and by whom."""

import fcntl
import json
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from ipaddress import IPv4Network
from typing import Any

from embedded.cluster.host import overlapping
from embedded.cluster.network import parse
from modules.core.errors import UserError
from modules.core.paths import cache_home, data_home
from stacks.configuration import load, stacks

CHOICE = tuple(f"10.{second}.0.0/16" for second in range(200, 240))
"""Of which one is chosen: far from those of environments, which begin at 10.80."""


def taken(but: str) -> dict[str, str]:
    """Ranges of the environments of this checkout and of all clusters on this machine `but` one, and whose each is."""
    found: dict[str, str] = {}
    for stack in stacks():
        with suppress(UserError):  # another target, or one whose errors `up` reports
            found[load(stack).embedded.network] = f"environment {stack}"
    for identity in sorted(data_home("any").parent.glob("*/*/cluster.json")):
        made = json.loads(identity.read_text())
        if made["name"] != but:
            found[made["network"]] = f"cluster {made['name']}"
    return found


@contextmanager
def choosing() -> Generator[None]:
    """One command at a time, so that each sees what those before it have taken. The kernel ends it with the process."""
    with (cache_home() / "networks.lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def choose(taken: Iterable[str], routes: Iterable[Mapping[str, Any]], own_link: str) -> str:
    """The first free range. UserError where there is none."""
    theirs, known = [IPv4Network(network) for network in taken], list(routes)
    for network in CHOICE:
        if not any(IPv4Network(network).overlaps(other) for other in theirs) and not overlapping(
            network, known, own_link
        ):
            return network
    raise UserError(f"--network: {CHOICE[0]} to {CHOICE[-1]} are all taken: name another private /16")


def check(network: str, taken: Mapping[str, str]) -> None:
    """UserError for what is no range for a cluster, or another's."""
    try:
        whole = parse(network)
    except ValueError as error:
        raise UserError(f"--network: {network!r} can't be used: {error}") from error
    for other, owner in taken.items():
        if whole.overlaps(IPv4Network(other)):
            raise UserError(
                f"--network: {network} overlaps {other} of {owner}: choose another private /16, or leave it out and "
                "a free one is chosen"
            )
