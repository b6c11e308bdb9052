"""`python -m embedded.aws [PORT]`: serve the account on 127.0.0.1 until a signal ends it; its port goes to standard
output. Without PORT, or with 0, the system chooses one."""

import os
import signal
import sys

# moto reads it as it is imported. Without it, every policy that AWS manages is refused.
os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"

from .server import make


def main() -> None:
    server = make(int(sys.argv[1]) if len(sys.argv) > 1 else 0)

    def end(*_: object) -> None:
        os._exit(0)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    print(server.port, flush=True)
    server.serve_forever()


main()
