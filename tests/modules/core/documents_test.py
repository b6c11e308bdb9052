from pathlib import Path

import jinja2
import pytest

from modules.core.documents import render


def test_a_template_is_filled(tmp_path: Path) -> None:
    (tmp_path / "t.j2").write_text("port = {{ port }}\n")
    assert render(tmp_path / "t.j2", port=5432) == "port = 5432\n"


def test_a_missing_value_is_an_error_and_no_empty_place(tmp_path: Path) -> None:
    (tmp_path / "t.j2").write_text("port = {{ port }}\n")
    with pytest.raises(jinja2.UndefinedError):
        render(tmp_path / "t.j2")
