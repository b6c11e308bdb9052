"""New data: ingested from the raw bucket, checked against the workload's columns, and appended to the data set.

    incoming/<workload>/<name>.csv                       what somebody brings
    accepted/<workload>/<sha256>/<name>.csv              what became part of a data set
    quarantine/<workload>/<sha256>/<name>.csv            what did not, and beside it <name>.csv.report.json
    quarantine/<workload>/too-large-<etag>/<name>.csv    the same of what is not even read
    data/<workload>/<sha256>/<file>                      data sets; one never changes
    current/<workload>.json                              which of them is trained on

A workload whose data set is a table of the lake has neither data sets in files nor that state: its rows are appended to
its tables raw (as they came), curated (as checked) and features (each row once). Runs inside the training image.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from workloads import experiment, lake
from workloads.artifacts import ACCEPTED, DATA, INCOMING, TABLES, add_object, data_key, digest_of, keys_below, split_s3
from workloads.columns import Column
from workloads.experiment import Config, say
from workloads.tables import Field, TableError

PROBLEMS_LIMIT = 1000
"""Entries of a report: more would tell a person no more."""
BYTES_LIMIT = 32 * 2**20
"""Of one object: at its end a task that ingests it holds it, its rows and the data set twice, in 512 MiB."""
DATA_LIMIT = 64 * 2**20
"""Of a data set, for the same reason."""
LINE_LIMIT = 64 * 2**10
"""Characters of one line: split into cells it takes fifty times as much."""
SHOWN_LIMIT = 200
"""Characters of a value in a report."""
COPIED_AT_ONCE = 64 * 2**20
"""Bytes that the store copies in one request, far within the client's patience."""
DATA_SET_ALLOWED = (
    f"at most {DATA_LIMIT} bytes: raise DATA_LIMIT of workloads/incoming.py, and with it the memory of the tasks"
)


@dataclass(frozen=True)
class Problem:
    """What is wrong at one place."""

    row: int
    """Line of the file, its header is 1; 0: the file as a whole."""
    column: str
    value: str
    allowed: str


@dataclass
class Examined:
    """What a file holds. Neither many rows nor many problems take more memory than a few times the file."""

    rows: bytes = b""
    """In canonical form, without the header; none where there are problems."""
    count: int = 0
    """Of all problems."""
    problems: list[Problem] = field(default_factory=list[Problem])
    """The first of them."""

    def add(self, row: int, column: str, value: str, allowed: str) -> None:
        self.count += 1
        if len(self.problems) < PROBLEMS_LIMIT:
            self.problems.append(Problem(row, column, value[:SHOWN_LIMIT], allowed))


@dataclass(frozen=True, kw_only=True)
class IngestResult:
    """What became of the objects that were there."""

    accepted: int
    quarantined: int
    known: int
    """Whose content had been ingested before."""


def examine(content: bytes, columns: Sequence[Column]) -> Examined:
    """What a CSV file with a header holds, one row a line."""
    found, written = Examined(), io.BytesIO()
    rows = io.TextIOWrapper(written, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(rows, lineterminator="\n")
    lines = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline="")
    names = [column.name for column in columns]
    try:
        header = _cells(next(lines, ""))
        if header != names:
            found.add(1, "", ",".join(header), f"the header {','.join(names)}")
            return found
        for number, line in enumerate(lines, start=2):
            if (row := _row(number, line, columns, found)) and not found.count:
                writer.writerow(row)
    except (UnicodeDecodeError, csv.Error) as error:
        return Examined(count=1, problems=[Problem(0, "", str(error), "a CSV file in UTF-8, one row a line")])
    if not found.count and not written.tell():
        found.add(0, "", "no rows", "at least one row")
    found.rows = b"" if found.count else written.getvalue()
    return found


def _cells(line: str) -> list[str]:
    if len(line) > LINE_LIMIT:
        raise csv.Error(f"a line of more than {LINE_LIMIT} characters")
    return next(csv.reader([line], strict=True), list[str]())


def _row(number: int, line: str, columns: Sequence[Column], found: Examined) -> list[str]:
    """In canonical form; nothing of an empty line. What is wrong with it is added to what is found."""
    row, before = _cells(line), found.count
    if not row:
        return []
    if len(row) != len(columns):
        found.add(number, "", f"{len(row)} values", f"{len(columns)} values")
        return []
    pairs = list(zip(columns, row, strict=True))
    for column, value in pairs:
        if not column.accepts(value):
            found.add(number, column.name, value, column.allowed)
    return [column.canonical(value) for column, value in pairs] if found.count == before else []


def append_rows(existing: bytes, rows: bytes) -> bytes:
    """Return a data set with more rows at its end."""
    return b"".join([existing, b"" if existing.endswith(b"\n") else b"\n", rows])


def report(name: str, examined: Examined) -> bytes:
    """For a person: what is wrong, where, and what is allowed."""
    shown = [asdict(problem) for problem in examined.problems]
    return (json.dumps({"object": name, "problems": examined.count, "shown": shown}, indent=2) + "\n").encode()


def current(config_document: str, store: Any) -> str:
    """Return the training document with the data set that is trained on now, which may have more rows than declared."""
    document, config = json.loads(config_document), experiment.read_config(config_document)
    if config.tables:
        return _newest(document, config)
    state = _state(config, store)
    return json.dumps({**document, "data": state["data"]}, sort_keys=True, separators=(",", ":"))


def _newest(document: Mapping[str, Any], config: Config) -> str:
    """The training document with the newest version of the table that is trained on. Where it was never made, that is
    the declared one."""
    data = dict(document["data"])
    if lake.exists(config.data_address):
        found = lake.read(config.data_address, None, config.columns)
        data |= {"version": found.version, "digest": digest_of(found.content)}
    return json.dumps({**document, "data": data}, sort_keys=True, separators=(",", ":"))


def _state(config: Config, store: Any) -> dict[str, Any]:
    """{declared: digest, data: as in training documents, parts: digests ingested}. Newly declared data begins anew."""
    bucket, key = _state_place(config)
    if key in keys_below(store, bucket, key):
        state = json.loads(store.get_object(Bucket=bucket, Key=key)["Body"].read())
        if state["declared"] == config.data_digest:
            return state
    data = {"address": config.data_address, "digest": config.data_digest}
    return {"declared": config.data_digest, "data": data, "parts": []}


def _state_place(config: Config) -> tuple[str, str]:
    bucket, root = _root(config)
    return bucket, f"{root}current/{config.workload}.json"


def ingest(config: Config, columns: Sequence[Column], store: Any, seed_data: Callable[[], bytes]) -> IngestResult:
    """Ingest all that was brought. `seed_data` supplies the declared data set where the store has none.

    Each object is moved last: what was interrupted is found again, and no content is ingested twice. What is too large
    is moved after all others, since it takes time."""
    bucket, _ = _root(config)
    counts: Counter[str] = Counter()
    keys = keys_below(store, bucket, _incoming(config))
    objects = {key: store.head_object(Bucket=bucket, Key=key) for key in keys}
    for key in sorted(objects, key=lambda key: (objects[key]["ContentLength"] > BYTES_LIMIT, key)):
        if objects[key]["ContentLength"] > BYTES_LIMIT:
            outcome, target = _set_aside_unread(config, store, key, objects[key])
        else:
            outcome, target = _ingest_one(config, columns, store, seed_data, key)
        counts[outcome] += 1
        store.delete_object(Bucket=bucket, Key=key)
        say(f"{outcome}: {key} is {target} now")
    return IngestResult(accepted=counts["accepted"], quarantined=counts["quarantined"], known=counts["known"])


def _root(config: Config) -> tuple[str, str]:
    """(bucket, what all keys begin with): beside the data sets, the raw table, or new data, lies all else."""
    folder, address = (TABLES, config.tables["raw"]) if config.tables else (DATA, config.data_address)
    if config.incoming:
        folder, address = INCOMING, config.incoming
    bucket, key = split_s3(address)
    return bucket, key.rpartition(f"{folder}/{config.workload}/")[0]


def _incoming(config: Config) -> str:
    return f"{_root(config)[1]}{INCOMING}/{config.workload}/"


def _ingest_one(
    config: Config, columns: Sequence[Column], store: Any, seed_data: Callable[[], bytes], key: str
) -> tuple[str, str]:
    """(outcome, where the object lies now as well)."""
    bucket, root = _root(config)
    content = store.get_object(Bucket=bucket, Key=key)["Body"].read()
    part = digest_of(content)
    place = f"{config.workload}/{part.removeprefix('sha256:')}/{key.removeprefix(_incoming(config))}"
    examined = examine(content, columns)
    outcome = "known"
    if config.tables:
        if not examined.count:
            outcome = _append_to_tables(config, columns, seed_data, content=content, examined=examined, part=part)
    elif not examined.count and part not in (state := _state(config, store))["parts"]:
        outcome = "accepted"
        existing = _read(config, state, store, seed_data)
        if (size := len(existing) + len(examined.rows)) > DATA_LIMIT:
            examined.add(0, "", f"{size} bytes, with the data set that is there", DATA_SET_ALLOWED)
        else:
            _append(config, state, store, existing=existing, rows=examined.rows, part=part)
    if not examined.count:
        _put(store, bucket, f"{root}{ACCEPTED}/{place}", content, "text/csv")
        return outcome, f"{root}{ACCEPTED}/{place}"
    _put(store, bucket, f"{root}quarantine/{place}.report.json", report(key, examined), "application/json")
    _put(store, bucket, f"{root}quarantine/{place}", content, "text/csv")
    return "quarantined", f"{root}quarantine/{place}"


def _set_aside_unread(config: Config, store: Any, key: str, head: Mapping[str, Any]) -> tuple[str, str]:
    """(outcome, where the object lies now as well): the store copies it by itself."""
    from boto3.s3.transfer import TransferConfig

    bucket, root = _root(config)
    name = key.removeprefix(_incoming(config))
    target = f"{root}quarantine/{config.workload}/too-large-{head['ETag'].strip(chr(34))}/{name}"
    examined = Examined()
    examined.add(0, "", f"{head['ContentLength']} bytes", f"at most {BYTES_LIMIT} bytes: bring it in parts")
    _put(store, bucket, f"{target}.report.json", report(key, examined), "application/json")
    parts = TransferConfig(multipart_threshold=COPIED_AT_ONCE, multipart_chunksize=COPIED_AT_ONCE, use_threads=False)
    store.copy({"Bucket": bucket, "Key": key}, bucket, target, Config=parts)
    return "quarantined", target


def _read(config: Config, state: Mapping[str, Any], store: Any, seed_data: Callable[[], bytes]) -> bytes:
    data = state["data"]
    return experiment.read_data(
        replace(config, data_address=data["address"], data_digest=data["digest"]), store, seed_data
    )


def _append(config: Config, state: Mapping[str, Any], store: Any, *, existing: bytes, rows: bytes, part: str) -> None:
    """Store the new data set under its own digest, then the state that names it. `part`: digest of what is appended."""
    bucket, key = split_s3(config.data_address)
    content = append_rows(existing, rows)
    digest = digest_of(content)
    place = f"{_root(config)[1]}{data_key(config.workload, digest, key.rpartition('/')[2])}"
    add_object(store, bucket, place, content, "text/csv")
    say(f"the data set has {_rows(content)} rows now: s3://{bucket}/{place}")
    declared_rows = state["data"].get("declared_rows", _rows(existing))
    data = {"address": f"s3://{bucket}/{place}", "digest": digest, "declared_rows": declared_rows}
    changed = {**state, "data": data, "parts": [*state["parts"], part]}
    _put(store, *_state_place(config), json.dumps(changed, indent=2).encode(), "application/json")


def _append_to_tables(
    config: Config,
    columns: Sequence[Column],
    seed_data: Callable[[], bytes],
    *,
    content: bytes,
    examined: Examined,
    part: str,
) -> str:
    """Append the rows of a file to every table, each once: what was interrupted goes on with the next. Return whether
    they are accepted, or were known. Rows that would be too many are a problem. `part`: the file's digest."""
    raw, curated, features = (config.tables[layer] for layer in ("raw", "curated", "features"))
    try:
        if not lake.exists(config.data_address):
            experiment.make_tables(config, seed_data)
        if lake.has(features, part):
            return "known"
        fields = lake.fields_of(columns)
        size = len(examined.rows) + sum(map(len, lake.rows(config.data_address, fields)))
        if size > DATA_LIMIT:
            examined.add(0, "", f"{size} bytes, with the rows that are there", DATA_SET_ALLOWED)
            return "quarantined"
        fresh = dict.fromkeys(examined.rows.splitlines(keepends=True))
        for line in lake.rows(features, fields):
            fresh.pop(line, None)
        texts = [Field(each.name, "string", each.optional) for each in columns]
        lake.append(raw, texts, _below_header(content), part)
        lake.append(curated, fields, examined.rows, part)
        lake.append(features, fields, b"".join(fresh), part)
    except TableError as error:
        raise experiment.TrainingError(str(error)) from error
    return "accepted"


def _below_header(content: bytes) -> bytes:
    """The lines of a CSV file as they came."""
    lines = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline="")
    next(lines)
    return lines.read().encode()


def _rows(content: bytes) -> int:
    """Of a data set, below its header."""
    return content.count(b"\n") - content.endswith(b"\n")


def _put(store: Any, bucket: str, key: str, content: bytes, kind: str) -> None:
    store.put_object(Bucket=bucket, Key=key, Body=content, ContentType=kind)
