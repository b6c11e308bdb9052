"""What `pulumi up` would do, as Markdown for a pull request; and whether a policy is against it."""

import re
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from modules.core.errors import UserError
from modules.core.images import LockedImage, unbuilt_variables
from modules.core.paths import REPOSITORY
from scripts.cli.clients import engine, urns
from scripts.cli.commands.pipeline.step_output import write_step_output
from scripts.cli.environment import Environment
from scripts.cli.lifecycle import aws
from scripts.cli.lifecycle.up import prepare
from scripts.cli.steps import Progress, Runner, Step, run_or_exit, up_to

POLICIES = REPOSITORY / "policies"
LONGEST = 65_536
"""Characters of a comment that GitHub accepts."""
SHOWN = ("create", "update", "replace", "delete", "import", "read")
"""Operations of the engine; any other is a part of one of these, or changes nothing."""
MARKS = {"create": "+", "update": "~", "replace": "±", "delete": "-"}

Document = Mapping[str, Any]


def run(stack: str, path: Path) -> None:
    """Writes the preview of a stack to `path` and to the screen. Ends the process with 1 when there is none, or when it
    names what can't be done. In an account of AWS nothing is made for it, and no image is pushed there."""
    up = prepare(stack)
    steps = up_to(up.steps(), up.before_preview)
    unbuilt = unbuilt_images(up.environment)

    def ask(progress: Progress) -> None:
        engine.ensure_stack(up.environment)
        document = with_unbuilt(engine.preview(up.environment, progress, unbuilt_variables(unbuilt)), unbuilt)
        write_step_output(path, markdown(stack, document))
        if errors := engine.preview_errors(document):
            raise UserError(f"stack {stack}: this change can't be made:\n{errors}")

    steps.append(Step(name="preview", title="Preview", run=ask, needs=(up.before_preview,)))
    run_or_exit(Runner(steps, up.log), f"scripts/pipeline preview {stack}")
    sys.stdout.write(path.read_text())


def check_policies(stack: str) -> None:
    """End the process with 1, and the engine's output, when a policy is broken."""
    environment = Environment(stack)
    log = environment.home / "logs" / f"policies-{time.strftime('%Y%m%d-%H%M%S')}.log"

    def hold(progress: Progress) -> None:
        engine.ensure_stack(environment)
        unbuilt = unbuilt_variables(unbuilt_images(environment))
        engine.check_policies(environment, POLICIES, progress, log, unbuilt)

    step = Step(name="policies", title="Policies", run=hold)
    run_or_exit(Runner([step], log), f"scripts/pipeline policies {stack}")


def unbuilt_images(environment: Environment) -> Mapping[str, LockedImage]:
    """Return the images that `up` builds after a preview: elsewhere than on AWS they are built before it."""
    return aws.unbuilt_images(environment) if environment.settings.aws else {}


def with_unbuilt(preview: Document, images: Collection[str]) -> Document:
    """Return a preview that warns of images, by their names, which are built after it."""
    if not images:
        return preview
    message = f"`scripts/up` builds and pushes first, with other digests than shown here: {', '.join(images)}"
    return {
        **preview,
        "diagnostics": [*(preview.get("diagnostics") or ()), {"severity": "warning", "message": message}],
    }


def markdown(stack: str, preview: Document) -> str:
    """The preview that `pulumi preview --json` gave, at most LONGEST characters.

    Resources and the names of what changes in them, never a value, so that no secret can be among them; warnings and
    errors as the engine reports them, which hide what it knows as secret.
    """
    rows = [row for step in preview.get("steps", []) if (row := _row(step))]
    head = f"{marker(stack)}\n### Preview of `{stack}`: {summary(preview)}\n"
    notes = "".join(f"\n> **{note['severity']}**: {_plain(note['message'])}\n" for note in _notes(preview))
    if not rows:
        return _cut(head + notes, LONGEST)
    table = "\n| | resource | type | what changes |\n|---|---|---|---|\n"
    kept = _fitting(rows, LONGEST - len(head) - len(table) - min(len(notes), LONGEST // 4) - 100)
    more = f"\n… and {len(rows) - len(kept)} more: `pulumi preview` shows them.\n" if len(kept) < len(rows) else ""
    return _cut(head + table + "".join(kept) + more + notes, LONGEST)


def marker(stack: str) -> str:
    """What makes the comment of a stack's preview known again; not shown."""
    return f"<!-- groundwork preview {stack} -->"


def summary(preview: Document) -> str:
    """Return how many resources would change, by operation."""
    counts: Mapping[str, int] = preview.get("changeSummary") or {}
    changes = [f"{counts[operation]} to {operation}" for operation in SHOWN if counts.get(operation)]
    same = counts.get("same", 0)
    return f"{', '.join(changes) or 'nothing changes'}, {same} unchanged"


def _row(step: Document) -> str | None:
    operation = str(step["op"])
    if operation not in SHOWN:
        return None
    kind, name = urns.parse(step["urn"])
    paths: Mapping[str, object] = step.get("detailedDiff") or {}
    changed = sorted({_key(path) for path in paths})
    shown = ", ".join(f"`{key}`" for key in changed)
    return f"| {MARKS.get(operation, operation)} | `{name}` | {kind} | {shown} |\n"


def _key(path: str) -> str:
    """The place of a change, without the keys of its last mapping, which may be as long as data."""
    return ".".join(re.sub(r"\[.*?\]", "", path).split(".")[:4])


def _notes(preview: Document) -> Sequence[Document]:
    return [note for note in preview.get("diagnostics") or () if note.get("severity") in {"error", "warning"}]


def _plain(text: str) -> str:
    return " ".join(re.sub(r"<\{%.*?%\}>|\x1b\[[0-9;]*m", "", text).split())


def _fitting(rows: Sequence[str], room: int) -> list[str]:
    kept: list[str] = []
    for row in rows:
        room -= len(row)
        if room < 0:
            break
        kept.append(row)
    return kept


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 2].rstrip() + " …"
