"""Furnishes the node from inside its new namespaces: mounts, addresses, kernel settings. Runs before anything else."""

import os
import resource
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from modules.core.paths import REPOSITORY

from .image import write_image
from .layout import BINARIES, PAUSE_IMAGE, RUN, VOLUMES, Layout
from .parts import PAUSE_ARCHIVE
from .spec import ClusterSpec

PRIVATE = (Path("/run"), Path("/tmp"), Path("/var/lib"), Path("/var/log"))
"""Folders of this machine that the node's programs write into at fixed places: it gets empty ones of its own."""
KERNEL_SETTINGS = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1000000,
    "kernel/keys/root_maxbytes": 25000000,
}
"""What the kubelet sets for the whole machine where it finds anything else: it is shown files that agree."""
OPEN_FILES = 1024 * 1024
"""What each process in the node may have open, where the machine allows it: pods inherit it."""
CHAIN = "add table ip groundwork; add chain ip groundwork forward { type filter hook forward priority filter - 10 ; }"
UPLINK = "uplink"
"""The node's end of the link."""


def prepare_node(spec: ClusterSpec) -> None:
    """Set up mounts, host name and loopback. The link's end comes later: see `connect`."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, OPEN_FILES), most))
    socket.sethostname(spec.name)
    run("mount", "--make-rshared", "/")
    for folder in PRIVATE:
        mount_tmpfs_over(folder, kept_paths(spec))
    RUN.mkdir(parents=True, exist_ok=True)
    data = Layout(spec.state_dir).data
    bind(data / "kubelet", Path("/var/lib/kubelet"))
    bind(data / "containerd", Path("/var/lib/containerd"))
    bind(data / "log", Path("/var/log"))
    bind(data / "volumes", VOLUMES)
    agree_with_kubelet()
    write_image(spec.bin_dir / "pause", PAUSE_IMAGE, PAUSE_ARCHIVE)
    run("ip", "link", "set", "lo", "up")
    # An address that is there before any pod is. Each pod's link carries it too, as the pod's gateway.
    run("ip", "address", "add", f"{spec.addresses.node}/32", "dev", "lo")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def connect(spec: ClusterSpec) -> None:
    """Addresses the node's end of the link, once this machine has put it here."""
    network = spec.addresses
    run("ip", "address", "add", f"{network.node_end}/30", "dev", UPLINK)
    run("ip", "link", "set", UPLINK, "up")
    # No default route: what is outside is refused at once. A Service's address needs some route to be translated.
    run("ip", "route", "add", str(network.services), "dev", UPLINK)
    # Whatever listens on this machine is not for pods, in namespaces without policies either. Answers pass.
    run("nft", f"{CHAIN}; add rule ip groundwork forward ip daddr {network.host_end} ct state new reject")


def kept_paths(spec: ClusterSpec) -> list[Path]:
    """What the node's programs need of this machine, wherever it lies."""
    binaries = {(spec.bin_dir / name).resolve().parent for name in BINARIES}
    python = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent.parent}
    return sorted({spec.state_dir, spec.registry_dir, spec.bin_dir, REPOSITORY, *binaries, *python})


def mount_tmpfs_over(folder: Path, kept: Sequence[Path]) -> None:
    """Mount a tmpfs over one of this machine's folders, in which only what is `kept` can still be seen."""
    inside = [path for path in kept if path.is_relative_to(folder)]
    outermost = [path for path in inside if not any(path != other and path.is_relative_to(other) for other in inside)]
    handles = {path: os.open(path, os.O_PATH) for path in outermost}
    run("mount", "-t", "tmpfs", "-o", "mode=0755", "groundwork", str(folder))
    for path, handle in handles.items():
        path.mkdir(parents=True)
        run("mount", "--no-canonicalize", "--rbind", f"/proc/self/fd/{handle}", str(path), handles=[handle])
        os.close(handle)


def bind(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    run("mount", "--rbind", str(source), str(target))


def agree_with_kubelet() -> None:
    """Without this the kubelet would change how this whole machine treats memory and panics."""
    for name, value in KERNEL_SETTINGS.items():
        setting = Path("/proc/sys") / name
        shown = RUN / "kernel" / name
        shown.parent.mkdir(parents=True, exist_ok=True)
        shown.write_text(f"{value}\n")
        run("mount", "--bind", str(shown), str(setting))


def run(*command: str, handles: Sequence[int] = ()) -> None:
    """Runs a host tool, which gets the open files `handles` too; what it complains of is in the error."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, pass_fds=handles
    )
    if done.returncode != 0:
        raise OSError(f"`{' '.join(command)}` failed: {done.stderr.strip()}")
