"""What the engine's requests become on their way to a provider."""

from unittest.mock import Mock

import pytest
from pulumi.runtime.proto import provider_pb2

from embedded.providers.base import reveal
from embedded.providers.base.server import Servicer
from embedded.providers.base.values import decode, encode
from embedded.providers.random.provider import Random

URN = "urn:pulumi:stack::project::random:index/randomString:RandomString::web"
SERVICER = Servicer(Random())


class Stopped(Exception):
    """What a gRPC context raises in `abort`."""


def context() -> Mock:
    made = Mock()
    made.abort.side_effect = lambda code, text: (_ for _ in ()).throw(Stopped(f"{code.name}: {text}"))  # pyright: ignore
    return made


def test_inputs_come_back_with_their_defaults_and_refusals_with_a_reason() -> None:
    asked = provider_pb2.CheckRequest(urn=URN, news=encode({"length": 0}))
    answer = SERVICER.Check(asked, context())
    assert reveal(decode(answer.inputs))["special"] is True
    assert "length" in answer.failures[0].reason


def test_a_changed_input_replaces_and_an_ignored_one_does_not() -> None:
    asked = {"urn": URN, "id": "x", "olds": encode({}), "old_inputs": encode({"length": 4})}
    changed = SERVICER.Diff(provider_pb2.DiffRequest(**asked, news=encode({"length": 5})), context())  # pyright: ignore
    assert changed.replaces == ["length"]
    news = encode({"length": 4, "keepers": {"a": "b"}})
    ignored = SERVICER.Diff(
        provider_pb2.DiffRequest(**asked, news=news, ignoreChanges=["keepers"]),  # pyright: ignore
        context(),
    )
    assert ignored.changes == provider_pb2.DiffResponse.DIFF_NONE


def test_a_preview_draws_nothing() -> None:
    asked = provider_pb2.CreateRequest(urn=URN, properties=encode({"length": 4}), preview=True)
    assert SERVICER.Create(asked, context()).id == ""


def test_what_the_stand_in_leaves_out_is_an_error_that_leaves_no_pending_operation() -> None:
    with pytest.raises(Stopped, match=r"FAILED_PRECONDITION: random:index:nothing is not offered by the random"):
        SERVICER.Invoke(provider_pb2.InvokeRequest(tok="random:index:nothing"), context())
