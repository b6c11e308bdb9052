"""The tasks of screening's DAG, each in a pod of its own: `python -m workloads.screening.tasks TASK`

take_new_data       how many objects were accepted, quarantined, known; exit code 99: none
train_champion      the run of a whole training on the newest version of the table
"""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from workloads import continuous
from workloads.screening.train import SCREENING


def tasks(environ: Mapping[str, str]) -> dict[str, Callable[..., Any]]:
    """By name."""
    return {
        "take_new_data": partial(continuous.take_new_data, environ, SCREENING.seed_data),
        "train_champion": partial(continuous.train_champion, environ, SCREENING),
    }


if __name__ == "__main__":
    sys.exit(continuous.main(tasks))
