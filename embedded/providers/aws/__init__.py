"""Stands in for the official `aws` provider plugin, on an emulated account of this machine."""
