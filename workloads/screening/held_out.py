"""Prints the labelled rows that a training holds out, as CSV: `python -m workloads.screening.held_out`."""

import sys

from workloads.classification import print_held_out
from workloads.screening.train import SCREENING

if __name__ == "__main__":
    sys.exit(print_held_out(SCREENING))
