import pytest

from modules.core.errors import UserError
from modules.core.labels import Labels, selector


def test_an_object_is_labelled_with_what_it_is_and_whose() -> None:
    assert Labels(environment="local", owner="team").of("mlflow", component="server") == {
        "app.kubernetes.io/name": "mlflow",
        "app.kubernetes.io/instance": "mlflow",
        "app.kubernetes.io/component": "server",
        "app.kubernetes.io/part-of": "groundwork",
        "app.kubernetes.io/managed-by": "pulumi",
        "groundwork.dev/environment": "local",
        "groundwork.dev/owner": "team",
    }


def test_a_selector_holds_nothing_that_may_change() -> None:
    assert all(not key.startswith("groundwork.dev/") for key in selector("mlflow", component="server"))


def test_an_owner_that_can_be_no_label_is_refused() -> None:
    with pytest.raises(UserError, match=r"groundwork.dev/owner 'The Team'"):
        Labels(environment="local", owner="The Team")
