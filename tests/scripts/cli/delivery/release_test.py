from pathlib import Path
from typing import Any

import httpx
import pytest

from modules.core.errors import UserError
from modules.core.releases import Release, write_releases
from scripts.cli.clients import engine, gateway
from scripts.cli.delivery import jobs, release, rollback
from tests.scripts.cli.delivery.release_platform import (
    CHAMPION,
    LOG,
    Platform,
    deployment,
    pinned,
    pod,
    registry,
    release_platform,
    released,
    tags,
)
from tests.scripts.cli.fakes import (
    DIGEST,
    EARLIER_DIGEST,
    SERVING_DIGEST,
    TRAINING_DIGEST,
    always,
    mlflow,
    quiet,
    refused,
    stack,
    version,
)
from workloads.artifacts import digest_of
from workloads.signing import SIGNATURE


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Platform:
    return release_platform(monkeypatch, tmp_path)


def test_the_champion_is_released_when_no_version_is_named(platform: Platform) -> None:
    outcome = released()
    assert outcome.changed
    assert outcome.previous is None
    assert outcome.address == "http://127.0.0.1:8080"
    assert platform.applied == [CHAMPION]
    assert pinned() == Release(
        release=1,
        model_name="iris",
        model_version=2,
        model_uri="s3://b/2",
        model_digest=DIGEST,
        run="run-2",
        image_digest=TRAINING_DIGEST,
        config_digest=digest_of(b"{}"),
        signature=tags(2)[SIGNATURE],
        serving_image=SERVING_DIGEST,
    )


@pytest.mark.usefixtures("platform")
def test_previous_pins_are_kept_newest_last() -> None:
    for number in (1, 2, 3):
        released(number)
    current = pinned()
    assert current is not None
    assert (current.release, current.model_version) == (3, 3)
    assert [(pin.release, pin.model_version) for pin in current.history] == [(1, 1), (2, 2)]


def test_releasing_what_serves_changes_nothing(platform: Platform) -> None:
    released(1)
    before = pinned()
    outcome = released(1)
    assert not outcome.changed
    assert pinned() == before
    assert platform.applied == [1]
    assert len(platform.checked) == 1


def test_an_interrupted_release_is_finished_by_the_next(platform: Platform) -> None:
    released(1)
    current = pinned()
    assert current is not None
    pinned_only = release.pin_of(
        release.Version(model="iris", number=2, run="run-2", tags=tags(2)), current, SERVING_DIGEST
    )
    write_releases("local", {"iris": pinned_only})
    assert released(2).changed
    assert pinned() == pinned_only
    assert platform.applied == [1, 2]


def test_a_model_that_does_not_fit_is_not_released(platform: Platform) -> None:
    released(1)
    platform.problems = ["scikit-learn: the model was trained with 0.1, this image has 1.9", "another"]
    message = refused(lambda: released(2))
    assert "model 'iris' version 2 does not fit the serving image, what served is unchanged:" in message
    assert "\n  scikit-learn: the model was trained with 0.1" in message
    assert "\n  another" in message
    assert platform.applied == [1]
    current = pinned()
    assert current is not None
    assert current.model_version == 1


def test_a_failed_rollout_restores_the_previous_pin_and_says_so(platform: Platform) -> None:
    released(1)
    before = pinned()
    platform.failures = ["pods do not become ready"]
    platform.kubectl.lists = [[pod("previous", "True"), pod("new", "False")]]
    platform.kubectl.log = "error: another digest\n"
    message = refused(lambda: released(2))
    assert message == (
        "pods do not become ready\n"
        "Last output of pod new: error: another digest\n"
        "The release was undone: release 1 (version 1) is restored."
    )
    assert pinned() == before
    assert platform.applied == [1, 2, 1]


def test_a_failed_first_release_leaves_none(platform: Platform) -> None:
    platform.failures = ["no"]
    assert "the state without a release is restored" in refused(lambda: released(1))
    assert pinned() is None
    assert platform.applied == [1, None]


def test_when_even_the_previous_pin_can_not_be_applied_both_causes_are_told(platform: Platform) -> None:
    released(1)
    platform.failures = ["first cause", "second cause"]
    message = refused(lambda: released(2))
    assert message.startswith("first cause\n")
    assert "second cause" in message
    assert "Run `scripts/up local` when the cause is gone" in message
    current = pinned()
    assert current is not None
    assert current.model_version == 1


@pytest.mark.usefixtures("platform")
def test_a_rollout_that_another_model_survives_is_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "serves", always(False))
    assert "Deployment local-iris/iris does not run version 1" in refused(lambda: released(1))
    assert pinned() is None


@pytest.mark.usefixtures("platform")
def test_an_unknown_version_lists_the_existing() -> None:
    assert refused(lambda: released(9)) == "model 'iris' has no version 9; existing versions: 1, 2, 3"


@pytest.mark.usefixtures("platform")
def test_without_any_version_a_training_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow(monkeypatch, lambda path, _: (200, {}) if path == "model-versions/search" else None)
    assert "run `groundwork train` first" in refused(released)


@pytest.mark.usefixtures("platform")
def test_without_a_champion_the_versions_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow(monkeypatch, lambda path, query: None if path == "registered-models/alias" else registry(path, query))
    message = refused(released)
    assert message == "model 'iris' has no version with the alias 'champion'; existing versions: 1, 2, 3"


def test_what_no_training_signed_is_refused_before_anything_is_started(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow(monkeypatch, always((200, {"model_version": {**version(1), "tags": []}})))
    assert refused(lambda: released(1)).startswith("model 'iris' version 1 is refused: it is not signed")
    assert (platform.checked, platform.applied, pinned()) == ([], [], None)


def test_what_was_released_before_trainings_signed_is_neither_restored_nor_rolled_back_to(platform: Platform) -> None:
    unsigned = Release.model_validate({**released(1).pin.model_dump(), "signature": ""})
    write_releases("local", {"iris": unsigned})
    platform.failures = ["no"]
    assert "the state without a release is restored" in refused(lambda: released(2))
    write_releases("local", {"iris": unsigned})
    outcome = released(2)
    assert (outcome.pin.release, outcome.pin.model_version) == (2, 2)
    message = refused(lambda: rollback.rollback("local", "iris", quiet, LOG))
    assert message.startswith("model 'iris' version 1 is refused: it is not signed")
    assert platform.applied[-1] == 2


def test_what_is_released_while_a_model_is_checked_stays_in_the_history(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    released(1)
    watched: list[Release] = []

    def check_while_a_watch_promotes(*arguments: Any) -> jobs.Ended:
        if not watched:
            watched.append(
                release.pin_of(
                    release.Version(model="iris", number=3, run="run-3", tags=tags(3)), pinned(), SERVING_DIGEST
                )
            )
            write_releases("local", {"iris": watched[0]})
        return platform.check(*arguments)

    monkeypatch.setattr(jobs, "run", check_while_a_watch_promotes)
    assert released(2).pin.release == 3
    current = pinned()
    assert current is not None
    assert [pin.model_version for pin in (*current.history, current)] == [1, 3, 2]


@pytest.mark.usefixtures("platform")
def test_what_another_command_pinned_during_a_rollout_is_not_undone_by_its_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    released(1)
    other = release.pin_of(release.Version(model="iris", number=3, run="run-3", tags=tags(3)), pinned(), SERVING_DIGEST)

    def fail_while_another_pins(*_: object) -> None:
        write_releases("local", {"iris": other})
        raise UserError("the pods do not start")

    monkeypatch.setattr(engine, "up", fail_while_another_pins)
    message = refused(lambda: released(2))
    assert message.startswith("the pods do not start\nNothing was restored: workload iris: ")
    assert pinned() == other


def test_a_rollback_restores_the_previous_pin_and_counts_on(platform: Platform) -> None:
    for number in (1, 2, 3):
        released(number)
    outcome = rollback.rollback("local", "iris", quiet, LOG)
    assert (outcome.pin.release, outcome.pin.model_version) == (4, 2)
    assert outcome.previous is not None
    assert outcome.previous.model_version == 3
    current = pinned()
    assert current is not None
    assert [pin.model_version for pin in current.history] == [1]
    assert [(each.model_version, each.cause) for each in current.rejected] == [(3, "rolled back")]
    assert platform.checked[-1]["MODEL_VERSION"] == "2"
    assert platform.applied[-1] == 2


@pytest.mark.usefixtures("platform")
@pytest.mark.parametrize(("count", "state"), [(0, "nothing was released"), (1, "release 1 has no previous one")])
def test_without_a_previous_release_there_is_nothing_to_roll_back_to(count: int, state: str) -> None:
    for number in range(count):
        released(number + 1)
    assert state in refused(lambda: rollback.rollback("local", "iris", quiet, LOG))


@pytest.mark.parametrize(
    ("status", "serving"),
    [
        ({}, True),
        ({"observedGeneration": 1}, False),
        ({"updatedReplicas": 0}, False),
        ({"availableReplicas": 0}, False),
        ({"replicas": 2}, False),
    ],
)
def test_a_release_serves_once_every_pod_is_new_and_ready(status: dict[str, int], serving: bool) -> None:
    pin = release.pin_of(release.Version(model="iris", number=2, run="run-2", tags=tags(2)), None, SERVING_DIGEST)
    found = deployment(pin)
    found["status"] |= status
    assert release.runs_everywhere(found, pin) is serving
    assert not release.runs_everywhere(found, pin.model_copy(update={"model_digest": "sha256:0"}))
    assert not release.runs_everywhere(found, pin.model_copy(update={"serving_image": EARLIER_DIGEST}))
    assert release.runs_everywhere(found, pin.model_copy(update={"serving_image": ""})) is serving


@pytest.mark.parametrize("now", [(), ("a.B",), ("a.B", "a.C", "a.D")])
def test_pods_that_trust_other_types_than_the_release_are_not_yet_it(now: tuple[str, ...]) -> None:
    version = release.Version(model="iris", number=2, run="run-2", tags=tags(2))
    pin = release.pin_of(version, None, SERVING_DIGEST, trusted=("a.B", "a.C"))
    found = deployment(pin)
    assert release.runs_everywhere(found, pin)
    assert not release.runs_everywhere(found, pin.model_copy(update={"trusted": now}))


@pytest.mark.usefixtures("platform")
def test_a_model_without_a_port_of_this_machine_is_asked_through_the_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def note(address: str, *_: object, **__: object) -> None:
        asked.append(address)

    def client(_: object, url: str, login: object = None) -> httpx.Client:  # noqa: ARG001
        return httpx.Client(base_url=url)

    monkeypatch.setattr(release.Place, "address", None)
    monkeypatch.setattr(gateway, "client", client)
    monkeypatch.setattr(release, "await_answer", note)
    released(1)
    assert asked == [gateway.service_address(stack(monkeypatch), "iris")]


def test_a_fault_of_the_program_restores_the_previous_pin_too(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    released(1)
    before = pinned()
    monkeypatch.setattr(release, "await_answer", always_raise)
    with pytest.raises(KeyError):
        released(2)
    assert pinned() == before
    assert platform.applied == [1, 2, 1]


def always_raise(*_: object) -> None:
    raise KeyError("a bug")
