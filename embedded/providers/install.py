"""Puts the stand-ins where the engine looks for plugins, in a PULUMI_HOME of the embedded environment's own."""

import os
import shlex
from importlib.metadata import version
from pathlib import Path

PLUGINS = {
    # (kind, name) -> (the package whose version the engine asks for, the module that is run)
    ("language", "python"): ("pulumi", "embedded.providers.language"),
    ("resource", "pulumi-python"): ("pulumi", "embedded.providers.language.dynamic"),
    ("resource", "kubernetes"): ("pulumi-kubernetes", "embedded.providers.kubernetes"),
    ("resource", "random"): ("pulumi-random", "embedded.providers.random"),
    ("resource", "tls"): ("pulumi-tls", "embedded.providers.tls"),
}


def launchers(pulumi_home: Path, python: Path) -> dict[Path, str]:
    """Each launcher's path and text.

    -I keeps the working directory and PYTHONPATH off the module path: the engine starts plugins in the program's
    folder, where a file may be named like a module of ours.
    """
    found: dict[Path, str] = {}
    for (kind, name), (package, module) in PLUGINS.items():
        folder = pulumi_home / "plugins" / f"{kind}-{name}-v{version(package)}"
        text = f'#!/bin/sh\nexec {shlex.quote(str(python))} -I -m {module} "$@"\n'
        found[folder / f"pulumi-{kind}-{name}"] = text
    return found


def engine_variables(backend: Path) -> dict[str, str]:
    """What makes the engine quick with a file backend, without a checkpoint less; backend: the backend's folder.

    Most of its time goes into writing the whole state before and after each step. GOGC: it has a few MB of live data,
    and memory to spare. metadata=skip: no second file with checksums that nothing reads. The number of parallel
    operations: most of them wait for the cluster, and the default goes by the number of processors.
    """
    return {"GOGC": "400", "PULUMI_PARALLEL": "64", "PULUMI_BACKEND_URL": f"file://{backend}?metadata=skip"}


def install(pulumi_home: Path, python: Path) -> None:
    """Writes the launchers; a no-op when they are there already.

    python: an interpreter that has this repository and its packages installed.
    """
    for path, text in launchers(pulumi_home, python).items():
        if path.exists() and path.read_text() == text and os.access(path, os.X_OK):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}")
        unfinished.write_text(text)
        unfinished.chmod(0o755)
        unfinished.replace(path)
    _switch_off_engine_log(pulumi_home)


def _switch_off_engine_log(pulumi_home: Path) -> None:
    """A file in the place of the folder into which the engine writes, unasked, 2.5 MB of trace for 300 resources.

    That is a third of what a preview costs. The engine goes on without; `--logtostderr -v 9` still tells everything.
    """
    log = pulumi_home / "logs"
    if not log.exists():
        log.touch()
