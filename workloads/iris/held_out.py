"""Prints the labelled rows that a training holds out, as CSV: `python -m workloads.iris.held_out`.

A release is measured by them. They follow from the training document alone, so that nobody needs to take the word of a
run for them.
"""

import os
import sys

from workloads import experiment
from workloads.artifacts import object_store
from workloads.experiment import TrainingError, say
from workloads.iris.train import held_out_csv, seed_data, split


def held_out(document: str) -> str:
    """Return the rows that a training with this document holds out: a header, then at most as many as a log takes."""
    config = experiment.read_config(document)
    content = experiment.read_data(config, object_store(), seed_data)
    parts = split(
        content, seed=config.seed, test_size=config.parameters["test_size"], declared_rows=config.declared_rows
    )
    return held_out_csv(parts, seed=config.seed)


def main() -> int:
    try:
        say(held_out(os.environ["GROUNDWORK_TRAINING"]))
    except TrainingError as error:
        say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
