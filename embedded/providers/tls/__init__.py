"""Stands in for the official `tls` provider plugin."""
