"""`python -m embedded.aws [PORT [PRICES]]`: serve the account on 127.0.0.1 until a signal ends it; its port goes to
standard output. Without PORT, or with 0, the system chooses one. PRICES: a JSON file of what an hour of each instance
type costs."""

import json
import os
import signal
import sys
from pathlib import Path

# moto reads it as it is imported. Without it, every policy that AWS manages is refused.
os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"

from .server import make


def main() -> None:
    arguments = sys.argv[1:]
    port = int(arguments[0]) if arguments else 0
    server = make(port, json.loads(Path(arguments[1]).read_text()) if len(arguments) > 1 else None)

    def end(*_: object) -> None:
        os._exit(0)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    print(server.port, flush=True)
    server.serve_forever()


main()
