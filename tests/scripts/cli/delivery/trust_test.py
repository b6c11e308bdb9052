from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from scripts.cli.clients.tracking import Run, Version
from scripts.cli.delivery.release import pin_of
from scripts.cli.delivery.trust import is_signed, require_pin, require_run, require_version, trust_in
from tests.scripts.cli.fakes import DIGEST, SERVING_DIGEST, TRUST, Kubectl, cron_job, refused, signed, stack
from workloads.documents import model_variables
from workloads.signing import SIGNATURE, Trust

OWN = {"groundwork.uri": "s3://b/1", "groundwork.digest": DIGEST, "groundwork.config": "{}"}
TAGS = signed("run-1", OWN)
VERSION = Version(model="iris", number=1, run="run-1", tags=TAGS)
BELIEVED = Trust(public_key=TRUST["MODEL_PUBLIC_KEY"], root="s3://b")
NOT_THE_TRAININGS = "its signature is not the training's"


def with_tags(**changed: str) -> Version:
    return replace(VERSION, tags={**TAGS, **{f"groundwork.{key}": value for key, value in changed.items()}})


def test_what_the_training_signed_is_believed() -> None:
    require_version(BELIEVED, VERSION)
    require_pin(BELIEVED, pin_of(VERSION, None, SERVING_DIGEST))
    assert is_signed(BELIEVED, "iris", VERSION)


@pytest.mark.parametrize(
    ("strange", "why"),
    [
        (replace(VERSION, tags={}), "it is not signed"),
        (with_tags(signature="?"), NOT_THE_TRAININGS),
        (with_tags(uri="s3://b/other"), NOT_THE_TRAININGS),
        (with_tags(digest="no digest"), NOT_THE_TRAININGS),
        (with_tags(config='{"seed": 1}'), NOT_THE_TRAININGS),
        (replace(VERSION, run="run-2"), NOT_THE_TRAININGS),
        (replace(VERSION, model="other"), NOT_THE_TRAININGS),
        (replace(VERSION, tags=signed("run-1", OWN, Ed25519PrivateKey.generate())), NOT_THE_TRAININGS),
        (
            replace(VERSION, tags=signed("run-1", {**OWN, "groundwork.uri": "s3://elsewhere/1"})),
            "its files are at s3://elsewhere/1, allowed is what lies below s3://b",
        ),
    ],
)
def test_a_version_that_no_training_signed_is_refused_by_name(strange: Version, why: str) -> None:
    message = refused(lambda: require_version(BELIEVED, strange))
    assert message.startswith(f"model {strange.model!r} version 1 is refused: {why}")
    assert not is_signed(BELIEVED, strange.model, strange)


def test_a_pin_of_before_trainings_signed_is_refused_by_name() -> None:
    pin = pin_of(VERSION, None, SERVING_DIGEST).model_copy(update={"signature": ""})
    message = refused(lambda: require_pin(BELIEVED, pin))
    assert message.startswith("model 'iris' version 1 is refused: it is not signed")


def test_a_run_is_believed_by_its_own_tags() -> None:
    run = Run(id="run-1", experiment_id="1", name="forest", status="FINISHED", tags=TAGS, metrics={})
    require_run(BELIEVED, "iris", run)
    message = refused(lambda: require_run(BELIEVED, "iris", replace(run, id="run-2")))
    assert message.startswith(f"model 'iris' of run run-2 is refused: {NOT_THE_TRAININGS}")
    assert [is_signed(BELIEVED, "iris", each) for each in (run, replace(run, tags={SIGNATURE: "?"}))] == [True, False]


def test_what_is_believed_is_what_the_check_believes(monkeypatch: pytest.MonkeyPatch) -> None:
    kubectl, environment = Kubectl(monkeypatch), stack(monkeypatch)
    kubectl.objects["cronjob", "iris-check"] = cron_job({**model_variables(None), **TRUST})
    assert trust_in(environment, "iris") == BELIEVED
    kubectl.objects["cronjob", "iris-check"] = cron_job(model_variables(None))
    message = refused(lambda: trust_in(environment, "iris"))
    assert message.startswith("CronJob local-iris/iris-check names no key by which models are known")
    assert message.endswith("run `scripts/up local`")
