import sys
from pathlib import Path

from modules.registry.go_programs import MAGIC, GoBuild, parse, read_build

LISTED = (
    "path\texample.org/tool/cmd/tool\n"
    "mod\texample.org/tool\tv1.2.3\th1:lJeBwCfmrnXthfAupyUTDJHNfdFnGbNu+kIGJM6b1uM=\n"
    "dep\tgithub.com/spf13/cobra\tv1.10.2\th1:lJeBwCfmrnXthfAupyUTDJHNfdFnGbNu+kIGJM6b1uM=\n"
    "dep\tk8s.io/api\tv0.0.0\n"
    "=>\tk8s.io/api\tv0.36.3\th1:rjwOQJ+kIlAuTvp2hVnRLi40uJWJ9UzyXcTJBZqPXvk=\n"
    "build\t-trimpath=true\n"
    "build\tvcs.revision=530be3e3\n"
)
BUILD = GoBuild(
    go="1.27.3",
    name="example.org/tool",
    version="v1.2.3",
    revision="530be3e3",
    modules=(("github.com/spf13/cobra", "v1.10.2"), ("k8s.io/api", "v0.36.3")),
)


def string(content: bytes) -> bytes:
    """A string as the linker writes it."""
    low, high = len(content) & 0x7F, len(content) >> 7
    return bytes([low | 0x80, high] if high else [low]) + content


def program(listed: str = LISTED) -> bytes:
    """A program with the statement that Go's linker puts into it, and what looks like one."""
    header = MAGIC + bytes([8, 2]) + bytes(16)
    frame = bytes(range(16))
    return bytes(3) + MAGIC + bytes(111) + header + string(b"go1.27.3") + string(frame + listed.encode() + frame)


def test_the_statement_of_a_program_is_found_where_the_linker_puts_it() -> None:
    assert read_build(program()) == BUILD


def test_a_module_that_was_replaced_is_not_named() -> None:
    assert parse("go1.27.3", LISTED) == BUILD


def test_a_folder_in_the_place_of_a_module_leaves_the_module_its_name_and_version() -> None:
    of_folder = LISTED.replace(
        "build\t-trimpath", "dep\tgithub.com/go-acme/lego/v5\tv5.4.1\n=>\t./_lego\t(devel)\t\nbuild\t-trimpath"
    )
    found = parse("go1.27.3", of_folder)
    assert found
    assert found.modules == (*BUILD.modules, ("github.com/go-acme/lego/v5", "v5.4.1"))


def test_a_program_without_modules_and_one_of_another_language_say_nothing() -> None:
    assert read_build(program("path\tcommand-line-arguments\n")) is None
    assert read_build(Path(sys.executable).read_bytes()) is None
