from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from embedded.toolchain.targets import IMAGE_TARGETS
from modules.core.contracts import IMAGE_USER
from modules.core.releases import Release
from scripts.cli.clients import pins
from scripts.cli.commands.pipeline import candidate
from scripts.cli.environment import Environment
from scripts.cli.lifecycle import settings_check, up
from scripts.cli.lifecycle.pinned_images import Lacking
from scripts.cli.steps import check_order, up_to
from stacks.foundation import users
from tests.scripts.cli.fakes import SERVING_DIGEST, always, on_aws, quiet, refused, settings, stack

NO_SIMULATED_NODE: dict[str, Any] = {"groundwork:foundation": {"simulated_nodes": 0}}


@pytest.fixture(autouse=True)
def no_pins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    none: dict[str, object] = {}
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(pins, "released", always(none))
    monkeypatch.setattr(settings_check, "read_images", always(none))


def test_a_platform_that_is_made_anew_gets_a_user_of_its_own_and_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = stack(monkeypatch)
    environment.home.mkdir(parents=True)
    chosen = users.choose(environment.stack)
    up.EmbeddedUp(environment).choose_user()
    monkeypatch.setattr(users, "choose", always(1))
    up.EmbeddedUp(environment).choose_user()
    assert users.user_of(environment.stack, environment.settings.foundation) == chosen


def test_a_platform_that_is_there_keeps_the_user_of_its_volumes(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = stack(monkeypatch)
    environment.home.mkdir(parents=True)
    monkeypatch.setattr(up.Backend, "resources", always([{"urn": "of a volume"}]))
    up.EmbeddedUp(environment).choose_user()
    assert users.user_of(environment.stack, environment.settings.foundation) == IMAGE_USER


def test_what_can_run_nowhere_is_refused_before_anything_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = stack(monkeypatch, settings(**NO_SIMULATED_NODE))
    assert "groundwork:foundation.simulated_nodes is 0" in refused(lambda: settings_check.check_settings(environment))


def test_services_on_the_foundation_of_another_stack_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = stack(
        monkeypatch, settings(**{"groundwork:foundation": {"stack": "prod"}, "groundwork:workloads": {}})
    )
    assert refused(lambda: settings_check.check_settings(environment)) == (
        "groundwork:foundation.stack is 'prod' in stacks/Pulumi.local.yaml: the commands bring up no services on the "
        "foundation of another stack yet: deploy them by `pulumi up --stack local`, or let one stack make both "
        "(docs/aws.md)"
    )


def test_without_jenkins_no_simulated_node_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    left_out: dict[str, Any] = {**NO_SIMULATED_NODE, "groundwork:jenkins": {"enabled": False}}
    settings_check.check_settings(stack(monkeypatch, settings(**left_out)))


@pytest.mark.parametrize(("emulated", "before"), [(False, []), (True, ["host", "account"])])
def test_on_aws_images_are_pushed_to_repositories_that_are_made_first(
    monkeypatch: pytest.MonkeyPatch, emulated: bool, before: list[str]
) -> None:
    steps = up.up_of(stack(monkeypatch, on_aws()), emulated=emulated).steps()
    check_order(steps)
    assert [step.name for step in up_to(steps, "images")] == ["toolchain", *before, "cluster", "images"]
    (tidy,) = (step for step in steps if step.name == "tidy")
    assert tidy.needs == (("toolchain",) if emulated else ("images",))


def test_an_emulated_account_stays_one_once_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = stack(monkeypatch, on_aws())
    assert not isinstance(up.up_of(environment), up.EmulatedUp)
    environment.account.mkdir(parents=True)
    assert isinstance(up.up_of(environment), up.EmulatedUp)


def test_after_a_deployment_it_is_asked_anew_how_the_cluster_is_entered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environment = stack(monkeypatch, on_aws())
    environment.home.mkdir(parents=True)
    environment.kubeconfig.touch()
    monkeypatch.setattr(up.engine, "up", quiet_run)
    up.AwsUp(environment).deploy(quiet)
    assert not environment.kubeconfig.exists()


def quiet_run(*_: object) -> None:
    """Nothing is deployed."""


def test_what_a_platform_that_is_gone_served_is_set_aside_before_the_state_has_repositories(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    releases = tmp_path / "releases.local.yaml"
    releases.write_text("releases: {}\n")
    seen: list[bool] = []

    def file(_: str) -> Path:
        return releases

    def ensure(*_: object) -> None:
        seen.append(releases.exists())

    monkeypatch.setattr(up, "release_file", file)
    monkeypatch.setattr(up.aws, "ensure_repositories", ensure)
    up.AwsUp(stack(monkeypatch, on_aws())).repositories(quiet)
    assert seen == [False]
    assert up.previous_releases(releases).exists()


@pytest.mark.parametrize("emulated", [False, True])
def test_a_preview_makes_nothing_in_an_account_of_aws(monkeypatch: pytest.MonkeyPatch, emulated: bool) -> None:
    made = up.up_of(stack(monkeypatch, on_aws()), emulated=emulated)
    assert [step.name for step in up_to(made.steps(), made.before_preview)] == ["toolchain"]


def test_a_preview_runs_what_changes_nothing_and_new_code_what_brings_it_in(monkeypatch: pytest.MonkeyPatch) -> None:
    made = up.up_of(stack(monkeypatch))
    steps = made.steps()
    check_order(steps)
    before = ["toolchain", "host", "cluster", "images"]
    assert [step.name for step in up_to(steps, made.before_preview)] == before
    assert [step.name for step in up_to(steps, candidate.PLATFORM)] == [*before, "platform"]


def test_the_compilers_caches_go_once_nothing_can_be_compiled_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = {"target": "existing", "context": "theirs", "registry": {"push": "registry.example/ml"}}
    for foundation, last in ({}, "toolchain"), (theirs, "images"):
        environment = stack(monkeypatch, settings(**{"groundwork:foundation": foundation, "groundwork:workloads": {}}))
        compiled_before = {target.name for target in IMAGE_TARGETS} <= {each.name for each in environment.build_targets}
        assert compiled_before == (last == "toolchain")
        (tidy,) = (step for step in up.up_of(environment).steps() if step.name == "tidy")
        assert tidy.needs == (last,)


def test_an_unknown_workload_is_refused_with_its_key_and_file(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = stack(monkeypatch, settings(**{"groundwork:workloads": {"irsi": {}}}))
    assert refused(lambda: settings_check.check_settings(environment)) == (
        "groundwork:workloads.irsi in stacks/Pulumi.local.yaml: workload 'irsi' is unknown; known: cancer, "
        "digits, iris, neighbours, screening, wine. Did you mean 'iris'?"
    )


def test_settings_come_from_what_was_deployed_and_else_from_the_example(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(up, "STACKS", tmp_path)
    (tmp_path / "local.example.yaml").write_text("config: {example: 1}\n")
    environment, target = Environment("local"), tmp_path / "Pulumi.local.yaml"
    up.write_settings(environment)
    assert target.read_text() == "config: {example: 1}\n"
    environment.home.mkdir(parents=True)
    environment.deployed_settings.write_text("config: {deployed: 1}\n")
    up.write_settings(environment)
    assert target.read_text() == "config: {example: 1}\n"
    target.unlink()
    up.write_settings(environment)
    assert target.read_text() == "config: {deployed: 1}\n"


def test_on_somebody_elses_cluster_what_has_no_image_is_refused_with_what_helps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    theirs = {"target": "existing", "context": "theirs", "registry": {"push": "registry.example/ml"}}
    environment = stack(monkeypatch, settings(**{"groundwork:foundation": theirs, "groundwork:workloads": {}}))
    message = refused(lambda: settings_check.check_settings(environment))
    assert message.startswith("groundwork:jenkins.enabled is true, but it can run on no node of this cluster: ")
    assert "`groundwork images resolve`" in message
    assert "simulated_nodes" not in message


def test_what_was_released_before_trainings_signed_or_releases_pinned_an_image_is_trained_and_released_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pin = Release(
        release=4,
        model_name="iris",
        model_version=7,
        model_uri="s3://b/k",
        model_digest=f"sha256:{0:064x}",
        run="r",
        signature="signature",
        serving_image=SERVING_DIGEST,
    )
    output: list[str] = []
    trained: list[str] = []
    released: list[int | None] = []

    def train(_stack: str, workload: str, _progress: object) -> SimpleNamespace:
        trained.append(workload)
        return SimpleNamespace(model="iris", model_version=8)

    def release(_stack: str, _workload: str, version: int | None, *_: object) -> SimpleNamespace:
        released.append(version)
        return SimpleNamespace(pin=pin)

    monkeypatch.setattr(up, "train", train)
    monkeypatch.setattr(up, "release", release)
    for changed, expected in (({"signature": ""}, ["iris"]), ({"serving_image": ""}, ["iris"]), ({}, [])):
        bringing = up.up_of(stack(monkeypatch))
        trained.clear()
        monkeypatch.setattr(pins, "released", always({"iris": pin.model_copy(update=changed)}))
        bringing.training(output.append)
        assert trained == bringing.unreleased() == expected
        bringing.release(quiet)
    # The very version that was trained: the champion may be one of before, which no server takes.
    assert released == [8, 8]
    assert output == [
        "iris: release 4 (version 7) is not signed: training anew",
        "iris version 8",
        "iris: release 4 (version 7) pins no serving image: training anew",
        "iris version 8",
    ]


def test_the_first_release_is_of_the_champion(monkeypatch: pytest.MonkeyPatch) -> None:
    released: list[int | None] = []

    def release(_stack: str, _workload: str, version: int | None, *_: object) -> SimpleNamespace:
        released.append(version)
        return SimpleNamespace(pin=SimpleNamespace(model_name="iris", model_version=1))

    monkeypatch.setattr(up, "train", always(SimpleNamespace(model="iris", model_version=8)))
    monkeypatch.setattr(up, "release", release)
    bringing = up.up_of(stack(monkeypatch))
    bringing.training(quiet)
    bringing.release(quiet)
    assert released == [None]


def test_an_image_that_a_release_pins_and_the_registry_lacks_stops_before_the_platform_is_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bringing = up.EmbeddedUp(stack(monkeypatch))
    monkeypatch.setattr(up, "build_images", always(None))
    monkeypatch.setattr(up, "find_lacking", always([Lacking(detail="release 4 runs in an image", action="do this")]))
    message = refused(lambda: bringing.images(quiet))
    assert message == "release 4 runs in an image: do this\nNothing of the platform was changed."
