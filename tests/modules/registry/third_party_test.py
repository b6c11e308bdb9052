from pathlib import Path
from typing import Any

import pytest
import yaml

from modules.core.errors import UserError
from modules.registry.third_party import (
    LIST,
    ThirdPartyImage,
    read_third_party,
    unresolved,
    with_digests,
    write_digests,
)

DIGEST = f"sha256:{1:064x}"


def image(digest: str = "unresolved") -> ThirdPartyImage:
    return ThirdPartyImage.model_validate({"source": "docker.io/a/b", "tag": "1.2", "digest": digest})


def test_every_image_of_the_list_has_a_source_a_tag_and_a_digest_or_says_unresolved() -> None:
    assert read_third_party().keys() == {"jenkins", "jenkins-agent", "python"}


def test_a_known_digest_is_part_of_what_a_pod_names() -> None:
    assert image(DIGEST).reference == f"docker.io/a/b:1.2@{DIGEST}"
    assert image().reference == "docker.io/a/b:1.2"


def test_what_can_not_run_is_said_with_the_command_that_may_change_it() -> None:
    assert unresolved({"x": image(DIGEST)}) is None
    reason = unresolved({"x": image(DIGEST), "y": image()})
    assert reason == "digest unresolved: docker.io/a/b:1.2; `groundwork images resolve` asks again"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"digest": "latest"}, "images.x.digest"),
        ({"digest": "sha256:12"}, "images.x.digest"),
        ({"tag": "a b"}, "images.x.tag is 'a b'"),
        ({"source": "jenkins"}, "images.x.source is 'jenkins'"),
        ({"source": "https://docker.io/a"}, "images.x.source"),
        ({"version": "1"}, "images.x.version is '1'"),
    ],
)
def test_a_wrong_entry_is_named_with_what_is_allowed(tmp_path: Path, wrong: dict[str, Any], words: str) -> None:
    path = tmp_path / "list.yaml"
    path.write_text(yaml.safe_dump({"images": {"x": {**image().model_dump(), **wrong}}}))
    with pytest.raises(UserError) as caught:
        read_third_party(path)
    assert words in str(caught.value)
    assert "sha256:<64 hex digits> or unresolved" in str(caught.value)


def test_digests_are_filled_in_and_every_other_line_stays(tmp_path: Path) -> None:
    path = tmp_path / "list.yaml"
    path.write_text(LIST.read_text())
    write_digests({"jenkins-agent": DIGEST}, path)
    before, after = LIST.read_text().splitlines(), path.read_text().splitlines()
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    assert changed == [f"    digest: {DIGEST}"]
    found = read_third_party(path)
    assert {name for name, image in found.items() if image.digest == DIGEST} == {"jenkins-agent"}


def test_a_name_that_is_not_in_the_list_changes_nothing() -> None:
    assert with_digests(LIST.read_text(), {"other": DIGEST}) == LIST.read_text()
