"""A virtual machine of Debian's own kernel, without acceleration, over this machine's files.

It has control groups of version 2 only. What it writes stays in its memory, save what it puts into one shared folder.
"""

import os
import shlex
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from modules.core.paths import REPOSITORY, cache_home
from scripts.cli.lifecycle import host

from .conftest import run

KERNEL = "linux-image-amd64"
"""Debian's package that depends on its newest kernel."""
NEEDED = {"qemu-system-x86_64": "qemu-system-x86"}
FIRST_MODULES = ("virtio_pci", "9pnet_virtio", "9p", "overlay")
"""Without which the machine does not get at its files; the kernel loads others when it needs them."""
QUIET_SECONDS = 900
"""Without a word on its console, before the machine is given up: many times what anything takes on two free cores."""
LAST_LINES = 60
SHARED = "/run/shared"
"""The shared folder, in the machine."""
INIT = """#!/bin/busybox sh
set -e
export PATH=/bin
/bin/busybox --install -s /bin
for module in $(cat /modules/order); do insmod /modules/$module; done
share=trans=virtio,version=9p2000.L,msize=500000
mkdir /files /written /machine
mount -t 9p -o ro,cache=loose,$share files /files
mount -t tmpfs -o mode=755 tmpfs /written
mkdir /written/upper /written/work
mount -t overlay -o lowerdir=/files,upperdir=/written/upper,workdir=/written/work overlay /machine
cd /machine
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t devtmpfs devtmpfs dev
mkdir -p dev/pts dev/shm
mount -t devpts devpts dev/pts
mount -t tmpfs tmpfs dev/shm
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mkdir -p run/shared lib/modules
mount -t 9p -o $share shared run/shared
ln -sfn {kernel}/lib/modules/{version} lib/modules/{version}
echo {kernel}/bin/modprobe >proc/sys/kernel/modprobe
exec switch_root /machine /bin/bash /run/shared/script
"""
SCRIPT = """
ip link set lo up
cd {repository}
export TERM=dumb {environment}
# The kernel refuses containers' overlays on the overlay below all this: the cluster's data are on a tmpfs.
export XDG_DATA_HOME=/run/data
# What a start waits for: so that the console shows what moves.
while sleep 3; do grep -h '"message": "[^"]' $XDG_DATA_HOME/groundwork/*/*/status.json; done 2>/dev/null | uniq &
(set -e; . scripts/bootstrap; {command})
for logs in $XDG_DATA_HOME/groundwork/*/*/logs; do cp -r $logs {shared}; done 2>/dev/null
sync
echo b >/proc/sysrq-trigger
sleep infinity
"""


def run_in_machine(command: str, shared: Path, log: Path) -> None:
    """Run a command of bash at the root of the repository; return when the machine has ended.

    shared: a folder that the command has as SHARED. The console's output is in `console` there.
    log: of what is installed.
    """
    host.ensure_packages(print, log, NEEDED)
    kernel = debian_kernel()
    version = next((kernel / "lib/modules").iterdir()).name
    initramfs = shared / "initramfs"
    pack_initramfs(kernel, version, initramfs)
    kept = {name: os.environ[name] for name in ("HOME", "PATH", "XDG_CACHE_HOME") if name in os.environ}
    environment = shlex.join(f"{name}={value}" for name, value in kept.items())
    script = SCRIPT.format(
        repository=shlex.quote(str(REPOSITORY)), environment=environment, command=command, shared=SHARED
    )
    (shared / "script").write_text(script)
    console = shared / "console"
    console.touch()
    # It ends with this process, however that ends.
    process = subprocess.Popen(
        ["nice", "-n15", "setpriv", "--pdeathsig=KILL", *emulator(kernel / f"boot/vmlinuz-{version}", shared)],
        stdin=subprocess.DEVNULL,
    )
    try:
        watch(process, console)
    finally:
        process.kill()
        process.wait()


def emulator(kernel: Path, shared: Path) -> list[str]:
    """Return QEMU's command. By -icount the machine's time passes with the instructions that it has done: where this
    machine has little time for it, nothing in it runs out of its own."""
    files = "local,security_model=none"
    return [
        "qemu-system-x86_64",
        *("-accel", "tcg", "-icount", "shift=0", "-cpu", "max", "-m", "5G"),
        *("-nodefaults", "-display", "none", "-no-reboot", "-serial", f"file:{shared / 'console'}"),
        *("-kernel", str(kernel), "-initrd", str(shared / "initramfs"), "-append", "console=ttyS0 panic=-1 quiet"),
        *("-fsdev", f"{files},id=files,path=/,readonly=on,multidevs=remap"),
        *("-device", "virtio-9p-pci,fsdev=files,mount_tag=files"),
        *("-fsdev", f"{files},id=shared,path={shared}"),
        *("-device", "virtio-9p-pci,fsdev=shared,mount_tag=shared"),
    ]


def watch(process: "subprocess.Popen[bytes]", console: Path) -> None:
    """Return when the process ends; fail when nothing new is on its console for a long time."""
    size, since = 0, time.monotonic()
    while process.poll() is None:
        if console.stat().st_size != size:
            size, since = console.stat().st_size, time.monotonic()
        if time.monotonic() - since > QUIET_SECONDS:
            pytest.fail(f"no word for {QUIET_SECONDS} s on the console of the virtual machine, after:\n{last(console)}")
        time.sleep(0.5)


def last(console: Path) -> str:
    return "\n".join(console.read_text(errors="replace").splitlines()[-LAST_LINES:])


def debian_kernel() -> Path:
    """Return the folder of Debian's current kernel, with its modules and a static busybox; unpacked from its packages,
    which are never installed, where this version is not in the cache yet."""
    packages, folder = current()
    if not folder.exists():
        run("apt-get", "-q", "update")  # of the versions in old lists the archive may have none any more
        packages, folder = current()
        assert packages, f"no package {KERNEL} is known here: this test needs the package lists of Debian"
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            unpack(packages, Path(scratch))
            (Path(scratch) / "root").rename(folder)
    return folder


def current() -> tuple[list[str], Path]:
    """Return the packages of the kernel and of busybox, none where no list has them, and the folder of this version."""
    depends = run("apt-cache", "depends", KERNEL, check=False).stdout.splitlines()
    kernels = [line.split()[-1] for line in depends if "Depends: linux-image-" in line]
    packages = [*kernels, "busybox-static"] if kernels else []
    addresses = run("apt-get", "download", "--print-uris", *packages).stdout.splitlines() if packages else []
    files = sorted(line.split()[1].removesuffix(".deb") for line in addresses)
    return packages, cache_home() / "kernels" / ("+".join(files) or "unknown")


def unpack(packages: list[str], scratch: Path) -> None:
    """Put the packages' files into `root`, and make the modules known by what they are good for."""
    root = scratch / "root"
    # As whom apt downloads otherwise may not look into a private folder.
    subprocess.run(["apt-get", "-q", "-oAPT::Sandbox::User=root", "download", *packages], cwd=scratch, check=True)
    for package in scratch.glob("*.deb"):
        run("dpkg-deb", "-x", str(package), str(root))
    (root / "bin/modprobe").symlink_to("busybox")
    run(str(root / "bin/busybox"), "depmod", "-b", str(root), next((root / "lib/modules").iterdir()).name)
    root.chmod(0o755)


def pack_initramfs(kernel: Path, version: str, archive: Path) -> None:
    """Write the file system that the machine starts with: busybox, the first modules, and INIT."""
    modules = kernel / "lib/modules" / version
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        for name in ("bin", "modules"):
            (root / name).mkdir()
        shutil.copy(kernel / "bin/busybox", root / "bin/busybox")
        (root / "init").write_text(INIT.format(kernel=shlex.quote(str(kernel)), version=version))
        (root / "init").chmod(0o755)
        order = load_order((modules / "modules.dep").read_text())
        for path in order:
            shutil.copy(modules / path, root / "modules")
        (root / "modules/order").write_text("\n".join(Path(path).name for path in order))
        pack = f"find . | {shlex.quote(str(kernel / 'bin/busybox'))} cpio -o -H newc >{shlex.quote(str(archive))}"
        subprocess.run(["bash", "-c", pack], cwd=root, stderr=subprocess.DEVNULL, check=True)


def load_order(dependencies: str) -> list[str]:
    """Return the files of FIRST_MODULES and of what they need, each after what it needs itself.

    dependencies: modules.dep, whose lines name a module, then what it needs, the nearest first.
    """
    needs = {path: rest.split() for path, _, rest in (line.partition(":") for line in dependencies.splitlines())}
    found: list[str] = []

    def add(path: str) -> None:
        for each in needs[path]:
            add(each)
        if path not in found:
            found.append(path)

    for name in FIRST_MODULES:
        add(next(path for path in needs if Path(path).name == f"{name}.ko"))
    return found
