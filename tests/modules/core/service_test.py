from dataclasses import replace
from typing import Any

import pytest

from modules.core.contracts import Tracking
from modules.core.errors import UserError
from modules.core.labels import Labels
from modules.core.namespaces import NamespaceRef
from modules.core.service import Context
from tests.neighbours import ENTRY, REGISTRY, database, nobody, store

TRACKING = Tracking(url="http://mlflow:5000", namespace="local-mlflow", artifacts="s3://b/mlflow", credentials={})


def context(*provided: object) -> Context[Any]:
    unused: Any = None
    return Context(
        name="gateway",
        settings=None,
        labels=Labels(environment="local", owner="team"),
        cluster=unused,
        store=store(),
        catalog=None,
        database=database(),
        identity=nobody("gateway", ()),
        registry=REGISTRY,
        entry=ENTRY,
        images={},
        unresolved=None,
        consumers={},
        namespaces={},
        clients={},
        client_components={},
        address=None,
        protect_data=True,
        github_token=None,
        provided=provided,
        routes=(),
        ready=(),
        opts=unused,
    )


def test_a_service_finds_what_an_earlier_one_provides() -> None:
    assert context("other", TRACKING).require(Tracking) is TRACKING
    assert context("other", TRACKING).every(Tracking) == [TRACKING]


def test_what_no_service_provides_is_named_with_what_to_do() -> None:
    with pytest.raises(UserError, match="groundwork:gateway: it needs Tracking, which no service of this stack"):
        context().require(Tracking)
    assert context().every(Tracking) == []


def test_namespaces_are_named_by_environment_and_consumer() -> None:
    names: Any = {"gateway": "ready-gateway", "iris": "ready-iris"}
    made = replace(context(), namespaces=names)
    assert made.namespace == NamespaceRef(name="local-gateway", ready="ready-gateway")
    assert made.namespace_of("iris") == NamespaceRef(name="local-iris", ready="ready-iris")
