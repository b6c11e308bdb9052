import json
from contextlib import nullcontext
from typing import Any

import pytest

from modules.core.errors import UserError
from modules.core.images import LockedImage
from modules.registry.sboms import Sbom
from scripts.cli.lifecycle import sboms
from tests.scripts.cli.fakes import always, refused

DIGEST = f"sha256:{1:064x}"
IMAGE = LockedImage(digest=DIGEST, inputs=DIGEST, version="1")
DOCUMENT: dict[str, Any] = {
    "components": [{"bom-ref": "pkg:pypi/boto3@1"}, {"bom-ref": "pkg:deb/debian/libc6@2"}, {"bom-ref": "pkg:pypi/a@1"}]
}
KEY = "0123456789abcdef" * 4


@pytest.fixture(autouse=True)
def refusals(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The images whose SBOMs are refused, of a stack with two; those that are made anew are not."""
    found: set[str] = set()

    def read(name: str, *_: object, **__: object) -> Sbom:
        if name in found:
            raise UserError(f"the SBOM of image {name} is refused: no key that is trusted here signed it")
        return Sbom(document=DOCUMENT, key=KEY)

    def make(_: str, named: dict[str, LockedImage], __: object) -> None:
        found.difference_update(named)

    monkeypatch.setattr(sboms, "pinned", always({"base": IMAGE, "serving": IMAGE}))
    monkeypatch.setattr(sboms, "running", always((None, None)))
    monkeypatch.setattr(sboms, "Remote", always(nullcontext()))
    monkeypatch.setattr(sboms, "known_keys", always([]))
    monkeypatch.setattr(sboms, "read_sbom", read)
    monkeypatch.setattr(sboms, "make", make)
    return found


def shown(capsys: pytest.CaptureFixture[str], image: str | None = None, *, as_json: bool = False, **given: bool) -> str:
    sboms.show("local", image, renew=given.get("renew", False), as_json=as_json)
    return capsys.readouterr().out


def test_each_image_is_listed_with_its_packages_by_kind_and_the_key_that_signed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = shown(capsys).splitlines()
    assert len(lines) == 3
    assert lines[1].split() == ["base", DIGEST, "1", "Debian,", "2", "Python", "sha256:0123456789abcdef"]
    listed = json.loads(shown(capsys, as_json=True))
    assert listed[1] == {
        "image": "serving",
        "digest": DIGEST,
        "packages": {"Debian": 1, "Python": 2},
        "signed_by": KEY,
    }


def test_of_one_image_json_is_the_document_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(shown(capsys, "serving", as_json=True)) == DOCUMENT


def test_an_image_that_the_stack_does_not_run_is_refused_with_those_that_it_runs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert refused(lambda: shown(capsys, "mlfow")) == (
        "IMAGE: stack local has no image mlfow; expected one of base, serving"
    )


@pytest.mark.parametrize("as_json", [True, False])
def test_one_that_is_refused_fails_the_command_and_says_what_helps(
    capsys: pytest.CaptureFixture[str], refusals: set[str], as_json: bool
) -> None:
    refusals.add("serving")
    said = refused(lambda: shown(capsys, as_json=as_json))
    assert "image serving is refused" in said
    assert "GROUNDWORK_TRUSTED_KEYS" in said
    assert "`groundwork images sbom --renew --stack local`" in said
    assert "serving" not in capsys.readouterr().out
    assert refused(lambda: shown(capsys, "serving", as_json=as_json))


def test_those_that_are_refused_are_made_anew_where_that_is_asked_for(
    capsys: pytest.CaptureFixture[str], refusals: set[str]
) -> None:
    refusals.add("serving")
    assert "serving" in shown(capsys, renew=True)
