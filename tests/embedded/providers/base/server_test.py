"""What the engine's requests become on their way to a provider."""

from unittest.mock import Mock

import pytest
from pulumi.runtime.proto import provider_pb2

from embedded.providers.base import reveal
from embedded.providers.base.server import Servicer
from embedded.providers.base.values import decode, encode
from embedded.providers.kubernetes.provider import Kubernetes

Autonaming = provider_pb2.CheckRequest.AutonamingOptions
URN = "urn:pulumi:stack::project::kubernetes:core/v1:Namespace::web"


class Stopped(Exception):
    """What a gRPC context raises in `abort`."""


def check(autonaming: Autonaming | None, old: dict[str, object] | None = None) -> dict[str, object]:
    """The metadata that a Namespace without a name gets."""
    context = Mock()
    context.abort.side_effect = lambda _, text: (_ for _ in ()).throw(Stopped(text))  # pyright: ignore
    request = provider_pb2.CheckRequest(
        urn=URN,
        news=encode({"apiVersion": "v1", "kind": "Namespace", "metadata": {}}),
        olds=encode(old or {}),
        randomSeed=b"seed",
        autonaming=autonaming,
    )
    provider = Kubernetes()
    provider._cluster = Mock()  # pyright: ignore[reportPrivateUsage]
    provider._cluster.kind.return_value = None  # pyright: ignore[reportPrivateUsage]
    return reveal(decode(Servicer(provider, "").Check(request, context).inputs))["metadata"]


def test_without_autonaming_the_provider_makes_up_a_name() -> None:
    name = check(None)["name"]
    assert isinstance(name, str)
    assert name.startswith("web-")
    assert len(name) == len("web-") + 8


@pytest.mark.parametrize("mode", [Autonaming.PROPOSE, Autonaming.ENFORCE])
def test_a_name_that_the_engine_proposes_is_taken(mode: Autonaming.Mode.ValueType) -> None:
    assert check(Autonaming(proposed_name="stack-web", mode=mode)) == {
        "name": "stack-web",
        "annotations": {"pulumi.com/autonamed": "true"},
    }


def test_a_name_must_be_given_where_autonaming_is_disabled() -> None:
    with pytest.raises(Stopped, match=r"metadata\.name of web: pulumi:autonaming is disabled, so it must be given"):
        check(Autonaming(mode=Autonaming.DISABLE))


def test_a_name_made_up_before_stays_whatever_the_engine_proposes() -> None:
    before: dict[str, object] = {"metadata": {"name": "web-1", "annotations": {"pulumi.com/autonamed": "true"}}}
    assert check(Autonaming(proposed_name="other"), before)["name"] == "web-1"


def test_the_engine_is_told_that_its_names_are_taken() -> None:
    servicer = Servicer(Kubernetes(), "")
    # An engine that shakes hands goes by its answer, an older one by the other.
    assert servicer.Handshake(provider_pb2.ProviderHandshakeRequest(), Mock()).supports_autonaming_configuration
    assert servicer.Configure(provider_pb2.ConfigureRequest(), Mock()).supports_autonaming_configuration
