"""Prints the labelled rows that a training holds out, as CSV: `python -m workloads.neighbours.held_out`."""

import sys

from workloads.classification import print_held_out
from workloads.neighbours.train import NEIGHBOURS

if __name__ == "__main__":
    sys.exit(print_held_out(NEIGHBOURS))
