"""Stands in for the official `kubernetes` provider plugin, against any real API server."""
