"""Tables of the lake, in a folder; tests/integration/lake_test.py writes them to the object store."""

import json
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from workloads import delta_tables, lake
from workloads import tables as shared
from workloads.columns import Column
from workloads.lake import append, create, exists, fields_of, read
from workloads.tables import Field, TableError

COLUMNS = [Column("width", minimum=0, maximum=10), Column("kind", labels=["small", "large"])]
FIELDS = fields_of(COLUMNS)
HEADER = b"width,kind\n"


@pytest.fixture(autouse=True)
def folders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses are folders, which nobody needs keys for."""
    monkeypatch.setattr(delta_tables, "storage_options", dict[str, str])


@pytest.fixture
def table(tmp_path: Path) -> str:
    """Address of a table of one row."""
    address = str(tmp_path / "table")
    create(address, FIELDS, b"9.0,large\n")
    return address


def test_rows_are_read_as_they_were_written_in_an_order_of_their_own(table: str) -> None:
    assert append(table, FIELDS, b"1.5,small\n0.1,large\n", "a")
    assert read(table) == lake.Snapshot(1, HEADER + b"0.1,large\n1.5,small\n9.0,large\n")


def test_an_earlier_version_is_what_it_was(table: str) -> None:
    append(table, FIELDS, b"1.5,small\n", "a")
    append(table, FIELDS, b"2.5,small\n", "b")
    assert read(table, 0) == lake.Snapshot(0, HEADER + b"9.0,large\n")
    assert read(table, 1).content == HEADER + b"1.5,small\n9.0,large\n"
    assert read(table).version == 2


def test_checkpoints_of_many_versions_delete_none_of_them(table: str) -> None:
    from deltalake import DeltaTable

    append(table, FIELDS, b"1.5,small\n", "a")
    opened = DeltaTable(table)
    opened.create_checkpoint()
    opened.cleanup_metadata()
    assert opened.metadata().configuration == delta_tables.KEPT
    assert read(table, 0).content == HEADER + b"9.0,large\n"


def test_a_version_that_is_not_there_is_named(table: str) -> None:
    with pytest.raises(TableError, match=r"version 7 of the table at .*/table can't be read"):
        read(table, 7)


def test_a_version_whose_files_were_vacuumed_is_named(table: str) -> None:
    from deltalake import DeltaTable

    append(table, FIELDS, b"1.5,small\n", "a")
    DeltaTable(table).optimize.compact()
    DeltaTable(table).vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    with pytest.raises(
        TableError, match=r"version 1 of the table at .*/table can't be read: .*: ?.*; restore the files"
    ):
        read(table, 1)
    assert read(table).content == HEADER + b"1.5,small\n9.0,large\n"


def test_a_commit_that_is_no_commit_is_named(table: str) -> None:
    Path(table, "_delta_log", f"{0:020}.json").write_text("{bad")
    with pytest.raises(TableError, match=r"the table at .*/table can't be read: [^\n]+; restore the files"):
        read(table)


@pytest.mark.parametrize(
    "path", ["../other/{}", "{folder}/other/{}", "file://{folder}/other/{}", "%2e%2e/other/{}", "s3://other/tables/{}"]
)
def test_a_commit_that_names_a_file_of_another_table_is_refused(table: str, tmp_path: Path, path: str) -> None:
    create(str(tmp_path / "other"), FIELDS, b"6.0,small\n")
    (other,) = (tmp_path / "other").glob("*.parquet")
    added = {"path": path.format(other.name, folder=tmp_path), "size": other.stat().st_size, "dataChange": True}
    commit: Any = {"add": {**added, "partitionValues": {}, "modificationTime": 0}}
    Path(table, "_delta_log", f"{1:020}.json").write_text(json.dumps(commit) + "\n")
    with pytest.raises(
        TableError, match=r"version 1 of the table at .*/table names the file .*, which is not below it"
    ):
        read(table)
    with pytest.raises(TableError, match="which is not below it"):
        append(table, FIELDS, b"1.5,small\n", "a")
    assert read(table, 0).content == HEADER + b"9.0,large\n"


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert not exists(str(tmp_path / "none"))
    with pytest.raises(TableError, match=r"there is no table at .*/none"):
        read(str(tmp_path / "none"))


def test_a_table_that_is_there_is_not_made_again(table: str) -> None:
    create(table, FIELDS, b"1.0,small\n")
    assert read(table) == lake.Snapshot(0, HEADER + b"9.0,large\n")


def test_a_part_is_appended_once(table: str) -> None:
    assert append(table, FIELDS, b"1.5,small\n", "sha256:a")
    assert not append(table, FIELDS, b"1.5,small\n", "sha256:a")
    assert read(table).version == 1


def test_rows_for_a_table_that_is_not_there_make_it(tmp_path: Path) -> None:
    address = str(tmp_path / "new")
    assert append(address, FIELDS, b"1.5,small\n", "a")
    assert read(address).content == HEADER + b"1.5,small\n"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ([Field("width", "string"), FIELDS[1]], "width is a double in the table, and a string here"),
        (
            [Field("width", "double", optional=True), FIELDS[1]],
            "width is a double in the table, and an optional double",
        ),
        ([FIELDS[0]], "kind is in the table, and not among the columns"),
        ([*FIELDS, Field("depth", "double")], "depth is not in the table: only optional columns can be added"),
        ([Field("Width", "double"), FIELDS[1]], "width is in the table, .*; Width is not in the table"),
    ],
)
def test_rows_of_another_schema_are_refused_by_the_names_of_its_columns(
    table: str, fields: list[Field], reason: str
) -> None:
    with pytest.raises(TableError, match=f"table: {reason}"):
        append(table, fields, b"1,small,2\n", "a")
    assert read(table) == lake.Snapshot(0, HEADER + b"9.0,large\n")


def test_a_declared_optional_column_is_added_and_earlier_rows_have_no_value(table: str) -> None:
    wider = fields_of([*COLUMNS, Column("depth", minimum=0, maximum=1, optional=True)])
    assert append(table, wider, b"1.5,small,0.5\n2.5,small,\n", "a")
    assert read(table).content == b"width,kind,depth\n1.5,small,0.5\n2.5,small,\n9.0,large,\n"
    assert read(table, 0).content == HEADER + b"9.0,large\n"
    with pytest.raises(TableError, match="depth is in the table, and not among the columns"):
        append(table, FIELDS, b"1.5,small\n", "b")


def test_rows_are_read_by_the_names_of_columns_that_the_table_need_not_have(table: str) -> None:
    kind, width = FIELDS[1], FIELDS[0]
    assert list(lake.rows(table, [kind, Field("depth", "double", optional=True), width])) == [b"large,,9.0\n"]


def ignoring(store: Any) -> Callable[..., None]:
    """What a store does with an object that doesn't know the condition."""
    kept = store.put_object

    def put_object(*, Bucket: str, Key: str, Body: bytes, **_: Any) -> None:
        kept(Bucket=Bucket, Key=Key, Body=Body)

    return put_object


COMMIT = ("features", f"tables/toys/features/_delta_log/{3:020}.json")


def test_a_store_that_would_lose_a_commit_is_refused_and_the_commit_is_as_it_was(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.objects[COMMIT] = b"commit"
    delta_tables.require_commits_to_stay(store, "s3://features/tables/toys/features", 3)
    monkeypatch.setattr(store, "put_object", ignoring(store))
    with pytest.raises(TableError, match=r"the store of s3://features/tables/toys/features ignores If-None-Match"):
        delta_tables.require_commits_to_stay(store, "s3://features/tables/toys/features", 3)
    assert store.objects == {COMMIT: b"commit"}


def test_writers_at_once_lose_nothing(table: str) -> None:
    def write(name: str) -> None:
        for number in range(10):
            append(table, FIELDS, f"{number}.0,{name}\n".encode(), f"{name}{number}")

    writers = [Thread(target=write, args=(name,)) for name in ("small", "large")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    lines = read(table).content.decode().splitlines()
    assert len(lines) == 1 + 1 + 20
    assert {f"{number}.0,{name}" for number in range(10) for name in ("small", "large")} <= set(lines)


def test_the_same_part_of_two_writers_at_once_is_appended_once(table: str) -> None:
    outcomes: list[bool] = []
    writers = [Thread(target=lambda: outcomes.append(append(table, FIELDS, b"1.0,small\n", "a"))) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(outcomes) == [False, False, False, True]
    assert read(table).content == HEADER + b"1.0,small\n9.0,large\n"


def test_lines_that_are_sorted_in_parts_are_in_the_same_order(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    append(table, FIELDS, b"".join(b"%d.5,small\n" % (number * 7 % 20) for number in range(20)), "a")
    whole = read(table)
    monkeypatch.setattr(lake, "LINES_AT_ONCE", 3)
    assert read(table) == whole
    _, *lines = whole.content.splitlines()
    assert lines == sorted(lines)
    assert len(lines) == 21


def test_a_table_is_opened_once_to_append_to_it(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import deltalake

    opened: list[Any] = []

    class Counted(deltalake.DeltaTable):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            opened.append(arguments)
            super().__init__(*arguments, **options)

    monkeypatch.setattr(deltalake, "DeltaTable", Counted)
    assert append(table, FIELDS, b"1.5,small\n", "a")
    assert len(opened) == 1


def test_more_rows_than_are_held_at_a_time_are_all_there(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "ROWS_AT_ONCE", 3)
    append(table, FIELDS, b"".join(b"%d.0,small\n" % number for number in range(8)), "a")
    assert len(read(table).content.splitlines()) == 1 + 1 + 8
