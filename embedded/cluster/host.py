"""What a cluster changes on this machine outside its namespaces: one link with two routes and a table of rules for it.
And what it must find."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from modules.core.errors import UserError

from . import firewall
from .cgroups import Cgroups
from .layout import BINARIES, PATH, cni_folder
from .network import Network
from .node import UPLINK, run
from .ports import ensure_free
from .spec import ClusterSpec, Wording

TOOLS = {
    "containerd": "containerd",
    "containerd-shim-runc-v2": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "nft": "nftables",
    "iptables-restore": "iptables",
    "ipset": "ipset",
    "ip": "iproute2",
    "unshare": "util-linux",
    "setpriv": "util-linux",
    "mount": "mount",
}
"""Debian package by the program that the node needs of it."""


def check(spec: ClusterSpec, own_port: int | None, wording: Wording) -> None:
    """Refuses to start a cluster that could not run here: UserError. Changes nothing.

    own_port: what the cluster itself publishes its API server at, while it runs.
    """
    require_root()
    missing = {package for tool, package in TOOLS.items() if shutil.which(tool, path=PATH) is None}
    if cni_folder() is None:
        missing.add("containernetworking-plugins")
    if missing:
        raise UserError(
            f"host: {', '.join(sorted(missing))} missing: install what is called so on Debian, then run again"
        )
    absent = [name for name in BINARIES if not (spec.bin_dir / name).exists()]
    if absent:
        raise UserError(f"toolchain: {', '.join(absent)} not in {spec.bin_dir}: build the toolchain first")
    Cgroups(spec.name).check()
    if spec.api_port is not None and spec.api_port != own_port:
        ensure_free(wording.api_port, spec.api_port)
    check_routes(spec.network, routes(), link_name(spec.name), wording.network)


def require_root() -> None:
    if os.geteuid() != 0:
        raise UserError(
            f"user: {os.geteuid()} may not make the node's namespaces, mounts and routes: run the same command as root"
        )


def routes() -> list[dict[str, Any]]:
    """This machine's IPv4 routes, as `ip` describes them."""
    done = subprocess.run(
        ["ip", "-4", "-json", "route", "show", "table", "all"], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def check_routes(network: str, found: Iterable[dict[str, Any]], own_link: str, called: str) -> None:
    """Refuses a range of addresses that this machine already has a way to, other than the default route."""
    if taken := overlapping(network, found, own_link):
        raise UserError(f"{called}: {network} overlaps {taken}: choose another private /16, such as 10.90.0.0/16")


def overlapping(network: str, found: Iterable[Mapping[str, Any]], own_link: str) -> str | None:
    """The first route into a range of addresses, in words; None where there is only the default route."""
    whole = IPv4Network(network)
    for route in found:
        destination = str(route.get("dst", "default"))
        if destination == "default" or route.get("dev") == own_link:
            continue
        taken = IPv4Network(destination, strict=False)
        if taken.prefixlen > 0 and taken.overlaps(whole):
            return f"{destination}, which this machine reaches by {route.get('dev', 'another route')}"
    return None


def link_name(cluster: str) -> str:
    """This machine's end of the link; the kernel takes 15 characters."""
    return f"gw-{hashlib.sha256(cluster.encode()).hexdigest()[:10]}"


def link_up(cluster: str, network: Network, node_pid: int) -> None:
    """Makes the link into the network namespace of a process, and this machine's routes through it: for root alone."""
    name = link_name(cluster)
    firewall.close(name, network)
    run("ip", "link", "add", name, "type", "veth", "peer", "name", UPLINK, "netns", str(node_pid))
    run("ip", "address", "add", f"{network.host_end}/30", "dev", name)
    run("ip", "link", "set", name, "up")
    for target in (network.pods, network.services):
        run("ip", "route", "add", str(target), "via", str(network.node_end), "dev", name)


def link_down(cluster: str) -> None:
    """Removes the link, and with it its routes, where it is left; and its rules."""
    name = link_name(cluster)
    firewall.remove(name)
    link = Path("/sys/class/net", name)
    if link.exists():
        try:
            run("ip", "link", "delete", name)
        except OSError:
            if link.exists():  # else the kernel was quicker: it goes with the node's end
                raise
