from typing import Any

import pytest

from modules.core.errors import UserError
from scripts.cli.clients.recovery import refresh_arguments, refuse_previous_plugin

URN = "urn:pulumi:local::groundwork::kubernetes:core/v1:ConfigMap::{}"
OURS = {"metadata": {"managedFields": [{"manager": "kubectl"}, {"manager": "pulumi-kubernetes-1234"}]}}
SOMEBODY_ELSES = {"metadata": {"managedFields": [{"manager": "kubectl"}]}}


def pending(name: str, *, type: str = "creating", namespace: str | None = "local-iris") -> dict[str, Any]:
    metadata = {"name": name} if namespace is None else {"name": name, "namespace": namespace}
    inputs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "b"}}
    return {
        "type": type,
        "resource": {"urn": URN.format(name), "type": "kubernetes:core/v1:ConfigMap", "inputs": inputs},
    }


def test_an_object_that_the_killed_run_made_is_imported_by_its_id() -> None:
    asked: list[Any] = []

    def look(manifest: Any) -> Any:
        asked.append(manifest)
        return OURS

    arguments = refresh_arguments([pending("made")], look)
    expected = [f"--import-pending-creates={URN.format('made')}", "--import-pending-creates=local-iris/made"]
    assert arguments == ["--clear-pending-creates", *expected]
    assert asked == [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "made", "namespace": "local-iris"}}]


def test_an_object_of_no_namespace_is_imported_by_its_name() -> None:
    arguments = refresh_arguments([pending("made", namespace=None)], lambda _: OURS)
    assert arguments[-1] == "--import-pending-creates=made"


@pytest.mark.parametrize("found", [None, SOMEBODY_ELSES, {"metadata": {}}])
def test_what_was_not_made_and_what_is_somebody_elses_is_only_forgotten(found: Any) -> None:
    assert refresh_arguments([pending("other")], lambda _: found) == ["--clear-pending-creates"]


def test_nothing_is_looked_for_that_has_no_object_or_was_not_being_made() -> None:
    drawn = {"type": "creating", "resource": {"urn": "urn", "type": "random:index/randomString:RandomString"}}
    updated = pending("changed", type="updating")
    looked = refresh_arguments([drawn, updated], lambda _: pytest.fail("nothing is there to be seen"))
    assert looked == ["--clear-pending-creates"]


def test_a_state_of_the_previous_plugin_is_refused_before_anything_is_replaced() -> None:
    official = {"outputs": {"__initialApiVersion": "v1", "__fieldManager": "pulumi-kubernetes-1"}}
    refuse_previous_plugin("local", [official, {"type": "pulumi:pulumi:Stack"}])
    with pytest.raises(UserError, match=r"stack local: 1 of its objects .* run `scripts/down local` and"):
        refuse_previous_plugin("local", [official, {"outputs": {"__cluster": "uid"}}])
