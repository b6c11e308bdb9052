"""What YAML means here, and what is refused of it."""

from typing import Any

import pytest

from modules.core.errors import UserError
from modules.core.yaml_files import read_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[true, False, TRUE]", [True, False, True]),
        ("[yes, No, on, OFF, y, n]", ["yes", "No", "on", "OFF", "y", "n"]),
        ("[6:40, 190:20:30.15]", ["6:40", "190:20:30.15"]),
        ("[1, 0x10, 1_000, 0.5, 1.0e+3]", [1, 16, 1000, 0.5, 1000.0]),
        ("[~, null, '']", [None, None, ""]),
        ("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}),
        ("a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}", {"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}}),
        ("no: 1", {"no": 1}),
        ("", None),
    ],
)
def test_values_are_what_the_engine_takes_them_for(text: str, value: Any) -> None:
    assert read_yaml(text, source="file") == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb:\n  c: 1\n  c: 2\n", "file, line 4: 'c' is there twice in one group: keep one of the two"),
        ("a: {true: 1}", "file, line 1: 'true' is a key, but no text: put it in quotes"),
        ("? [a]\n: 1", "file, line 1: a group of keys is a key, but no text"),
        ("a: [", "file is not YAML: "),
        ("a: !unknown x", "file is not YAML: "),
        ("a: 1\n---\nb: 2\n", "file is not YAML: "),
    ],
)
def test_what_is_refused_is_said_in_one_line(text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        read_yaml(text, source="file")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
