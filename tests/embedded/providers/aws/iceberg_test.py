"""Tables of Iceberg in the catalog of the emulated account, as the code of workloads writes and reads them."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from workloads import iceberg_tables, lake
from workloads.columns import Column
from workloads.lake import Snapshot, append, create, exists, fields_of, has, read, rows
from workloads.tables import Field, NoTable, TableError

from .conftest import REGION
from .search import Aws

BUCKET, DATABASE = "lake-of-a-test", "lake_of_a_test"
ADDRESS = f"glue://{DATABASE}/toys"
FOLDER = "tables/toys/iceberg/features"
COLUMNS = [Column("width", minimum=0, maximum=10), Column("kind", labels=["small", "large"])]
FIELDS = fields_of(COLUMNS)
DEPTH = Column("depth", minimum=0, maximum=1, optional=True)
HEADER = b"width,kind\n"
STORED = [{"Name": "width", "Type": "double"}, {"Name": "kind", "Type": "string"}]


def make(aws: Aws, columns: list[dict[str, str]], bucket: str = BUCKET, name: str = "toys") -> None:
    """As the platform makes tables."""
    described = {"Location": f"s3://{bucket}/{FOLDER}", "Columns": columns}
    aws("glue").create_table(
        DatabaseName=DATABASE,
        TableInput={"Name": name, "TableType": "EXTERNAL_TABLE", "StorageDescriptor": described},
        OpenTableFormatInput={"IcebergInput": {"MetadataOperation": "CREATE", "Version": "2"}},
    )


@pytest.fixture(autouse=True)
def place(aws: Aws, account: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A bucket and a database, and how a workload gets there."""
    variables = {"AWS_ENDPOINT_URL": account, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    for name, value in {**variables, **keys}.items():
        monkeypatch.setenv(name, value)
    aws("s3").create_bucket(Bucket=BUCKET)
    aws("glue").create_database(DatabaseInput={"Name": DATABASE})
    yield
    aws("glue").delete_database(Name=DATABASE)
    for item in aws("s3").list_objects_v2(Bucket=BUCKET).get("Contents", []):
        aws("s3").delete_object(Bucket=BUCKET, Key=item["Key"])
    aws("s3").delete_bucket(Bucket=BUCKET)


@pytest.fixture
def table(aws: Aws) -> str:
    """Address of a table of one row."""
    make(aws, STORED)
    create(ADDRESS, FIELDS, b"9.0,large\n")
    return ADDRESS


def test_a_new_table_has_the_metadata_of_its_columns_and_no_version(aws: Aws) -> None:
    make(aws, STORED)
    entry = aws("glue").get_table(DatabaseName=DATABASE, Name="toys")["Table"]
    assert entry["Parameters"]["table_type"] == "ICEBERG"
    key = entry["Parameters"]["metadata_location"].removeprefix(f"s3://{BUCKET}/")
    document = json.loads(aws("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read())
    assert [each["name"] for each in document["schemas"][0]["fields"]] == ["width", "kind"]
    assert not exists(ADDRESS)
    with pytest.raises(NoTable, match="has no rows yet, and no version"):
        read(ADDRESS)


def test_the_account_makes_no_table_that_it_could_not_write(aws: Aws) -> None:
    with pytest.raises(aws("glue").exceptions.InvalidInputException, match="Cannot write to s3://not-there/"):
        make(aws, STORED, bucket="not-there")
    with pytest.raises(aws("glue").exceptions.InvalidInputException, match="with a column of map"):
        make(aws, [{"Name": "width", "Type": "map<string,int>"}])
    assert aws("glue").get_tables(DatabaseName=DATABASE)["TableList"] == []


def test_an_entry_that_somebody_changed_meanwhile_is_not_written_over(aws: Aws, table: str) -> None:
    glue = aws("glue")
    entry = glue.get_table(DatabaseName=DATABASE, Name="toys")["Table"]
    changed = {"Name": "toys", "Parameters": entry["Parameters"], "StorageDescriptor": entry["StorageDescriptor"]}
    glue.update_table(DatabaseName=DATABASE, TableInput=changed, VersionId=entry["VersionId"])
    with pytest.raises(glue.exceptions.ConcurrentModificationException):
        glue.update_table(DatabaseName=DATABASE, TableInput=changed, VersionId=entry["VersionId"])
    assert read(table).content == HEADER + b"9.0,large\n"


def test_rows_are_read_as_they_were_written_at_each_version(table: str) -> None:
    assert append(table, FIELDS, b"1.5,small\n0.1,large\n", "a")
    assert append(table, FIELDS, b"2.5,small\n", "b")
    assert read(table, 0) == Snapshot(0, HEADER + b"9.0,large\n")
    assert read(table, 1) == Snapshot(1, HEADER + b"0.1,large\n1.5,small\n9.0,large\n")
    assert read(table) == Snapshot(2, HEADER + b"0.1,large\n1.5,small\n2.5,small\n9.0,large\n")
    with pytest.raises(TableError, match=r"version 3 of the table at \S+ can't be read: .* the newest is 2"):
        read(table, 3)


def test_a_table_that_was_written_is_not_made_again(table: str) -> None:
    create(table, FIELDS, b"1.0,small\n")
    assert read(table) == Snapshot(0, HEADER + b"9.0,large\n")


def test_rows_for_a_table_without_any_are_its_version_1(aws: Aws) -> None:
    make(aws, STORED)
    assert append(ADDRESS, FIELDS, b"1.5,small\n", "a")
    assert read(ADDRESS, 0).content == HEADER
    assert read(ADDRESS) == Snapshot(1, HEADER + b"1.5,small\n")


def test_a_table_that_the_catalog_does_not_have_is_named() -> None:
    assert not exists(ADDRESS)
    for use in (lambda: read(ADDRESS), lambda: append(ADDRESS, FIELDS, b"1.5,small\n", "a")):
        with pytest.raises(TableError, match=r"no table toys in the database \w+ of Glue: .* so bring it up"):
            use()


def test_a_part_is_appended_once(table: str) -> None:
    assert append(table, FIELDS, b"1.5,small\n", "sha256:a")
    assert not append(table, FIELDS, b"1.5,small\n", "sha256:a")
    assert has(table, "sha256:a")
    assert not has(table, "sha256:b")
    assert read(table).version == 1


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ([Field("width", "string"), FIELDS[1]], "width is a double in the table, and a string here"),
        (
            [Field("width", "double", optional=True), FIELDS[1]],
            "width is a double in the table, and an optional double",
        ),
        ([FIELDS[0]], "kind is in the table, and not among the columns"),
        ([*FIELDS, Field("depth", "double")], "depth is not in the table: only optional columns can be added"),
    ],
)
def test_rows_of_another_schema_are_refused_by_the_names_of_its_columns(
    table: str, fields: list[Field], problem: str
) -> None:
    with pytest.raises(TableError, match=f"toys: {problem}"):
        append(table, fields, b"1,small,2\n", "a")
    assert read(table) == Snapshot(0, HEADER + b"9.0,large\n")


def test_a_declared_optional_column_is_added_and_earlier_rows_have_no_value(aws: Aws, table: str) -> None:
    wider = fields_of([*COLUMNS, DEPTH])
    assert append(table, wider, b"1.5,small,0.5\n2.5,small,\n", "a")
    assert read(table).content == b"width,kind,depth\n1.5,small,0.5\n2.5,small,\n9.0,large,\n"
    assert read(table, 0).content == HEADER + b"9.0,large\n"
    with pytest.raises(TableError, match="depth is in the table, and not among the columns"):
        append(table, FIELDS, b"1.5,small\n", "b")
    columns = aws("glue").get_table(DatabaseName=DATABASE, Name="toys")["Table"]["StorageDescriptor"]["Columns"]
    assert [(each["Name"], each["Type"]) for each in columns] == [
        ("width", "double"),
        ("kind", "string"),
        ("depth", "double"),
    ]


def test_the_first_rows_decide_the_columns_and_their_order(aws: Aws) -> None:
    make(aws, [*STORED, {"Name": "colour", "Type": "string"}])
    fields = fields_of([COLUMNS[0], DEPTH, COLUMNS[1]])
    create(ADDRESS, fields, b"1.5,,small\n")
    assert read(ADDRESS).content == b"width,depth,kind\n1.5,,small\n"


def test_a_table_of_other_types_is_not_written(aws: Aws) -> None:
    make(aws, [{"Name": "width", "Type": "string"}, STORED[1]])
    with pytest.raises(TableError, match=r"was made for other columns: width is a string\. It has no rows"):
        create(ADDRESS, FIELDS, b"1.5,small\n")
    assert not exists(ADDRESS)


def test_columns_have_the_names_of_their_declaration_whatever_the_catalog_calls_them(aws: Aws) -> None:
    make(aws, [{"Name": "mean_width", "Type": "double"}])
    declared = [Column("Mean width", minimum=0, maximum=10)]
    create(ADDRESS, fields_of(declared), b"1.5\n")
    assert append(ADDRESS, fields_of(declared), b"2.5\n", "a")
    assert read(ADDRESS, None, declared).content == b"Mean width\n1.5\n2.5\n"
    assert sorted(rows(ADDRESS, [DEPTH_FIELD, *fields_of(declared)])) == [b",1.5\n", b",2.5\n"]


(DEPTH_FIELD,) = fields_of([DEPTH])


def test_the_same_part_of_two_writers_at_once_is_appended_once(table: str) -> None:
    with ThreadPoolExecutor() as pool:
        started = [pool.submit(append, table, FIELDS, b"1.0,small\n", "a") for _ in range(4)]
    assert sorted(each.result() for each in started) == [False, False, False, True]
    assert read(table).content == HEADER + b"1.0,small\n9.0,large\n"


def test_a_version_whose_file_is_gone_is_named(aws: Aws, table: str) -> None:
    s3 = aws("s3")
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{FOLDER}/data/")["Contents"]
    append(table, FIELDS, b"1.5,small\n", "a")
    for item in listed:
        s3.delete_object(Bucket=BUCKET, Key=item["Key"])
    with pytest.raises(TableError, match=r"version 1 of the table at \S+ can't be read: [^\n]+; restore the files"):
        read(table)


def test_metadata_that_is_none_is_named(aws: Aws, table: str) -> None:
    entry = aws("glue").get_table(DatabaseName=DATABASE, Name="toys")["Table"]
    key = entry["Parameters"]["metadata_location"].removeprefix(f"s3://{BUCKET}/")
    for content in (b"{bad", None):
        if content is None:
            aws("s3").delete_object(Bucket=BUCKET, Key=key)
        else:
            aws("s3").put_object(Bucket=BUCKET, Key=key, Body=content)
        with pytest.raises(TableError, match=r"the table at \S+ can't be read: [^\n]+; restore the files"):
            read(table)


def test_a_version_that_names_a_file_of_another_table_is_refused(aws: Aws, table: str) -> None:
    opened = iceberg_tables.open_table(table)
    (task,) = opened.table.scan().plan_files()
    source = task.file.file_path.removeprefix(f"s3://{BUCKET}/")
    aws("s3").copy_object(Bucket=BUCKET, Key="other/1.parquet", CopySource=f"{BUCKET}/{source}")
    opened.table.add_files([f"s3://{BUCKET}/other/1.parquet"])
    with pytest.raises(TableError, match=r"names the file s3://\S+/other/1.parquet, which is not below"):
        read(table)
    assert read(table, 0).content == HEADER + b"9.0,large\n"


def test_more_lines_than_are_sorted_at_a_time_are_all_there(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    append(table, FIELDS, b"".join(b"%d.5,small\n" % (number * 7 % 20) for number in range(20)), "a")
    whole = read(table)
    monkeypatch.setattr(lake, "LINES_AT_ONCE", 3)
    assert read(table) == whole
    assert len(whole.content.splitlines()) == 1 + 1 + 20


def test_a_workload_asks_glue_for_nothing_but_what_its_role_may(
    table: str, monkeypatch: pytest.MonkeyPatch, aws: Aws
) -> None:
    from modules.core.aws import AwsAccount
    from modules.core.lake import table_statements

    catalog = iceberg_tables._catalog  # pyright: ignore[reportPrivateUsage]
    asked: set[str] = set()

    def note(model: Any, **_: Any) -> None:
        asked.add(model.name)

    def noted() -> Any:
        made = catalog()
        made.glue.meta.events.register("before-call.glue", note)
        return made

    monkeypatch.setattr(iceberg_tables, "_catalog", noted)
    del aws
    append(table, fields_of([*COLUMNS, DEPTH]), b"1.5,small,0.5\n", "a")
    read(table, 0)
    exists(table)
    account = AwsAccount(partition="aws", id="123456789012", region=REGION)
    granted = {action for each in table_statements(account, "dev", ["toys"]) for action in each["Action"]}
    assert {f"glue:{name}" for name in asked} == granted
