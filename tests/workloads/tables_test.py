"""A workload whose data set is a table of the lake: its training, new data, and an older version."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.neighbours import store as object_store
from workloads import catalog, incoming, lake
from workloads.artifacts import digest_of
from workloads.columns import Column
from workloads.documents import columns_document, training_document
from workloads.experiment import Config, TrainingError, provenance, read_config, read_data
from workloads.incoming import IngestResult, current, ingest
from workloads.screening.train import SCREENING

pytestmark = pytest.mark.usefixtures("tables")
WIDTH, KIND = Column("width", minimum=0, maximum=10), Column("kind", labels=["small", "large"])
DEPTH = Column("depth", minimum=0, maximum=1, optional=True)
SEED = b"width,kind\n9.0,large\n1.0,small\n"
SORTED = b"width,kind\n1.0,small\n9.0,large\n"
TABLES = {layer: f"s3://{bucket}/tables/toys/{layer}" for layer, bucket in (("raw", "raw"), ("features", "features"))}
TABLES["curated"] = "s3://features/tables/toys/curated"


def document(**data: Any) -> str:
    columns = [
        {"name": "width", "minimum": 0, "maximum": 10},
        {"name": "kind", "labels": ["small", "large"]},
    ]
    declared = {"address": TABLES["features"], "version": 0, "digest": digest_of(SORTED)}
    found = {**declared, "columns": columns, "tables": TABLES, **data}
    return json.dumps({"workload": "toys", "model": "toys", "data": found, "parameters": {"seed": 1}})


def config(**data: Any) -> Config:
    return read_config(document(**data))


def bring(store: Any, name: str, content: bytes) -> None:
    store.put_object(Bucket="raw", Key=f"incoming/toys/{name}", Body=content)


def ingested(store: Any, *columns: Column) -> IngestResult:
    return ingest(config(), columns or (WIDTH, KIND), store, lambda: SEED)


def content(layer: str, version: int | None = None) -> bytes:
    return lake.read(TABLES[layer], version).content


def test_the_first_training_makes_the_tables_and_the_next_reads_them(store: Any) -> None:
    assert read_data(config(), store, lambda: SEED) == SORTED
    assert read_data(config(), store, bytes) == SORTED
    assert (content("curated"), content("features")) == (SORTED, SORTED)
    assert store.objects == {}


def test_equal_rows_of_the_seed_data_are_once_in_features(store: Any) -> None:
    twice = SEED + b"9.0,large\n"
    assert read_data(config(), store, lambda: twice) == SORTED
    assert content("curated") == SORTED + b"9.0,large\n"


def test_other_seed_data_than_declared_makes_no_table(store: Any) -> None:
    with pytest.raises(TrainingError, match=r"as a table, has the digest sha256:\w+, but workload.yaml of toys"):
        read_data(config(), store, lambda: SEED + b"2.0,small\n")
    assert not lake.exists(TABLES["features"])


def test_seed_data_of_other_columns_makes_no_table(store: Any) -> None:
    other = b"height,kind\n1.0,small\n"
    with pytest.raises(TrainingError, match=r"has the columns height,kind, but workload.yaml of toys declares width"):
        read_data(config(digest=digest_of(other)), store, lambda: other)
    assert not lake.exists(TABLES["curated"])


def test_a_later_version_of_a_table_that_is_gone_is_not_made_up(store: Any) -> None:
    with pytest.raises(TrainingError, match=r"no table at s3://features/tables/toys/features, but version 3 of it"):
        read_data(config(version=3), store, lambda: SEED)


def test_a_version_with_another_content_than_declared_is_not_trained_on(store: Any) -> None:
    read_data(config(), store, lambda: SEED)
    with pytest.raises(TrainingError, match=r"version 0 of the table at s3://\S+ has the digest"):
        read_data(config(digest="sha256:x"), store, lambda: SEED)
    with pytest.raises(TrainingError, match=r"version 9 of the table at .* can't be read"):
        read_data(config(version=9), store, lambda: SEED)


def test_a_run_records_the_version_and_the_training_signs_it() -> None:
    environ = {
        "GROUNDWORK_TRAINING": document(version=4),
        "GROUNDWORK_JOB": "j",
        "GROUNDWORK_IMAGE": "i@sha256:i",
        "GROUNDWORK_UV_LOCK": "u",
        "GROUNDWORK_CODE_DIGEST": "c",
        "GROUNDWORK_LOCK_DIGEST": "l",
    }
    tags = provenance(config(version=4), environ)
    assert tags["groundwork.data_version"] == "4"
    assert json.loads(tags["groundwork.config"])["data"]["version"] == 4  # its digest is among what is signed


def test_new_rows_are_appended_to_every_table_and_the_newest_version_is_trained_on(store: Any) -> None:
    bring(store, "a.csv", b"\xef\xbb\xbfwidth,kind\r\n2,small\r\n\r\n9.00,large\r\n2,small\r\n")
    assert ingested(store) == IngestResult(accepted=1, quarantined=0, known=0)
    assert content("raw") == b"width,kind\n2,small\n2,small\n9.00,large\n"
    assert content("curated") == b"width,kind\n1.0,small\n2.0,small\n2.0,small\n9.0,large\n9.0,large\n"
    assert content("features") == b"width,kind\n1.0,small\n2.0,small\n9.0,large\n"
    newest = read_config(current(document(), store))
    assert newest.data_version == 1
    assert read_data(newest, store, bytes) == content("features")
    assert [key.split("/")[0] for _, key in store.objects] == ["accepted"]


def test_new_data_is_where_the_document_says_where_tables_do_not(store: Any) -> None:
    store.put_object(Bucket="others", Key="p/incoming/toys/a.csv", Body=b"width,kind\n2,small\n")
    found = ingest(config(incoming="s3://others/p/incoming/toys/"), (WIDTH, KIND), store, lambda: SEED)
    assert found == IngestResult(accepted=1, quarantined=0, known=0)
    ((bucket, key),) = store.objects
    assert (bucket, key.rpartition("/")[0].rpartition("/")[0]) == ("others", "p/accepted/toys")
    assert content("raw") == b"width,kind\n2,small\n"


def test_without_a_table_the_declared_version_is_trained_on(store: Any) -> None:
    assert json.loads(current(document(), store)) == json.loads(document())


def test_a_file_is_appended_once_also_by_a_task_that_was_interrupted(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = lake.append

    def interrupted(address: str, *more: Any) -> bool:
        if address == TABLES["curated"]:
            raise KeyboardInterrupt
        return append(address, *more)

    bring(store, "a.csv", b"width,kind\n2,small\n")
    with monkeypatch.context() as patch:
        patch.setattr(lake, "append", interrupted)
        with pytest.raises(KeyboardInterrupt):
            ingested(store)
    assert ingested(store) == IngestResult(accepted=1, quarantined=0, known=0)
    bring(store, "again.csv", b"width,kind\n2,small\n")
    assert ingested(store) == IngestResult(accepted=0, quarantined=0, known=1)
    assert content("raw") == b"width,kind\n2,small\n"
    assert content("curated") == b"width,kind\n1.0,small\n2.0,small\n9.0,large\n"


def test_wrong_rows_come_into_no_table(store: Any) -> None:
    bring(store, "a.csv", b"width,kind\n11,small\n")
    assert ingested(store) == IngestResult(accepted=0, quarantined=1, known=0)
    assert not any(map(lake.exists, TABLES.values()))


def test_a_file_that_would_make_the_table_too_large_comes_into_none(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(store, "a.csv", b"width,kind\n2,small\n")
    ingested(store)
    monkeypatch.setattr(incoming, "DATA_LIMIT", 39)
    bring(store, "b.csv", b"width,kind\n3,small\n")
    bring(store, "known.csv", b"width,kind\n2,small\n")
    assert ingested(store) == IngestResult(accepted=0, quarantined=1, known=1)
    (report,) = (content for (_, key), content in store.objects.items() if key.endswith(".report.json"))
    assert json.loads(report)["shown"][0]["value"] == "40 bytes, with the rows that are there"
    assert content("curated") == b"width,kind\n1.0,small\n2.0,small\n9.0,large\n"


def test_of_a_table_that_is_trained_on_with_its_repeated_rows_these_count_too(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, "DATA_LIMIT", 45)
    for number, outcome in enumerate([IngestResult(accepted=1, quarantined=0, known=0)] * 2):
        bring(store, "a.csv", b"width,kind\n2,small\n" + b"\n" * number)
        assert ingest(config(address=TABLES["curated"]), (WIDTH, KIND), store, lambda: SEED) == outcome
    bring(store, "a.csv", b"width,kind\n2,small\n\n\n")
    assert ingest(config(address=TABLES["curated"]), (WIDTH, KIND), store, lambda: SEED).quarantined == 1


def test_columns_that_were_changed_without_being_optional_end_the_task_and_the_file_stays(store: Any) -> None:
    read_data(config(), store, lambda: SEED)
    bring(store, "a.csv", b"width,kind,depth\n2,small,1\n")
    needed = Column("depth", minimum=0, maximum=1)
    with pytest.raises(TrainingError, match="depth is not in the table: only optional columns can be added"):
        ingested(store, WIDTH, KIND, needed)
    assert ("raw", "incoming/toys/a.csv") in store.objects
    assert content("features") == SORTED


def test_a_declared_optional_column_is_added_and_the_older_version_trains_as_before(store: Any) -> None:
    read_data(config(), store, lambda: SEED)
    bring(store, "a.csv", b"width,kind,depth\n2,small,0.5\n3,large,\n")
    assert ingested(store, WIDTH, KIND, DEPTH) == IngestResult(accepted=1, quarantined=0, known=0)
    assert content("features") == b"width,kind,depth\n1.0,small,\n2.0,small,0.5\n3.0,large,\n9.0,large,\n"
    assert read_data(config(), store, bytes) == SORTED


def test_rows_are_once_in_features_also_where_a_column_was_added_between_others(store: Any) -> None:
    read_data(config(), store, lambda: SEED)
    first = b"width,depth,kind\n1,,small\n2,0.5,small\n"
    bring(store, "a.csv", first)
    ingested(store, WIDTH, DEPTH, KIND)
    bring(store, "b.csv", first + b"9,,large\n2,0.7,small\n")
    ingested(store, WIDTH, DEPTH, KIND)
    assert content("features") == b"width,kind,depth\n1.0,small,\n2.0,small,0.5\n2.0,small,0.7\n9.0,large,\n"


def test_a_training_of_an_older_version_gives_the_same_model_after_the_table_grew(store: Any) -> None:
    workload = catalog.load("screening")
    declared = json.dumps(training_document(workload, object_store()))
    first = read_config(declared)
    before = fitted(first, store)
    row = SEED_ROW.replace(b"17.99,", b"18.99,")
    header = ",".join(workload.data.columns).encode()
    store.put_object(Bucket="local-raw", Key="incoming/screening/a.csv", Body=header + b"\n" + row)
    columns = [Column(**each) for each in columns_document(workload)]
    assert incoming.ingest(first, columns, store, SCREENING.seed_data).accepted == 1
    newest = read_config(current(declared, store))
    assert (first.data_version, newest.data_version) == (0, 1)
    assert len(read_data(newest, store, bytes)) == len(read_data(first, store, bytes)) + len(row)
    assert fitted(first, store) == before


SEED_ROW = SCREENING.seed_data().splitlines(keepends=True)[1]


def fitted(configured: Config, store: Any) -> bytes:
    """The ONNX graph that a training makes."""
    what, parameters = SCREENING, configured.parameters
    parts = what.split(
        read_data(configured, store, what.seed_data),
        seed=configured.seed,
        test_size=parameters["test_size"],
        declared_rows=configured.declared_rows,
    )
    (name,) = what.classifiers
    model = what.build(name, configured.seed, parameters["models"][name]).fit(parts.x_train, parts.y_train)
    return what.graph(model)


def test_a_row_of_a_table_is_held_out_by_its_content_whatever_else_is_there(store: Any) -> None:
    configured = read_config(json.dumps(training_document(catalog.load("screening"), object_store())))
    whole = read_data(configured, store, SCREENING.seed_data)
    header, *lines = whole.splitlines(keepends=True)

    def held(content: bytes) -> set[tuple[Any, ...]]:
        parts = SCREENING.split(content, seed=1, test_size=0.3, declared_rows=0)
        return set(parts.x_test.itertuples(index=False, name=None))

    half = held(b"".join([header, *lines[::2]]))
    assert half
    assert half < held(whole)


def test_columns_that_a_training_does_not_name_change_nothing_and_rows_without_a_value_are_left_out() -> None:
    header, *lines = (line for line in SCREENING.seed_data().splitlines())
    more = b"\n".join([header + b",site", *(line + b",north" for line in lines)])
    without = b"\n".join([header, *lines, lines[0].replace(b"17.99,", b",", 1)])
    plain, wider, fewer = (
        SCREENING.split(each, seed=1, test_size=0.3, declared_rows=0)
        for each in (b"\n".join([header, *lines]), more, without)
    )
    for name in ("x_train", "x_test", "y_train", "y_test"):
        assert getattr(wider, name).equals(getattr(plain, name))
        assert getattr(fewer, name).equals(getattr(plain, name))


def test_a_column_that_was_added_to_a_table_behind_the_labels_can_be_trained_on() -> None:
    header, *lines = SCREENING.seed_data().splitlines()
    behind = b"\n".join([header + b",thickness", *(line + b",0.5" for line in lines)])
    wider = replace(SCREENING, features=[*SCREENING.features, "thickness"])
    parts = wider.split(behind, seed=1, test_size=0.3, declared_rows=0)
    assert list(parts.x_train.columns) == wider.features
    assert len(parts.x_train) + len(parts.x_test) == len(lines)
    assert set(parts.x_test["thickness"]) == {0.5}
    assert set(parts.y_train) == {"benign", "malignant"}


def test_a_table_without_a_column_that_is_trained_on_is_refused() -> None:
    wider = replace(SCREENING, features=[*SCREENING.features, "thickness"])
    with pytest.raises(TrainingError, match=r"the data set has the columns .*, expected .*'thickness', 'diagnosis'"):
        wider.split(SCREENING.seed_data(), seed=1, test_size=0.3, declared_rows=0)
