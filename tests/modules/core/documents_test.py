from pathlib import Path
from typing import cast

import jinja2
import pulumi
import pytest
from pulumi_kubernetes.core.v1 import ContainerArgs, PodSpecArgs

from modules.core.documents import plain, render


def test_a_template_is_filled(tmp_path: Path) -> None:
    (tmp_path / "t.j2").write_text("port = {{ port }}\n")
    assert render(tmp_path / "t.j2", port=5432) == "port = 5432\n"


def test_a_missing_value_is_an_error_and_no_empty_place(tmp_path: Path) -> None:
    (tmp_path / "t.j2").write_text("port = {{ port }}\n")
    with pytest.raises(jinja2.UndefinedError):
        render(tmp_path / "t.j2")


def test_typed_arguments_become_the_document_that_other_clients_read() -> None:
    pod = PodSpecArgs(
        service_account_name="a", enable_service_links=False, containers=[ContainerArgs(name="c", args=["x"])]
    )
    expected = {"serviceAccountName": "a", "enableServiceLinks": False, "containers": [{"name": "c", "args": ["x"]}]}
    assert plain(pod) == expected


def test_a_value_that_is_not_known_yet_has_no_place_in_a_document() -> None:
    unknown = cast("pulumi.Output[str]", object.__new__(pulumi.Output))
    with pytest.raises(TypeError, match="known only once something else was made"):
        plain(PodSpecArgs(service_account_name=unknown, containers=[]))
