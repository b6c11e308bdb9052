"""New data, on an object store in memory."""

import json
from dataclasses import replace
from typing import Any

import pytest

from workloads import catalog, incoming
from workloads.artifacts import digest_of
from workloads.columns import Column, read_columns
from workloads.documents import columns_document, trainer
from workloads.experiment import Config, TrainingError, read_config
from workloads.incoming import PROBLEMS_LIMIT, IngestResult, append_rows, current, examine, ingest
from workloads.service import members
from workloads.settings import WorkloadSettings

COLUMNS = [Column("width", minimum=0, maximum=10), Column("kind", labels=["small", "large"])]
DECLARED = b"width,kind\n1.0,small\n9.0,large\n"
HEADER = b"width,kind\n"


def document() -> str:
    data = {"address": f"s3://raw/data/toys/{digest_of(DECLARED)[7:]}/toys.csv", "digest": digest_of(DECLARED)}
    return json.dumps({"workload": "toys", "model": "toys", "data": data, "parameters": {"seed": 1}})


def config() -> Config:
    return read_config(document())


def ingested(store: Any) -> IngestResult:
    return ingest(config(), COLUMNS, store, lambda: DECLARED)


def bring(store: Any, name: str, content: bytes) -> None:
    store.put_object(Bucket="raw", Key=f"incoming/toys/{name}", Body=content)


def below(store: Any, prefix: str) -> dict[str, bytes]:
    return {key: content for (_, key), content in store.objects.items() if key.startswith(prefix)}


@pytest.mark.parametrize(
    ("content", "places"),
    [
        (HEADER + b"11,small\n", [(2, "width", "11", "a decimal number from 0 to 10")]),
        (
            HEADER + b"1,small\nnan,tiny\n",
            [(3, "width", "nan", "a decimal number from 0 to 10"), (3, "kind", "tiny", "one of small, large")],
        ),
        (HEADER + b",small\n", [(2, "width", "", "a decimal number from 0 to 10")]),
        (HEADER + b"1\n", [(2, "", "1 values", "2 values")]),
        (b"kind,width\nsmall,1\n", [(1, "", "kind,width", "the header width,kind")]),
        (b"", [(1, "", "", "the header width,kind")]),
        (HEADER, [(0, "", "no rows", "at least one row")]),
    ],
)
def test_what_is_wrong_is_told_by_place_value_and_what_is_allowed(
    content: bytes, places: list[tuple[int, str, str, str]]
) -> None:
    examined = examine(content, COLUMNS)
    assert [(each.row, each.column, each.value, each.allowed) for each in examined.problems] == places
    assert (examined.count, examined.rows) == (len(places), b"")


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe\x00",
        HEADER + b"1,small\n\xff,small\n",
        HEADER + b'1,"small\n',
        HEADER + b"," * 2**20,
        b"width," * 2**20,
    ],
)
def test_what_is_no_text_of_lines_is_refused_whole(content: bytes) -> None:
    examined = examine(content, COLUMNS)
    (problem,) = examined.problems
    assert (examined.rows, examined.count) == (b"", 1)
    assert (problem.row, problem.allowed) == (0, "a CSV file in UTF-8, one row a line")


@pytest.mark.parametrize("value", ["1", "1.0", "1.", ".5", "+1", "1e0", "1.5E-1", "0", "-0"])
def test_a_decimal_number_is_one(value: str) -> None:
    assert COLUMNS[0].accepts(value)


@pytest.mark.parametrize(
    "value",
    ["1_2", " 1", "1 ", "1\t", "nan", "inf", "-inf", "infinity", "0x1", "1,5", "1e", "e1", "", ".", "\u0661", "1\n"],
)
def test_what_only_python_or_nobody_reads_as_a_number_is_none(value: str) -> None:
    assert not COLUMNS[0].accepts(value)


def test_many_problems_are_counted_and_the_first_are_told() -> None:
    examined = examine(HEADER + b"99,small\n" * (PROBLEMS_LIMIT + 5), COLUMNS)
    assert (examined.count, len(examined.problems)) == (PROBLEMS_LIMIT + 5, PROBLEMS_LIMIT)


def test_rows_are_put_behind_in_one_form() -> None:
    rows = examine(b"\xef\xbb\xbfwidth,kind\r\n2,small\r\n\r\n3.50,large", COLUMNS).rows
    assert append_rows(DECLARED, rows) == append_rows(DECLARED.rstrip(), rows) == DECLARED + b"2.0,small\n3.5,large\n"


def test_without_new_data_the_declared_is_trained_on_and_its_document_is_unchanged(store: Any) -> None:
    declared = json.dumps(json.loads(document()), sort_keys=True, separators=(",", ":"))
    assert current(declared, store) == declared
    assert ingested(store) == IngestResult(accepted=0, quarantined=0, known=0)


def test_good_rows_become_a_data_set_of_its_own_and_the_declared_one_stays(store: Any) -> None:
    bring(store, "a.csv", HEADER + b"2,small\n")
    assert ingested(store) == IngestResult(accepted=1, quarantined=0, known=0)
    content = DECLARED + b"2.0,small\n"
    place = f"data/toys/{digest_of(content)[7:]}/toys.csv"
    assert below(store, "data/toys/") == {place: content, config().data_address.removeprefix("s3://raw/"): DECLARED}
    assert json.loads(current(document(), store))["data"] == {
        "address": f"s3://raw/{place}",
        "digest": digest_of(content),
        "declared_rows": 2,
    }
    assert below(store, "incoming/") == {}
    assert [key.rpartition("/")[2] for key in below(store, "accepted/toys/")] == ["a.csv"]


def test_more_rows_follow_the_earlier_ones(store: Any) -> None:
    bring(store, "a.csv", HEADER + b"2,small\n")
    ingested(store)
    bring(store, "b.csv", HEADER + b"8,large\n")
    ingested(store)
    data = json.loads(current(document(), store))["data"]
    assert data["digest"] == digest_of(DECLARED + b"2.0,small\n8.0,large\n")
    assert data["declared_rows"] == 2


def test_the_same_content_is_not_taken_twice(store: Any) -> None:
    for name in ("a.csv", "again.csv"):
        bring(store, name, HEADER + b"2,small\n")
    assert ingested(store) == IngestResult(accepted=1, quarantined=0, known=1)
    before = current(document(), store)
    bring(store, "a.csv", HEADER + b"2,small\n")  # as if the pod had been killed before it was moved
    assert ingested(store) == IngestResult(accepted=0, quarantined=0, known=1)
    assert current(document(), store) == before


def test_bad_rows_are_set_aside_whole_with_a_report(store: Any) -> None:
    content = HEADER + b"2,small\n99,large\n"
    bring(store, "a.csv", content)
    assert ingested(store) == IngestResult(accepted=0, quarantined=1, known=0)
    folder = f"quarantine/toys/{digest_of(content)[7:]}"
    kept = below(store, "quarantine/")
    assert kept[f"{folder}/a.csv"] == content
    assert json.loads(kept[f"{folder}/a.csv.report.json"]) == {
        "object": "incoming/toys/a.csv",
        "problems": 1,
        "shown": [{"row": 3, "column": "width", "value": "99", "allowed": "a decimal number from 0 to 10"}],
    }
    assert below(store, "incoming/") == below(store, "data/toys/") == {}


def only(store: Any, prefix: str) -> str:
    (key,) = [key for key in below(store, prefix) if not key.endswith(".report.json")]
    return key


def test_what_is_too_large_is_set_aside_unread_and_all_others_are_taken(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, "BYTES_LIMIT", 100)
    large = HEADER + b"1,small\n" * 100
    bring(store, "a.csv", large)
    bring(store, "b.csv", HEADER + b"2,small\n")
    read = store.get_object

    def get_object(*, Bucket: str, Key: str) -> Any:
        assert not Key.endswith("/a.csv"), "it was read"
        return read(Bucket=Bucket, Key=Key)

    monkeypatch.setattr(store, "get_object", get_object)
    assert ingested(store) == IngestResult(accepted=1, quarantined=1, known=0)
    place = only(store, "quarantine/")
    assert place.startswith("quarantine/toys/too-large-")
    assert store.objects["raw", place] == large
    (problem,) = json.loads(store.objects["raw", f"{place}.report.json"])["shown"]
    assert (problem["value"], problem["allowed"]) == ("811 bytes", "at most 100 bytes: bring it in parts")
    assert below(store, "incoming/") == {}


def test_what_would_make_the_data_set_too_large_is_set_aside(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incoming, "DATA_LIMIT", len(DECLARED) + 10)
    bring(store, "a.csv", HEADER + b"2,small\n")
    bring(store, "b.csv", HEADER + b"3,small\n")
    assert ingested(store) == IngestResult(accepted=1, quarantined=1, known=0)
    (problem,) = json.loads(store.objects["raw", f"{only(store, 'quarantine/')}.report.json"])["shown"]
    assert problem["value"] == "51 bytes, with the data set that is there"


def test_a_folders_marker_is_no_data(store: Any) -> None:
    for name in ("", "more/"):
        bring(store, name, b"")
    bring(store, "more/a.csv", HEADER + b"2,small\n")
    assert ingested(store) == IngestResult(accepted=1, quarantined=0, known=0)
    assert below(store, "incoming/").keys() == {"incoming/toys/", "incoming/toys/more/"}


def test_newly_declared_data_begins_anew(store: Any) -> None:
    bring(store, "a.csv", HEADER + b"2,small\n")
    ingested(store)
    changed = json.loads(document())
    changed["data"] = {"address": "s3://raw/sha256/x/toys.csv", "digest": "sha256:x"}
    assert json.loads(current(json.dumps(changed), store))["data"] == changed["data"]


def test_a_changed_data_set_is_not_added_to(store: Any) -> None:
    store.put_object(Bucket="raw", Key=config().data_address.removeprefix("s3://raw/"), Body=b"other")
    bring(store, "a.csv", HEADER + b"2,small\n")
    with pytest.raises(TrainingError, match="has the digest"):
        ingested(store)
    assert below(store, "incoming/")


def test_the_columns_of_iris_accept_iris() -> None:
    from workloads.iris.train import seed_data

    columns = read_columns(json.dumps(columns_document(catalog.load("iris"))))
    examined = examine(seed_data(), columns)
    assert (examined.rows.count(b"\n"), examined.problems) == (150, [])


def test_in_a_shared_bucket_all_lies_below_the_prefix_of_the_declared_data(store: Any) -> None:
    own = replace(config(), data_address=config().data_address.replace("s3://raw/", "s3://raw/team/raw/"))
    store.put_object(Bucket="raw", Key="team/raw/incoming/toys/a.csv", Body=HEADER + b"2,small\n")
    bring(store, "of-somebody-else.csv", HEADER + b"3,small\n")
    assert ingest(own, COLUMNS, store, lambda: DECLARED) == IngestResult(accepted=1, quarantined=0, known=0)
    ours = {key for key in below(store, "") if not key.startswith("team/raw/")}
    assert ours == {"incoming/toys/of-somebody-else.csv"}
    roots = {key.removeprefix("team/raw/").split("/")[0] for key in below(store, "team/raw/")}
    assert roots == {"accepted", "current", "data"}


def test_a_data_set_of_before_each_workload_had_a_place_of_its_own_is_gone_on_from(store: Any) -> None:
    grown = DECLARED + b"2.0,small\n"
    data = {"address": f"s3://raw/sha256/{digest_of(grown)[7:]}/toys.csv", "digest": digest_of(grown)}
    store.put_object(Bucket="raw", Key=data["address"].removeprefix("s3://raw/"), Body=grown)
    state: dict[str, Any] = {"declared": digest_of(DECLARED), "data": data, "parts": []}
    store.put_object(Bucket="raw", Key="current/toys.json", Body=json.dumps(state).encode())
    bring(store, "a.csv", HEADER + b"3,small\n")
    assert ingested(store) == IngestResult(accepted=1, quarantined=0, known=0)
    content = grown + b"3.0,small\n"
    assert below(store, "data/") == {f"data/toys/{digest_of(content)[7:]}/toys.csv": content}


def test_all_that_ingesting_stores_and_deletes_is_granted_to_the_workloads_training(store: Any) -> None:
    grant = members({"toys": WorkloadSettings()})[trainer("toys")].buckets["raw"]
    bring(store, "good.csv", HEADER + b"2,small\n")
    bring(store, "bad.csv", HEADER + b"11,small\n")
    ingested(store)
    assert len(store.deleted) == 2
    assert all(key.startswith(tuple(grant.write)) for key in store.deleted)
    stored = [key for _, key in store.objects]
    assert {key.split("/")[0] for key in stored} == {"accepted", "current", "data", "quarantine"}
    assert all(key.startswith((*grant.add, *grant.write)) for key in stored)
