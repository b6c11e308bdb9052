import asyncio
import weakref

import pytest

from workloads.server.bounds import INLINE_BYTES, KEPT_FOR_SMALL, LEAST, Budget
from workloads.server.errors import BadRequestError, OverloadedError

MIB = 2**20


def test_what_a_request_holds_is_given_back_at_its_end() -> None:
    budget = Budget()
    with budget.hold() as hold:
        hold.require(MIB, "it")
        hold.require(3 * MIB, "it")
        hold.require(2 * MIB, "it")
        assert budget.held == 3 * MIB
    assert budget.held == 0


def test_a_request_that_others_leave_no_room_for_holds_no_more_than_before() -> None:
    budget = Budget(32 * MIB)
    with budget.hold() as one, budget.hold() as other:
        one.require(20 * MIB, "one")
        other.require(MIB, "other")
        with pytest.raises(OverloadedError, match="busy with other requests"):
            other.require(5 * MIB, "other")
        assert budget.held == 21 * MIB
        one.release()
        other.require(5 * MIB, "other")


def test_large_requests_leave_room_for_small_ones() -> None:
    budget = Budget(32 * MIB)
    with budget.hold() as large, budget.hold() as small:
        large.require(32 * MIB - KEPT_FOR_SMALL, "the large")
        small.require(1, "the small")
        assert small.size == LEAST


def test_the_number_of_small_requests_is_bounded_too() -> None:
    budget = Budget(2 * LEAST)
    with budget.hold() as one, budget.hold() as other, budget.hold() as third:
        one.require(0, "one")
        other.require(0, "other")
        with pytest.raises(OverloadedError):
            third.require(0, "third")


def test_what_would_never_have_room_is_the_clients_to_change() -> None:
    budget = Budget(32 * MIB)
    with budget.hold() as hold, pytest.raises(BadRequestError, match=r"^the answer takes 33554432 bytes of memory"):
        hold.require(32 * MIB, "the answer")


def test_what_a_body_was_parsed_to_is_freed_in_the_thread_that_refuses_it() -> None:
    class Parsed:
        pass

    found: list[weakref.ref[Parsed]] = []

    def refuse() -> None:
        parsed = Parsed()
        found.append(weakref.ref(parsed))
        try:
            raise KeyError
        except KeyError as error:
            raise BadRequestError("no such name") from error

    with pytest.raises(BadRequestError, match="no such name"):
        asyncio.run(Budget().near(INLINE_BYTES + 1, refuse))
    assert [parsed() for parsed in found] == [None]
