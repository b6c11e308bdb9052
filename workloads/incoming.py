"""New data: taken from the raw bucket, held to the workload's columns, and put behind the data set that was there.

    incoming/<workload>/<name>.csv                       what somebody brings
    accepted/<workload>/<sha256>/<name>.csv              what became part of a data set
    quarantine/<workload>/<sha256>/<name>.csv            what did not, and beside it <name>.csv.report.json
    sha256/<sha256>/<file>                               data sets; one never changes
    current/<workload>.json                              which of them is trained on

Runs inside the training image.
"""

import csv
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from workloads import experiment
from workloads.artifacts import digest_of, keys_below, split_s3
from workloads.experiment import Config, say

PROBLEMS_LIMIT = 1000
"""Entries of a report: more would tell a person no more."""
BYTES_LIMIT = 64 * 2**20
"""Of one object: a task has 256 MiB."""


@dataclass(frozen=True)
class Column:
    """What the values of a column may be: numbers between two bounds, or labels."""

    name: str
    minimum: float | None = None
    maximum: float | None = None
    labels: Sequence[str] | None = None

    @property
    def allowed(self) -> str:
        if self.labels is not None:
            return f"one of {', '.join(self.labels)}"
        return f"a number from {self.minimum:g} to {self.maximum:g}"

    def accepts(self, value: str) -> bool:
        if self.labels is not None:
            return value in self.labels
        try:
            number = float(value)
        except ValueError:
            return False
        assert self.minimum is not None
        assert self.maximum is not None
        return math.isfinite(number) and self.minimum <= number <= self.maximum


@dataclass(frozen=True)
class Problem:
    """What is wrong at one place."""

    row: int
    """Line of the file, its header is 1; 0: the file as a whole."""
    column: str
    value: str
    allowed: str


@dataclass(frozen=True, kw_only=True)
class Intake:
    """What became of the objects that were there."""

    accepted: int
    quarantined: int
    known: int
    """Whose content had been taken before."""


def read_columns(document: str) -> list[Column]:
    """From the JSON of workloads/documents.py."""
    return [Column(**each) for each in json.loads(document)]


def examine(content: bytes, columns: Sequence[Column]) -> tuple[list[list[str]], list[Problem]]:
    """(rows of a CSV file without its header, all that is wrong with it)."""
    if len(content) > BYTES_LIMIT:
        return [], [Problem(0, "", f"{len(content)} bytes", f"at most {BYTES_LIMIT} bytes: bring it in parts")]
    try:
        lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        return [], [Problem(0, "", str(error), "a CSV file in UTF-8")]
    names = [column.name for column in columns]
    if not lines or lines[0] != names:
        return [], [Problem(1, "", ",".join(lines[0]) if lines else "", f"the header {','.join(names)}")]
    rows = [(number, line) for number, line in enumerate(lines[1:], start=2) if line]
    if not rows:
        return [], [Problem(0, "", "no rows", "at least one row")]
    problems = [problem for number, row in rows for problem in _row_problems(number, row, columns)]
    return [row for _, row in rows], problems


def _row_problems(number: int, row: Sequence[str], columns: Sequence[Column]) -> list[Problem]:
    if len(row) != len(columns):
        return [Problem(number, "", f"{len(row)} values", f"{len(columns)} values")]
    pairs = zip(columns, row, strict=True)
    return [Problem(number, column.name, value, column.allowed) for column, value in pairs if not column.accepts(value)]


def grown(former: bytes, rows: Sequence[Sequence[str]], columns: Sequence[Column]) -> bytes:
    """A data set with more rows at its end, in one canonical form: equal numbers are spelled alike."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in rows:
        pairs = zip(columns, row, strict=True)
        writer.writerow([value if column.labels is not None else repr(float(value)) for column, value in pairs])
    return former.removesuffix(b"\n") + b"\n" + text.getvalue().encode()


def report(name: str, problems: Sequence[Problem]) -> bytes:
    """For a person: what is wrong, where, and what is allowed."""
    shown = [asdict(problem) for problem in problems[:PROBLEMS_LIMIT]]
    return (json.dumps({"object": name, "problems": len(problems), "shown": shown}, indent=2) + "\n").encode()


def current(config_document: str, store: Any) -> str:
    """The training document with the data set that is trained on now: the declared one, or what it has grown to."""
    document = json.loads(config_document)
    state = _state(experiment.read_config(config_document), store)
    return json.dumps({**document, "data": state["data"]}, sort_keys=True, separators=(",", ":"))


def _state(config: Config, store: Any) -> dict[str, Any]:
    """{declared: digest, data: as in training documents, parts: digests taken}. Newly declared data begins anew."""
    bucket, key = _state_place(config)
    if key in keys_below(store, bucket, key):
        state = json.loads(store.get_object(Bucket=bucket, Key=key)["Body"].read())
        if state["declared"] == config.data_digest:
            return state
    data = {"address": config.data_address, "digest": config.data_digest}
    return {"declared": config.data_digest, "data": data, "parts": []}


def _state_place(config: Config) -> tuple[str, str]:
    return split_s3(config.data_address)[0], f"current/{config.workload}.json"


def take(config: Config, columns: Sequence[Column], store: Any, original: Callable[[], bytes]) -> Intake:
    """Takes all that was brought. Each object is moved last: what was interrupted is found again, and the content of
    one that was taken already is not taken twice."""
    bucket, _ = split_s3(config.data_address)
    prefix = f"incoming/{config.workload}/"
    counts = {"accepted": 0, "quarantined": 0, "known": 0}
    for key in sorted(keys_below(store, bucket, prefix)):
        content = store.get_object(Bucket=bucket, Key=key)["Body"].read()
        part = digest_of(content)
        place = f"{config.workload}/{part.removeprefix('sha256:')}/{key.removeprefix(prefix)}"
        rows, problems = examine(content, columns)
        if problems:
            target, outcome = f"quarantine/{place}", "quarantined"
            _put(store, bucket, f"{target}.report.json", report(key, problems), "application/json")
        else:
            target, outcome = f"accepted/{place}", "known"
            state = _state(config, store)
            if part not in state["parts"]:
                outcome = "accepted"
                former = _read(config, state, store, original)
                _grow(config, state, store, former=former, content=grown(former, rows, columns), part=part)
        counts[outcome] += 1
        _put(store, bucket, target, content, "text/csv")
        store.delete_object(Bucket=bucket, Key=key)
        say(f"{outcome}: {key} is {target} now")
    return Intake(**counts)


def _read(config: Config, state: Mapping[str, Any], store: Any, original: Callable[[], bytes]) -> bytes:
    data = state["data"]
    return experiment.read_data(
        replace(config, data_address=data["address"], data_digest=data["digest"]), store, original
    )


def _grow(config: Config, state: Mapping[str, Any], store: Any, *, former: bytes, content: bytes, part: str) -> None:
    """Stores the new data set under its own digest, then the state that names it. `part`: digest of what was added."""
    bucket, key = split_s3(config.data_address)
    place = f"sha256/{digest_of(content).removeprefix('sha256:')}/{key.rpartition('/')[2]}"
    _put(store, bucket, place, content, "text/csv")
    say(f"the data set has {len(content.splitlines()) - 1} rows now: s3://{bucket}/{place}")
    declared_rows = state["data"].get("declared_rows", len(former.splitlines()) - 1)
    data = {"address": f"s3://{bucket}/{place}", "digest": digest_of(content), "declared_rows": declared_rows}
    changed = {**state, "data": data, "parts": [*state["parts"], part]}
    _put(store, *_state_place(config), json.dumps(changed, indent=2).encode(), "application/json")


def _put(store: Any, bucket: str, key: str, content: bytes, kind: str) -> None:
    store.put_object(Bucket=bucket, Key=key, Body=content, ContentType=kind)
