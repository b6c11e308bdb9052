"""What moto lacks, added to its own classes, so that every client of the account sees it."""

from . import s3


def load() -> None:
    """Once in a process, before its first request."""
    s3.load()
