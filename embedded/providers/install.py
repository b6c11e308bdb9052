"""Puts the plugins where the engine looks for them, in a PULUMI_HOME of the embedded environment's own.

The Kubernetes plugin is the official one, built with the toolchain. Stand-ins take the place of those that can't be
built from a package registry: the Python language host, random and tls.
"""

import os
import shlex
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

STAND_INS = {
    # (kind, name) -> (the package whose version the engine asks for, the module that is run)
    ("language", "python"): ("pulumi", "embedded.providers.language"),
    ("resource", "pulumi-python"): ("pulumi", "embedded.providers.language.dynamic"),
    ("resource", "random"): ("pulumi-random", "embedded.providers.random"),
    ("resource", "tls"): ("pulumi-tls", "embedded.providers.tls"),
}
EMULATIONS = {("resource", "aws"): ("pulumi-aws", "embedded.providers.aws")}
"""Of clouds: only an environment on an emulated account has them, in the place of the official plugin."""
StandIns = Mapping[tuple[str, str], tuple[str, str]]


def launchers(pulumi_home: Path, python: Path, stand_ins: StandIns = STAND_INS) -> dict[Path, str]:
    """Each launcher's path and text.

    -I keeps the working directory and PYTHONPATH off the module path: the engine starts plugins in the program's
    folder, where a file may be named like a module of ours.
    """
    found: dict[Path, str] = {}
    for (kind, name), (package, module) in stand_ins.items():
        text = f'#!/bin/sh\nexec {shlex.quote(str(python))} -I -m {module} "$@"\n'
        found[_plugin(pulumi_home, kind, name, package)] = text
    return found


def kubernetes_plugin(pulumi_home: Path) -> Path:
    """Where the engine looks for the plugin of the pinned Kubernetes SDK."""
    return _plugin(pulumi_home, "resource", "kubernetes", "pulumi-kubernetes")


def _plugin(pulumi_home: Path, kind: str, name: str, package: str) -> Path:
    """The engine asks for the release of the SDK's package."""
    return pulumi_home / "plugins" / f"{kind}-{name}-v{version(package)}" / f"pulumi-{kind}-{name}"


def engine_variables(backend: Path) -> dict[str, str]:
    """What makes the engine quick with a file backend, without a checkpoint less; backend: the backend's folder.

    Most of its time goes into writing the whole state before and after each step. GOGC: it has a few MB of live data,
    and memory to spare. metadata=skip: no second file with checksums that nothing reads. The number of parallel
    operations: most of them wait for the cluster, and the default goes by the number of processors.
    """
    return {"GOGC": "400", "PULUMI_PARALLEL": "64", "PULUMI_BACKEND_URL": f"file://{backend}?metadata=skip"}


def install(pulumi_home: Path, python: Path, tools: Path) -> None:
    """Puts the plugins in place; a no-op when they are there already.

    python: an interpreter that has this repository and its packages installed. tools: the folder of the built binaries.
    """
    _write(launchers(pulumi_home, python))
    _link(kubernetes_plugin(pulumi_home), (tools / "pulumi-kubernetes").resolve())
    _switch_off_engine_log(pulumi_home)


def install_emulations(pulumi_home: Path, python: Path) -> None:
    """The stand-ins for clouds too."""
    _write(launchers(pulumi_home, python, EMULATIONS))


def _write(texts: Mapping[Path, str]) -> None:
    for path, text in texts.items():
        if path.exists() and path.read_text() == text and os.access(path, os.X_OK):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}")
        unfinished.write_text(text)
        unfinished.chmod(0o755)
        unfinished.replace(path)


def _link(path: Path, target: Path) -> None:
    if path.is_symlink() and path.readlink() == target:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.symlink_to(target)
    unfinished.replace(path)


def _switch_off_engine_log(pulumi_home: Path) -> None:
    """A file in the place of the folder into which the engine writes, unasked, 2.5 MB of trace for 300 resources.

    That is a third of what a preview costs. The engine goes on without; `--logtostderr -v 9` still logs everything.
    """
    log = pulumi_home / "logs"
    if not log.exists():
        log.touch()
