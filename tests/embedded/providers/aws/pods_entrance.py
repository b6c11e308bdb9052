"""Run as a program: an account as its owner reaches it, and as pods do, without clusters and TLS.

The two ports go to standard output.
"""

import os
import threading
from typing import Any

if __name__ == "__main__":
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    from embedded.aws.server import HOST, MotoRequestHandler, OwnersServer, for_pods, make

    plain: Any = make()
    pods = OwnersServer(HOST, 0, for_pods(plain.app.application), MotoRequestHandler)
    threading.Thread(target=plain.serve_forever, daemon=True).start()
    print(plain.port, pods.port, flush=True)
    pods.serve_forever()
