"""Generated passwords, and the quick hash by which a proxy checks them.

40 letters and digits at random are 238 bits: who reads the hash, however quick it is to compute, finds none by trying.
Nobody chooses a password of this kind; one that people choose needs a slow hash, and is refused here.
"""

import hashlib

import pulumi
import pulumi_random as random

from .component import Component

LENGTH = 40


def generated_password(owner: Component, resource: str) -> pulumi.Output[str]:
    """Create a password: letters and digits alone."""
    return random.RandomPassword(resource, length=LENGTH, special=False, opts=owner.child()).result


def login_digest(username: str, password: str) -> str:
    """Return a line of the file by which the gateway knows a login: SHA-256 of `user:password`. It checks one at each
    request: by a slow hash ten a second would fill its processor. Raise ValueError for a password that is shorter than
    a generated one."""
    if len(password) < LENGTH:
        raise ValueError(
            f"the password of {username} has {len(password)} characters: allowed are generated ones, of {LENGTH}"
        )
    return hashlib.sha256(f"{username}:{password}".encode()).hexdigest().upper() + "\n"
