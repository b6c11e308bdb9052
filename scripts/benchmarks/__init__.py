"""Benchmarks that are more than the time of a command."""
