"""Generated passwords, and the quick hash by which a proxy checks them.

40 letters and digits at random are 238 bits: who reads the hash, however quick it is to compute, finds none by trying.
Nobody chooses a password of this kind; one that people choose needs a slow hash, and is refused here.
"""

import base64
import hashlib

import pulumi
import pulumi_random as random

from .component import Component

LENGTH = 40


def generated_password(owner: Component, resource: str) -> pulumi.Output[str]:
    """Create a password: letters and digits alone."""
    return random.RandomPassword(resource, length=LENGTH, special=False, opts=owner.child()).result


def users_line(username: str, password: str) -> str:
    """Return a line of the file by which a proxy knows a user. It checks the password at each request: by a slow hash
    ten a second would fill its processor. Raise ValueError for a password that is shorter than a generated one."""
    if len(password) < LENGTH:
        raise ValueError(
            f"the password of {username} has {len(password)} characters: allowed are generated ones, of {LENGTH}"
        )
    digest = hashlib.sha1(password.encode(), usedforsecurity=False).digest()
    return f"{username}:{{SHA}}{base64.b64encode(digest).decode()}\n"
