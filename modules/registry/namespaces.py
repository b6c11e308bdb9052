"""Where builds run: in namespaces of their own; for anyone but this machine's root, as root of a user namespace."""

import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from modules.core.errors import UserError
from modules.core.images import own_architecture

AS_ROOT = ("unshare", "--mount", "--propagation=private")
AS_USER = ("buildah", "unshare")
"""In front of a command that mounts: however it ends, no mount stays."""
PACKAGES = {"buildah": "buildah", "debootstrap": "debootstrap", "newuidmap": "uidmap", "newgidmap": "uidmap"}
"""What builds call, and Debian's package that has it. The last two are for builds without root."""
SYSTEM_PATH = ("/usr/sbin", "/sbin")
"""Where some of it lies, and is not on an ordinary user's PATH."""
IDS = 65_536
"""The ids that Debian's packages give files to, up to that of nobody."""
SWITCHES = {
    "user.max_user_namespaces": "0",
    "kernel.unprivileged_userns_clone": "0",
    "kernel.apparmor_restrict_unprivileged_userns": "1",
}
"""Settings of kernels, with the value at which an ordinary user gets no user namespace, or none that may mount."""
PROBE = "mount -t tmpfs none /mnt && cat /proc/self/uid_map && echo : && cat /proc/self/gid_map"


def is_root() -> bool:
    return os.geteuid() == 0


def in_namespace() -> tuple[str, ...]:
    """Return what goes in front of a command that makes files of several users, and mounts."""
    return AS_ROOT if is_root() else AS_USER


def build_path() -> str:
    """Return PATH for builds."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), *SYSTEM_PATH])


def remove_tree(folder: Path) -> None:
    """Remove a folder of builds, where there is one: files of other ids in it are removed in a namespace only."""
    if is_root() or not folder.exists():
        shutil.rmtree(folder, ignore_errors=True)
    else:
        subprocess.run([*AS_USER, "rm", "-rf", str(folder)], capture_output=True, check=False)


def require_builds(registry: str, architecture: str) -> None:
    """Raise UserError where this user can't build images on this machine, naming all that is missing.

    registry: where the images are to be, host[:port]/path. architecture: of the machines that run them.
    """

    def which(program: str) -> str | None:
        return shutil.which(program, path=build_path())

    missing = missing_programs(which, root=is_root())
    if architecture != own_architecture():
        missing = [f"it is {own_architecture()}, and the nodes are {architecture}"]
    if not missing and not is_root():
        missing = _refused_namespace()
    if missing:
        raise UserError(
            f"images: this machine can't build them as user {_user()}: {'; '.join(missing)}. Or bring them from where "
            f"they are, without building: `groundwork images copy --to {registry}`, on a machine where a stack of this "
            "version runs"
        )


def missing_programs(which: Callable[[str], str | None], *, root: bool) -> list[str]:
    """Return what builds call and this machine lacks, for people."""
    needed = {program: name for program, name in PACKAGES.items() if not (root and name == "uidmap")}
    return [f"{program} is missing (package {name})" for program, name in needed.items() if which(program) is None]


def namespace_obstacles(user: str, uid: int, read: Callable[[str], str]) -> list[str]:
    """Return why a user gets no user namespace with enough ids, for people. read: text of a file, empty where there is
    none."""
    lacking = [file for file in ("subuid", "subgid") if granted_ids(read(f"/etc/{file}"), user, uid) < IDS]
    found = [
        f"/etc/{file} grants {user} fewer than {IDS} ids (as root: `usermod --add-{file}s 100000-165535 {user}`, or "
        "another range that is nobody else's)"
        for file in lacking
    ]
    for name, value in SWITCHES.items():
        if read(f"/proc/sys/{name.replace('.', '/')}").strip() == value:
            found.append(f"user namespaces are switched off for users (sysctl {name} is {value})")
    return found


def granted_ids(text: str, user: str, uid: int) -> int:
    """Return how many ids lines of /etc/subuid or /etc/subgid (user:first:count) grant a user."""
    lines = re.findall(r"^([^:#\n]+):\d+:(\d+)$", text, re.MULTILINE)
    return sum(int(count) for owner, count in lines if owner in {user, str(uid)})


def _refused_namespace() -> list[str]:
    """Tries a namespace with a mount in it; returns why it is none to build in, if so."""
    done = subprocess.run([*AS_USER, "sh", "-c", PROBE], capture_output=True, text=True, check=False)
    maps = done.stdout.split(":")
    if done.returncode == 0 and all(_mapped(text) >= IDS for text in maps):
        return []
    why = namespace_obstacles(_user(), os.getuid(), _read)
    return why or [f"`{' '.join(AS_USER)}` gives no user namespace with {IDS} ids ({' '.join(done.stderr.split())})"]


def _mapped(text: str) -> int:
    """How many ids a namespace has, by its uid_map or gid_map."""
    return sum(int(line.split()[2]) for line in text.splitlines() if line.strip())


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
