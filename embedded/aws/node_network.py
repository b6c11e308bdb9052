"""The network of a cluster's node, which is not this machine's own: commands, addresses and listeners in it."""

import ctypes
import os
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from embedded.cluster.layout import Layout
from embedded.cluster.processes import descendants, namespace_of
from embedded.cluster.status import daemon_pid
from modules.core.errors import UserError

CLONE_NEWNET = 0x40000000
WAITING = 128
"""Connections that nobody has accepted yet."""


def network_of(layout: Layout) -> Path:
    """Return the file of the node's network namespace. UserError where the node does not run."""
    daemon = daemon_pid(layout)
    for pid in descendants(daemon) if daemon else ():
        if namespace_of(pid, "net") not in {namespace_of(os.getpid(), "net"), None}:
            return Path(f"/proc/{pid}/ns/net")
    raise UserError(f"the cluster in {layout.root} does not run")


def in_network(layout: Layout) -> list[str]:
    """Return what begins a command in the network of a cluster's node. UserError where that does not run."""
    return ["nsenter", f"--net={network_of(layout)}"]


def add_address(layout: Layout, address: str) -> None:
    """Give the node one more address, which its pods reach too."""
    command = [*in_network(layout), "ip", "address", "replace", f"{address}/32", "dev", "lo"]
    subprocess.run(command, stdin=subprocess.DEVNULL, check=True)


def listen(layout: Layout, address: str, port: int) -> socket.socket:
    """Return a socket of this process that listens in the node's network. The namespace is there for as long as it is
    open."""
    file = network_of(layout)

    def opened() -> socket.socket:
        handle = os.open(file, os.O_RDONLY)
        try:
            # Of this thread alone, which ends with the call.
            if ctypes.CDLL(None, use_errno=True).setns(handle, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), f"{file} can't be entered")
        finally:
            os.close(handle)
        return socket.create_server((address, port), backlog=WAITING)

    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(opened).result()
