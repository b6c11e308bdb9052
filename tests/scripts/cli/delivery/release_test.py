import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from modules.core import releases
from modules.core.errors import UserError
from modules.core.images import LockedImage, repository_of, with_digest
from modules.core.releases import Release, read_releases, write_releases
from scripts.cli.clients import engine, gateway
from scripts.cli.delivery import jobs, release, rollback
from tests.scripts.cli.fakes import (
    DIGEST,
    EARLIER_DIGEST,
    IMAGE,
    SERVING_DIGEST,
    TRAINING_DIGEST,
    TRUST,
    Answer,
    Kubectl,
    always,
    cron_job,
    mlflow,
    quiet,
    refused,
    stack,
    version,
)
from workloads.artifacts import digest_of
from workloads.documents import model_variables
from workloads.signing import SIGNATURE

LOG = Path("log")
VERSIONS = {number: version(number) for number in (1, 2, 3)}
CHAMPION = 2


def registry(path: str, query: dict[str, Any]) -> Answer | None:
    if path == "model-versions/search":
        return 200, {"model_versions": list(VERSIONS.values())}
    number = CHAMPION if path == "registered-models/alias" else int(query["version"])
    return (200, {"model_version": VERSIONS[number]}) if number in VERSIONS else None


def tags(number: int) -> dict[str, str]:
    return {each["key"]: each["value"] for each in VERSIONS[number]["tags"]}


class Platform:
    """A cluster that does what the engine asks, or fails at it."""

    def __init__(self, kubectl: Kubectl) -> None:
        self.kubectl = kubectl
        self.failures: list[str] = []
        self.applied: list[int | None] = []
        self.checked: list[dict[str, str]] = []
        self.problems: list[str] = []

    def up(self, *_: object) -> None:
        pin = read_releases("local").get("iris")
        self.applied.append(pin.model_version if pin else None)
        if self.failures:
            raise UserError(self.failures.pop(0))
        self.kubectl.objects["deployment", "iris"] = deployment(pin) if pin else {}

    def check(self, _: object, job: dict[str, Any], __: object) -> jobs.Ended:
        container = job["spec"]["template"]["spec"]["containers"][0]
        self.checked.append({each["name"]: each["value"] for each in container["env"]} | {"image": container["image"]})
        report = json.dumps({"ok": not self.problems, "problems": self.problems})
        return jobs.Ended(log=f"loading\n{report}", failure="the Job failed" if self.problems else None)


def pod(name: str, ready: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "local-iris"},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]},
    }


def deployment(pin: releases.Pin, image: str = SERVING_DIGEST) -> dict[str, Any]:
    """What serves a pin, in the image that it names, or else in one."""
    image = with_digest(IMAGE, pin.serving_image or image)
    env = [{"name": key, "value": value} for key, value in model_variables(pin).items()]
    return {
        "metadata": {"generation": 2},
        "spec": {"replicas": 1, "template": {"spec": {"containers": [{"env": env, "image": image}]}}},
        "status": {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1},
    }


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Platform:
    stack(monkeypatch)
    platform = Platform(Kubectl(monkeypatch))
    platform.kubectl.objects["cronjob", "iris-check"] = cron_job({**model_variables(None), **TRUST})
    mlflow(monkeypatch, registry)
    monkeypatch.setattr(releases, "release_file", always(tmp_path / "releases.local.yaml"))
    monkeypatch.setattr(release, "read_images", always(dict[str, LockedImage]()))
    monkeypatch.setattr(release, "await_answer", always(None))
    monkeypatch.setattr(jobs, "run", platform.check)
    monkeypatch.setattr(engine, "up", platform.up)
    return platform


def released(number: int | None = None) -> release.Outcome:
    return release.release("local", "iris", number, quiet, LOG)


def pinned() -> Release | None:
    return read_releases("local").get("iris")


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


NEWER = "sha256:" + "3" * 64


def build(monkeypatch: pytest.MonkeyPatch, digest: str) -> None:
    """The serving image of today from here on."""
    locked = {"serving": LockedImage(digest=digest, inputs=digest, version="0.1.0")}
    monkeypatch.setattr(release, "read_images", always(locked))


def test_a_model_is_pinned_with_the_image_that_it_was_tried_in(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(monkeypatch, NEWER)
    released(3)
    checked = platform.checked[0]
    assert checked["image"] == f"{repository_of(IMAGE)}@{NEWER}"
    assert served_in(3) == NEWER
    assert checked.items() >= {"MODEL_VERSION": "3", "MODEL_URI": "s3://b/3", "MODEL_DIGEST": DIGEST}.items()


def served_in(number: int) -> str:
    """The image in which a version is pinned to serve."""
    current = pinned()
    assert current is not None
    assert current.model_version == number
    return current.serving_image


def test_the_same_version_in_a_new_serving_image_is_a_release_of_its_own_and_rolled_back_like_one(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    released(1)
    build(monkeypatch, NEWER)
    outcome = released(1)
    assert (outcome.changed, outcome.pin.release) == (True, 2)
    assert served_in(1) == NEWER
    assert released(1).changed is False
    again = rollback.rollback("local", "iris", quiet, LOG)
    assert (again.pin.release, again.pin.model_version) == (3, 1)
    assert served_in(1) == SERVING_DIGEST
    assert [each["image"].partition("@")[2] for each in platform.checked] == [SERVING_DIGEST, NEWER, SERVING_DIGEST]
    current = pinned()
    assert current is not None
    assert [(each.model_version, each.serving_image) for each in current.rejected] == [(1, NEWER)]


def test_a_model_that_does_not_fit_a_new_serving_image_serves_on_in_its_own(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    released(1)
    build(monkeypatch, NEWER)
    platform.problems = ["no serving/model.onnx"]
    assert "version 1 does not fit the serving image, what served is unchanged:" in refused(lambda: released(1))
    assert served_in(1) == SERVING_DIGEST
    assert platform.applied == [1]


def test_a_new_serving_image_that_does_not_become_ready_is_undone(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    released(1)
    build(monkeypatch, NEWER)
    platform.failures = ["pods do not become ready"]
    assert "release 1 (version 1) is restored" in refused(lambda: released(1))
    assert served_in(1) == SERVING_DIGEST


def of_before(platform: Platform, number: int = 1) -> Release:
    """Pins what serves a version as releases did before they pinned its image; its pods run in an earlier one."""
    pin = Release.model_validate({**released(number).pin.model_dump(), "serving_image": ""})
    write_releases("local", {"iris": pin})
    platform.kubectl.objects["deployment", "iris"] = deployment(pin, EARLIER_DIGEST)
    return pin


def test_a_release_of_before_is_released_anew_and_can_be_restored_and_rolled_back_to_in_the_image_it_ran_in(
    platform: Platform,
) -> None:
    before = of_before(platform)
    platform.failures = ["no"]
    assert "release 1 (version 1) is restored" in refused(lambda: released(1))
    assert pinned() == before.model_copy(update={"serving_image": EARLIER_DIGEST})
    of_before(platform)
    outcome = released(1)
    assert (outcome.changed, outcome.pin.serving_image) == (True, SERVING_DIGEST)
    rollback.rollback("local", "iris", quiet, LOG)
    assert served_in(1) == EARLIER_DIGEST
    assert platform.checked[-1]["image"].endswith(f"@{EARLIER_DIGEST}")


def test_a_release_of_before_whose_pods_nobody_finds_is_not_restored(platform: Platform) -> None:
    of_before(platform)
    del platform.kubectl.objects["deployment", "iris"]
    platform.failures = ["no"]
    assert "the state without a release is restored" in refused(lambda: released(2))


@pytest.mark.usefixtures("platform")
def test_a_rollback_in_an_image_that_no_longer_runs_says_how_to_serve_that_version_in_todays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    released(1)
    build(monkeypatch, NEWER)
    released(1)

    def gone(_: object, job: dict[str, Any], __: object) -> jobs.Ended:
        raise UserError(f"the image {job['spec']['template']['spec']['containers'][0]['image']} is not in the registry")

    monkeypatch.setattr(jobs, "run", gone)
    assert refused(lambda: rollback.rollback("local", "iris", quiet, LOG)) == (
        f"the image {with_digest(IMAGE, SERVING_DIGEST)} is not in the registry\nInstead, `groundwork release iris "
        "--model-version 1 --stack local` tries that version in today's serving image."
    )
    assert served_in(1) == NEWER


def test_a_rollback_to_a_pin_of_before_is_tried_and_pinned_in_todays_image(platform: Platform) -> None:
    before = of_before(platform)
    write_releases(
        "local", {"iris": Release.model_validate({**released(2).pin.model_dump(), "history": (before.pin,)})}
    )
    rollback.rollback("local", "iris", quiet, LOG)
    assert served_in(1) == SERVING_DIGEST
    assert platform.checked[-1]["image"].endswith(f"@{SERVING_DIGEST}")


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
