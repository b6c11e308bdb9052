"""The one login of a cluster's registry: generated, in files that only root reads, and for no pod.

This machine pushes with it and the node's containerd pulls with it. The registry has no logins that may only read.
"""

import base64
import json
import secrets

import bcrypt

from .certificates import write_private
from .layout import Layout

USER = "groundwork"
PASSWORD_BYTES = 30
"""40 characters: more than can be guessed, and less than the 72 that bcrypt reads."""
COST = 4
"""bcrypt's lowest: slow hashing protects passwords that people choose, and each request would wait for it."""


def ensure_login(layout: Layout, address: str, user: str = USER) -> None:
    """Make the login where there is none: for clients as `buildah login` writes it, for the registry as its hash.

    address: host:port of the registry. To have another login, remove the file and start the cluster anew."""
    if layout.registry_login.exists():
        return
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(COST)).decode()
    write_private(layout.registry_hashes, f"{user}:{hashed}\n".encode())
    entry = {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}
    # Last: where it is, so is the hash that belongs to it.
    write_private(layout.registry_login, json.dumps({"auths": {address: entry}}).encode())


def header_lines(layout: Layout, address: str) -> str:
    """Return the lines of a hosts.toml by which containerd logs in at the registry. Secret."""
    entry = json.loads(layout.registry_login.read_text())["auths"][address]
    return f'\n  [host."https://{address}".header]\n    Authorization = "Basic {entry["auth"]}"\n'
