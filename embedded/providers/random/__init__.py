"""Stands in for the official `random` provider plugin."""
