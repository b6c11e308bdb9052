from collections.abc import Iterator
from pathlib import Path

import pytest

from modules.core.errors import UserError
from scripts.cli.commands.pipeline import comment
from scripts.cli.commands.pipeline.comment import target_of
from tests.scripts.cli.github import TOKEN, GitHub, github

FIRST = "<!-- groundwork preview test -->\n1 to create\n"
SECOND = "<!-- groundwork preview test -->\n2 to create\n"
OTHER = "<!-- groundwork preview prod -->\n1 to create\n"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHub]:
    with github() as server:
        for name, value in server.variables.items():
            monkeypatch.setenv(name, value)
        yield server


def say(text: str, tmp_path: Path) -> None:
    path = tmp_path / "preview.md"
    path.write_text(text)
    comment.run(path)


def test_a_preview_becomes_a_comment_and_its_address_is_told(
    hub: GitHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    say(FIRST, tmp_path)
    assert hub.bodies == [FIRST]
    assert capsys.readouterr().out == "https://github.com/someone/groundwork/pull/7#0\n"


def test_the_next_preview_of_the_stack_replaces_it_and_no_other(hub: GitHub, tmp_path: Path) -> None:
    hub.bodies += ["a person's words", OTHER]
    for text in (FIRST, SECOND):
        say(text, tmp_path)
    assert hub.bodies == ["a person's words", OTHER, SECOND]


def test_the_comment_is_found_on_a_later_page(hub: GitHub, tmp_path: Path) -> None:
    hub.bodies += ["words"] * 150 + [FIRST]
    say(SECOND, tmp_path)
    assert hub.bodies[150:] == [SECOND]


@pytest.mark.usefixtures("hub")
def test_a_refusal_is_told_without_the_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "wrong-token")
    with pytest.raises(UserError) as caught:
        say(FIRST, tmp_path)
    assert "GitHub answered 401" in str(caught.value)
    assert "wrong-token" not in str(caught.value)


def test_a_host_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, hub: GitHub) -> None:
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:1")
    with pytest.raises(UserError, match=r"GitHub does not answer at http://127\.0\.0\.1:1"):
        say(FIRST, tmp_path)
    assert hub.bodies == []


def test_without_a_pull_request_there_is_nothing_to_comment_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CHANGE_URL", raising=False)
    say(FIRST, tmp_path)
    assert "No pull request" in capsys.readouterr().out


def test_without_a_preview_the_step_before_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="run `scripts/pipeline preview STACK` first"):
        comment.run(tmp_path / "preview.md")


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"CHANGE_URL": "https://gitlab.com/a/b/-/merge_requests/1"}, "expected https://github.com/OWNER/NAME/pull/N"),
        ({"CHANGE_URL": "https://github.com/a/b/pull/1"}, "GITHUB_TOKEN is not set"),
        ({"CHANGE_URL": "https://github.com/a/b/pull/1", "GITHUB_TOKEN": ""}, "GITHUB_TOKEN is not set"),
    ],
)
def test_what_is_missing_is_named(variables: dict[str, str], words: str) -> None:
    with pytest.raises(UserError, match=words):
        target_of(variables)


def test_a_token_is_not_part_of_what_is_printed() -> None:
    target = target_of({"CHANGE_URL": "https://github.com/a/b/pull/1", "GITHUB_TOKEN": TOKEN})
    assert repr(target) == "a/b#1"
