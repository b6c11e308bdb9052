"""Documents that modules render from the templates beside them."""

from pathlib import Path

from jinja2 import Environment, StrictUndefined


def render(template: Path, **values: object) -> str:
    """The template filled with the values; a value that is missing is an error, never an empty place."""
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
    return environment.from_string(template.read_text()).render(values)
