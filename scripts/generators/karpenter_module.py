"""Karpenter's own module, of the version that is built here."""

import json
import os
import subprocess
from pathlib import Path

from embedded.toolchain.build import toolchain_home
from embedded.toolchain.compiler import RELEASE, go_environment
from embedded.toolchain.targets import KARPENTER_KWOK, pinned_version

MODULE = "github.com/aws/karpenter-provider-aws"
VERSION = pinned_version(KARPENTER_KWOK.folder / "go.mod", MODULE)


def downloaded(scratch: Path) -> Path:
    """Return the folder of the module's files, below `scratch`."""
    go = toolchain_home() / f"golang-{RELEASE}/bin/go"
    environment = {**go_environment(os.environ), "GOMODCACHE": str(scratch), "GOFLAGS": "-modcacherw"}
    command = [go, "mod", "download", "-json", f"{MODULE}@{VERSION}"]
    done = subprocess.run(command, check=True, cwd=scratch, env=environment, stdout=subprocess.PIPE)
    return Path(json.loads(done.stdout)["Dir"])
