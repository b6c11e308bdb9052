"""`groundwork cache push`."""

import os
import time

from embedded.toolchain import build
from modules.core.artifacts import Artifacts
from modules.core.errors import UserError
from modules.registry.build import publish_images
from scripts.cli.clients.cache.cache import Cache
from scripts.cli.clients.cache.signing import KEY_VARIABLE, TRUSTED_VARIABLE, own_public_key
from scripts.cli.clients.cache.stores import EXPECTED, VARIABLE
from scripts.cli.clients.registry import registry_of
from scripts.cli.environment import Environment
from scripts.cli.lifecycle.up import access_of, cluster_of
from scripts.cli.output import note, print_json
from scripts.cli.steps import Progress, Runner, Step, run_or_exit


class Push:
    """The steps that fill a cache from what one stack runs. Both are safe to run again, and beside another push."""

    def __init__(self, environment: Environment, artifacts: Artifacts) -> None:
        self.environment = environment
        self.artifacts = artifacts
        self.cluster = cluster_of(environment)
        self.log = environment.home / "logs" / f"cache-{time.strftime('%Y%m%d-%H%M%S')}.log"
        self.pushed: dict[str, int] = {}

    def steps(self) -> list[Step]:
        return [
            Step(name="toolchain", title="Toolchain", run=self.toolchain),
            Step(name="images", title="Images", run=self.images),
        ]

    def toolchain(self, progress: Progress) -> None:
        self._count("toolchain", build.publish(progress, self.environment.build_targets, self.artifacts), progress)

    def images(self, progress: Progress) -> None:
        pushed = publish_images(
            self.environment.stack,
            registry=registry_of(self.environment),
            access=access_of(self.cluster),
            artifacts=self.artifacts,
            progress=progress,
        )
        self._count("images", pushed, progress)

    def _count(self, kind: str, pushed: int, progress: Progress) -> None:
        self.pushed[kind] = pushed
        progress(f"{pushed} pushed" if pushed else "all were there already")


def push(stack: str, address: str | None, *, as_json: bool) -> None:
    """Fill a cache from what a stack runs, then print what was missing there and how others use it."""
    environment = Environment(stack)
    artifacts = Cache(address_of(address))
    require_running(environment, "cache")
    steps = Push(environment, artifacts)
    run_or_exit(Runner(steps.steps(), steps.log), f"groundwork cache push {artifacts.address} --stack {stack}")
    if as_json:
        print_json({"cache": artifacts.address, "pushed": steps.pushed})
        return
    note(
        f"On another machine: {VARIABLE}={artifacts.address} {TRUSTED_VARIABLE}=FILE scripts/up\n"
        f"FILE is a copy of the public half of the key that signed: {public_key()}"
    )


def require_running(environment: Environment, what: str) -> None:
    """Raise UserError for a stack that does not run: its registry has the images."""
    if not cluster_of(environment).running:
        stack = environment.stack
        raise UserError(
            f"{what}: stack {stack} is not running, and its registry has the images: `scripts/up {stack}` first"
        )


def address_of(given: str | None) -> str:
    """Return the address to fill: the one given, or that of GROUNDWORK_CACHE. UserError where there is neither."""
    address = given or os.environ.get(VARIABLE)
    if not address:
        raise UserError(f"{VARIABLE}: not set, and no address was given: {EXPECTED}")
    return address


def public_key() -> str:
    """Where the public half of the key that signs is, for people."""
    return f"that of {os.environ[KEY_VARIABLE]}" if os.environ.get(KEY_VARIABLE) else str(own_public_key())
