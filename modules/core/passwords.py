"""Generated passwords: 40 random characters, which nobody finds from a quick hash of them."""

import base64
import hashlib

import pulumi
import pulumi_random as random

from .component import Component


def generated_password(owner: Component, resource: str) -> pulumi.Output[str]:
    """Create a password: letters and digits alone."""
    return random.RandomPassword(resource, length=40, special=False, opts=owner.child()).result


def users_line(username: str, password: str) -> str:
    """A line of the file by which a proxy knows a user. A slow hash would let ten wrong logins a second fill the
    proxy's processor."""
    digest = hashlib.sha1(password.encode(), usedforsecurity=False).digest()
    return f"{username}:{{SHA}}{base64.b64encode(digest).decode()}\n"
