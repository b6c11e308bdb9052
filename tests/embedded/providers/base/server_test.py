"""What the engine's requests become on their way to a provider."""

from unittest.mock import Mock

import pytest
from google.rpc.status_pb2 import Status
from pulumi.runtime.proto import provider_pb2

from embedded.providers.base import Created, Object, Provider, ReadResult, Resource, UnfinishedError, reveal
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


class Half(Provider):
    """Its resources are made in part, and gone when somebody looks."""

    name = "half"

    def create(self, resource: Resource, inputs: Object, *, preview: bool) -> Created:
        del resource, preview
        raise UnfinishedError("its second half is missing", "half-1", {"a": 1}, inputs)

    def read(self, resource: Resource, id: str, state: Object, inputs: Object) -> ReadResult | None:
        del resource, id, state, inputs
        return None

    def delete(self, resource: Resource, id: str, state: Object) -> None:
        self.deleted = (resource.name, id, state)


def test_what_was_made_in_part_is_kept_with_the_reason() -> None:
    called = context()
    with pytest.raises(Stopped, match=r"UNKNOWN: its second half is missing"):
        Servicer(Half()).Create(provider_pb2.CreateRequest(urn=URN, properties=encode({"b": 2})), called)
    (((key, details),),) = called.set_trailing_metadata.call_args.args
    kept = provider_pb2.ErrorResourceInitFailed()
    assert key == "grpc-status-details-bin"
    assert Status.FromString(details).details[0].Unpack(kept)
    assert (kept.id, decode(kept.properties), decode(kept.inputs)) == ("half-1", {"a": 1}, {"b": 2})
    assert list(kept.reasons) == ["its second half is missing"]


def test_what_is_gone_has_no_id() -> None:
    assert Servicer(Half()).Read(provider_pb2.ReadRequest(urn=URN, id="half-1"), context()).id == ""


def test_a_deletion_reaches_the_provider_with_what_the_state_had() -> None:
    provider = Half()
    Servicer(provider).Delete(provider_pb2.DeleteRequest(urn=URN, id="half-1", properties=encode({"a": 1})), context())
    assert provider.deleted == ("web", "half-1", {"a": 1})
