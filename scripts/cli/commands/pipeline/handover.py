"""What one step of a pipeline leaves for the next, as files."""

from pathlib import Path

from modules.core.errors import UserError


def written(path: Path, step: str) -> str:
    """What an earlier step left. UserError where it left nothing."""
    try:
        return path.read_text()
    except FileNotFoundError as error:
        raise UserError(f"{path} is not there: run `scripts/pipeline {step}` first") from error


def write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
