"""A preview as the comment of a pull request on GitHub: one for each stack, which the next preview replaces."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
import typer

from modules.core.errors import UserError
from scripts.cli.commands.pipeline.step_output import read_step_output

PULL_REQUEST = re.compile(r"https?://[^/]+/(?P<owner>[\w.-]+)/(?P<name>[\w.-]+)/pull/(?P<number>\d+)")
API = "https://api.github.com"
PAGE = 100
MOST_PAGES = 30
"""GitHub shows no more comments of one pull request through this interface."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """The pull request, and as whom it is commented."""

    api: str
    repository: str
    """owner/name"""
    number: int
    token: str

    def __repr__(self) -> str:
        return f"{self.repository}#{self.number}"


def run(path: Path) -> None:
    """Comments, or says that there is nothing to comment on: the preview is in the log then."""
    text = read_step_output(path, "preview STACK")
    target = target_of(os.environ)
    if target is None:
        typer.echo("No pull request: CHANGE_URL is not set.")
        return
    with httpx.Client(base_url=target.api, timeout=30, headers=_headers(target)) as client:
        typer.echo(post(client, target, text))


def target_of(environ: Mapping[str, str]) -> Target | None:
    """From CHANGE_URL (Jenkins sets it), GITHUB_TOKEN and GITHUB_API_URL; None where there is no pull request."""
    address = environ.get("CHANGE_URL")
    if not address:
        return None
    found = PULL_REQUEST.fullmatch(address)
    if found is None:
        raise UserError(f"CHANGE_URL is {address!r}: expected https://github.com/OWNER/NAME/pull/NUMBER")
    token = environ.get("GITHUB_TOKEN")
    if not token:
        raise UserError("GITHUB_TOKEN is not set: it must hold a token that may comment on pull requests")
    return Target(
        api=environ.get("GITHUB_API_URL") or API,
        repository=f"{found['owner']}/{found['name']}",
        number=int(found["number"]),
        token=token,
    )


def post(client: httpx.Client, target: Target, text: str) -> str:
    """Replaces the comment that begins with the same line, or writes one; returns its address."""
    comments = f"/repos/{target.repository}/issues/{target.number}/comments"
    previous = _previous(client, comments, text.partition("\n")[0])
    if previous is None:
        answer = _send(client, "POST", comments, json={"body": text})
    else:
        answer = _send(client, "PATCH", f"/repos/{target.repository}/issues/comments/{previous}", json={"body": text})
    return str(answer.json()["html_url"])


def _previous(client: httpx.Client, comments: str, first_line: str) -> int | None:
    for page in range(1, MOST_PAGES + 1):
        found = cast(
            list[dict[str, Any]], _send(client, "GET", comments, params={"per_page": PAGE, "page": page}).json()
        )
        for comment in found:
            if str(comment["body"]).startswith(first_line):
                return int(comment["id"])
        if len(found) < PAGE:
            return None
    return None


def _send(client: httpx.Client, method: str, path: str, **content: Any) -> httpx.Response:
    try:
        answer = client.request(method, path, **content)
    except httpx.TransportError as error:
        raise UserError(f"GitHub does not answer at {client.base_url} ({error}): run the step again") from error
    if not answer.is_success:
        raise UserError(
            f"GitHub answered {answer.status_code} to {method} {path}: {answer.text[:200]}; its token must be one that "
            "may read and write the comments of pull requests"
        )
    return answer


def _headers(target: Target) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {target.token}",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }
