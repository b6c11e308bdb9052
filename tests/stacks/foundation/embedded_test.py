from pathlib import Path

import pytest

from modules.core.contracts import PodRules, Registry
from modules.core.errors import UserError
from modules.core.images import require_image
from stacks.foundation.embedded import describe_cluster, describe_registry


def test_the_cluster_is_known_by_the_name_of_its_environment() -> None:
    cluster = describe_cluster("local", "10.80.0.0/16", PodRules())
    assert cluster.name == "groundwork-local"
    assert cluster.pod_range == "10.80.0.0/18"


def test_the_registry_listens_at_the_nodes_address_and_has_a_path_for_each_stack() -> None:
    assert describe_registry("local", "10.81.0.0/16").pull == "10.81.0.1:5000/local"


def test_an_image_that_was_never_built_is_an_error_that_says_what_builds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere(environment: str) -> Path:
        return tmp_path / f"images.{environment}.yaml"

    monkeypatch.setattr("modules.core.images.lock_file", nowhere)
    with pytest.raises(UserError, match=r"stacks/images.local.yaml: there is no image 'mlflow'.*`scripts/up local`"):
        require_image("local", Registry(push="r", pull="r"), "mlflow")
