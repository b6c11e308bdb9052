"""The output of one step of a pipeline, which a later one reads: files."""

from pathlib import Path

from modules.core.errors import UserError


def read_step_output(path: Path, step: str) -> str:
    """Return what an earlier step wrote. Raise UserError where it wrote nothing."""
    try:
        return path.read_text()
    except FileNotFoundError as error:
        raise UserError(f"{path} is not there: run `scripts/pipeline {step}` first") from error


def write_step_output(path: Path, text: str) -> None:
    """Write what a later step reads."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
