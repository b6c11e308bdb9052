"""The labelled rows by which a canary is compared with what serves: those that the canary's training held out.

They are split anew, from what the training signed: nothing is taken from the canary's own run.
"""

import csv
import json

from modules.core.errors import UserError
from modules.core.images import with_digest
from modules.core.naming import JOB_LIMIT, hashed
from modules.core.naming import namespace as namespace_of
from modules.core.releases import Pin
from scripts.cli.clients.tracking import Mlflow
from scripts.cli.delivery import jobs
from scripts.cli.delivery.release import Place
from workloads.artifacts import digest_of
from workloads.columns import of_header, read_columns
from workloads.documents import columns_document, held_out_template, trainer
from workloads.experiment import HELD_OUT_LIMIT
from workloads.incoming import examine
from workloads.settings import Workload

Rows = list[dict[str, str]]

LINES = HELD_OUT_LIMIT + 10
"""Of the log that has the rows: their header and what else is said."""


class NoRows(UserError):
    """There are no rows to measure a version by: it is not tried."""


def held_out_rows(place: Place, pin: Pin) -> Rows:
    """Return the rows that a version was not trained on, by column. Raise NoRows where what it was trained with is not
    what was signed, or gives none."""
    name = place.workload.name
    document = _training_document(place, pin)
    namespace, template_name = namespace_of(place.environment.stack, trainer(name)), held_out_template(name)
    template = jobs.template(place.environment, namespace, template_name)
    image = with_digest(jobs.container_of(template)["image"], pin.image_digest)
    job = hashed(template_name, {"image": image, "training": document}, limit=JOB_LIMIT)
    variables = {"GROUNDWORK_TRAINING": document}
    place.progress(f"splitting the data of version {pin.model_version} anew")
    ended = jobs.run(
        place.environment,
        jobs.job_from(template, job, image=image, variables=variables),
        place.progress,
        lines=LINES,
    )
    if ended.failure:
        raise NoRows(ended.failure)
    if not ended.log:
        raise UserError(f"the log of Job {namespace}/{job} could not be read: run the same command again")
    return read_rows(ended.log, place.workload)


def _training_document(place: Place, pin: Pin) -> str:
    """Return the document that the training of a version signed. The registry has it, and may have been written to."""
    version = Mlflow(place.environment).version(pin.model_name, pin.model_version)
    document = version.tags.get("groundwork.config", "") if version else ""
    if (found := digest_of(document.encode())) != pin.config_digest:
        raise NoRows(
            f"model {pin.model_name!r} version {pin.model_version} has a tag groundwork.config of the digest {found}, "
            f"but its training signed {pin.config_digest}"
        )
    return document


def read_rows(log: str, workload: Workload) -> Rows:
    """Return the rows at the end of a Job's log, after their header. Raise NoRows for what the workload's columns do
    not allow."""
    columns, lines = read_columns(json.dumps(columns_document(workload))), log.splitlines()
    headers = [number for number, line in enumerate(lines) if of_header(line, columns)]
    if not headers:
        raise NoRows(f"no line of the Job's log is the header {','.join(workload.data.columns)}")
    begin = headers[-1]
    content = "\n".join(lines[begin:])
    found = examine(content.encode(), of_header(lines[begin], columns))
    if found.count:
        first = found.problems[0]
        raise NoRows(f"line {first.row}, column {first.column!r}: {first.value!r}, allowed is {first.allowed}")
    return list(csv.DictReader(lines[begin:]))
