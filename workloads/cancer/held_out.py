"""Prints the labelled rows that a training holds out, as CSV: `python -m workloads.cancer.held_out`."""

import sys

from workloads.cancer.train import CANCER
from workloads.classification import print_held_out

if __name__ == "__main__":
    sys.exit(print_held_out(CANCER))
