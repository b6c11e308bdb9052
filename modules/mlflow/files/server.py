"""Starts the tracking server once its database answers.

    server.py OPTIONS...        what `mlflow server` is given

DATABASE_URI_FILE names the file with the database's address, which holds a password: it reaches the server through its
environment, since arguments can be read by everyone. Exits with 1 when the database does not answer within two minutes.
"""

import os
import sys
import time
from pathlib import Path

import psycopg2  # pyright: ignore[reportMissingModuleSource]

PATIENCE_SECONDS = 120


def main(options: list[str]) -> None:
    uri = Path(os.environ["DATABASE_URI_FILE"]).read_text()
    if not wait(uri):
        sys.exit(f"the database did not answer within {PATIENCE_SECONDS} s")
    # SQLAlchemy's own choice would be another driver than the one that is installed.
    os.environ["MLFLOW_BACKEND_STORE_URI"] = uri.replace("postgresql:", "postgresql+psycopg2:", 1)
    os.execvp("mlflow", ["mlflow", "server", *options])


def wait(uri: str) -> bool:
    """Until the database lets its role in; the reason is printed whenever it is another one."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    reason = ""
    while time.monotonic() < deadline:
        try:
            psycopg2.connect(uri, connect_timeout=5).close()
        except psycopg2.OperationalError as error:
            if str(error) != reason:
                reason = str(error)
                print(f"waiting: {reason.strip()}", file=sys.stderr, flush=True)
            time.sleep(1)
        else:
            return True
    return False


if __name__ == "__main__":
    main(sys.argv[1:])
