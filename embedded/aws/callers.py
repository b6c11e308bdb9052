"""Which user of this machine has a connection on loopback, which all of them reach.

The account takes any key for a caller's, and its clusters run pods as root: what it serves is for its owner alone.
"""

import os
import socket
import struct
from typing import Any

from werkzeug.serving import ThreadedWSGIServer

from modules.core.errors import UserError

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
NLM_F_REQUEST = 1
HEADER = struct.Struct("=IHHII")
REQUEST = struct.Struct("=BBBxI2s2s16s16sIII")
"""inet_diag_req_v2 of linux/inet_diag.h, whose ports and addresses are in the network's order."""
OWNER = struct.Struct("=II")
OWNER_AT = HEADER.size + 64
"""Where inet_diag_msg has a socket's user and inode: its last two fields."""
ALL_STATES = NO_COOKIE = 0xFFFFFFFF
Address = tuple[str, int]


def user_of(mine: Address, theirs: Address) -> int | None:
    """Return the number of the user whose socket is the other end of a connection of IPv4 within this machine. None
    where no process has it any more: the kernel forgets then whose it was. OSError where the kernel does not say."""
    ends = [struct.pack("!H", port) for _, port in (theirs, mine)]
    hosts = [socket.inet_aton(host).ljust(16, b"\0") for host, _ in (theirs, mine)]
    asked = REQUEST.pack(socket.AF_INET, socket.IPPROTO_TCP, 0, ALL_STATES, *ends, *hosts, 0, NO_COOKIE, NO_COOKIE)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as kernel:
        length = HEADER.size + len(asked)
        kernel.send(HEADER.pack(length, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 1, 0) + asked)
        answer = kernel.recv(8192)
    if HEADER.unpack_from(answer)[1] != SOCK_DIAG_BY_FAMILY:  # it knows of no such connection
        return None
    user, inode = OWNER.unpack_from(answer, OWNER_AT)
    return user if inode else None


class OwnersServer(ThreadedWSGIServer):
    """Closes connections of other users than root and this process's own before a byte of them is read. UserError where
    the kernel does not say whose they are."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        with socket.create_connection((self.host, self.port)) as own:
            if user_of((self.host, self.port), own.getsockname()) != os.geteuid():
                self.server_close()
                raise UserError(
                    "the kernel does not say which user a connection is of, without which the emulated account would "
                    "serve every user of this machine: it needs INET_DIAG and INET_TCP_DIAG (`ss -t` asks them too)"
                )

    def verify_request(self, request: Any, client_address: Any) -> bool:
        try:
            return user_of(request.getsockname(), client_address) in {0, os.geteuid()}
        except OSError:  # of too many open files, for one: who is not known gets nothing
            return False
