"""Generates the table of AWS's types that the emulated provider works by: `python -m scripts.aws_table`."""
