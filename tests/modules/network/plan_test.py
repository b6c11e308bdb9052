"""The arithmetic of subnets, over many ranges."""

import random
from ipaddress import IPv4Network
from itertools import pairwise

import pytest

from modules.network.plan import (
    KINDS,
    LARGEST,
    MOST_ZONES,
    PRIVATE,
    SMALLEST,
    SMALLEST_PLANNED,
    nat_zones,
    plan,
    private_range,
)

ZONES = range(1, MOST_ZONES + 1)


def some_ranges() -> list[str]:
    """Every size that is planned, at both ends of each private range and at 20 places between, the same each time."""
    chosen = random.Random(15)
    found: list[str] = []
    for private in PRIVATE:
        for prefix in range(max(LARGEST, private.prefixlen), SMALLEST_PLANNED + 1):
            count = 2 ** (prefix - private.prefixlen)
            places = {0, count - 1, *(chosen.randrange(count) for _ in range(20))}
            found += [str(IPv4Network((int(private[0]) + (place << 32 - prefix), prefix))) for place in sorted(places)]
    return found


RANGES = some_ranges()


def test_there_are_ranges_of_every_size() -> None:
    assert len(RANGES) > 300
    assert {IPv4Network(each).prefixlen for each in RANGES} == set(range(LARGEST, SMALLEST_PLANNED + 1))


def test_no_two_subnets_overlap_and_all_lie_within_the_range() -> None:
    for whole in RANGES:
        found = [IPv4Network(each.range) for each in plan(whole, MOST_ZONES)]
        assert all(each.subnet_of(IPv4Network(whole)) for each in found), whole
        ends = sorted((each[0], each[-1]) for each in found)
        assert all(before[1] < after[0] for before, after in pairwise(ends)), whole


def test_every_zone_has_one_of_each_kind_and_they_are_alike() -> None:
    for whole in RANGES:
        for zones in ZONES:
            found = plan(whole, zones)
            assert [(each.kind, each.zone) for each in found] == [
                (kind, zone) for kind in KINDS for zone in range(zones)
            ]
            sizes = {(each.kind, IPv4Network(each.range).prefixlen) for each in found}
            assert len(sizes) == len(KINDS), whole


def test_aws_takes_every_subnet() -> None:
    for whole in RANGES:
        prefixes = {IPv4Network(each.range).prefixlen for each in plan(whole, MOST_ZONES)}
        assert min(prefixes) >= LARGEST, whole
        assert max(prefixes) <= SMALLEST, whole


def test_another_zone_moves_no_subnet() -> None:
    for whole in RANGES:
        largest = plan(whole, MOST_ZONES)
        for zones in ZONES:
            assert set(plan(whole, zones)) <= set(largest), whole


def test_a_quarter_of_the_range_stays_free_and_pods_have_half_of_it() -> None:
    for whole in RANGES:
        network = IPv4Network(whole)
        used = dict.fromkeys(KINDS, 0)
        for each in plan(whole, MOST_ZONES):
            used[each.kind] += IPv4Network(each.range).num_addresses
            assert not IPv4Network(each.range).overlaps(list(network.subnets(new_prefix=network.prefixlen + 2))[3])
        assert used["private"] * 2 == network.num_addresses
        assert sum(used.values()) * 4 == network.num_addresses * 3


def test_a_plan_is_as_it_is_documented() -> None:
    assert {each.name: each.range for each in plan("10.40.0.0/16", 2)} == {
        "public-0": "10.40.128.0/21",
        "public-1": "10.40.136.0/21",
        "private-0": "10.40.0.0/19",
        "private-1": "10.40.32.0/19",
        "intra-0": "10.40.160.0/21",
        "intra-1": "10.40.168.0/21",
    }


@pytest.mark.parametrize(("whole", "zones"), [("10.0.0.0/24", 2), ("10.0.0.0/16", 0), ("10.0.0.0/16", 5)])
def test_what_has_no_room_is_refused(whole: str, zones: int) -> None:
    with pytest.raises(ValueError, match="expected a /23 or larger, 1 to 4 zones"):
        plan(whole, zones)


@pytest.mark.parametrize(("nat", "zones"), [("none", [None, None, None]), ("one", [0, 0, 0]), ("per-zone", [0, 1, 2])])
def test_each_zone_has_its_way_out(nat: str, zones: list[int | None]) -> None:
    assert nat_zones(nat, 3) == zones  # pyright: ignore[reportArgumentType] # one of the three


@pytest.mark.parametrize("whole", ["10.40.0.0/16", "10.0.0.0/23"])
def test_nodes_and_pods_have_a_range_that_nothing_else_is_in(whole: str) -> None:
    pods = IPv4Network(private_range(whole))
    inside = {each.kind for each in plan(whole, 4) if IPv4Network(each.range).subnet_of(pods)}
    overlapping = {each.kind for each in plan(whole, 4) if IPv4Network(each.range).overlaps(pods)}
    assert inside == overlapping == {"private"}
