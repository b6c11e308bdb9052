import io
import tarfile
from pathlib import Path

from modules.registry.contents import Contents, join, read_layer
from modules.registry.images import sha256

from .go_programs_test import BUILD, program

PACKAGES = "opt/venv/lib/python3.11/site-packages"
GO_PROGRAM = b"\x7fELF" + bytes(12) + program()
OTHER_PROGRAM = b"\x7fELF other"


def layer(files: dict[str, bytes], mode: int = 0o755) -> bytes:
    """A layer of an image."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(text), mode
            archive.addfile(member, io.BytesIO(text))
    return content.getvalue()


def read(tmp_path: Path, files: dict[str, bytes], mode: int = 0o755) -> Contents:
    path = tmp_path / "layer"
    path.write_bytes(layer(files, mode))
    return read_layer(path)


def test_packages_and_programs_of_a_layer_are_found(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        {
            "./var/lib/dpkg/status": b"Package: libc6\n",
            f"{PACKAGES}/MLflow_skinny-3.1.dist-info/METADATA": b"Name: MLflow_skinny\nVersion: 3.1\n\nLong text\n",
            f"{PACKAGES}/setuptools/_vendor/wheel-1.dist-info/METADATA": b"Name: wheel\nVersion: 1\n",
            "opt/venv/bin/tool": GO_PROGRAM,
            "bin/other": OTHER_PROGRAM,
            "usr/lib/libx.so.1": OTHER_PROGRAM,
            "bin/script": b"#!/bin/sh\n",
        },
    )
    assert found.debian == "Package: libc6\n"
    assert found.python == {("MLflow_skinny", "3.1")}
    assert {name: each.build for name, each in found.programs.items()} == {
        "opt/venv/bin/tool": BUILD,
        "bin/other": None,
    }
    assert f"sha256:{found.programs['bin/other'].sha256}" == sha256(OTHER_PROGRAM)


def test_a_file_that_nobody_may_run_is_no_program(tmp_path: Path) -> None:
    assert read(tmp_path, {"data": OTHER_PROGRAM}, mode=0o644) == Contents()


def test_an_image_has_what_its_layers_have_and_the_packages_of_the_upper_one() -> None:
    lower = Contents(debian="one", python={("a", "1")})
    assert join([lower, Contents(python={("b", "2")})]) == Contents(debian="one", python={("a", "1"), ("b", "2")})
    assert join([lower, Contents(debian="two")]).debian == "two"
