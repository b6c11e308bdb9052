"""Whether the part of Airflow that runs in this pod still beats its heart.

    alive.py KIND        SchedulerJob, DagProcessorJob or TriggererJob

Exits with 0 when it did so within the last minute, else with 1. Asks the database alone: Airflow's own command would
import all of Airflow, for seconds, at every probe. DATABASE_URI_FILE names the file with the database's address.
"""

import os
import socket
import sys
from pathlib import Path

import psycopg2  # pyright: ignore[reportMissingModuleSource]

QUESTION = """
SELECT count(*) FROM job WHERE job_type = %s AND hostname = %s AND state = 'running'
   AND latest_heartbeat > now() - interval '60 seconds'
"""


def main(kind: str) -> int:
    uri = Path(os.environ["DATABASE_URI_FILE"]).read_text()
    address = socket.gethostbyname(socket.gethostname())
    connection = psycopg2.connect(uri, connect_timeout=4)
    try:
        with connection.cursor() as cursor:
            cursor.execute(QUESTION, (kind, address))
            row = cursor.fetchone()
    finally:
        connection.close()
    return 0 if row and row[0] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
