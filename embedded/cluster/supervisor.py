"""The node's first process: prepares it, starts its parts in order, starts again what ends, ends all in order.

Started by the daemon inside new namespaces. Reads commands from standard input, one a line: `connect` once the link is
there, `stop`; the end of the input means stop too. Writes what happens to standard output, one JSON object a line.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .api import Client
from .cgroups import Cgroups, pids
from .layout import API_PORT, PATH, Layout
from .logs import keep_bounded
from .node import connect, prepare_node
from .objects import apply_all, lead_to_metrics, node_is_ready, outdated_pods
from .parts import Part, parts
from .processes import command_of, heeds, parent_of
from .spec import ClusterSpec
from .volumes import VolumeOpener

BACK_OFF = (0.2, 0.5, 1, 2, 5, 10)
"""Seconds before a part that ended is started again, the longer the more often it did."""
STEADY_SECONDS = 60
"""A part that lived this long starts with a clean sheet."""
GIVE_UP = 5
"""A part that ended this often before it was ever ready will not be."""
CHECK_SECONDS = 0.1
POD_SECONDS = 25
"""What containers get to end by themselves."""
PART_SECONDS = 8
"""What a part gets to end by itself."""
API_SERVER_SECONDS = 1.5
"""It would wait for everybody who watches something to go, and has nothing to lose."""
OUTDATED_SECONDS = 20
"""How long a start waits for the kubelet to see that the pods of the last run ended with it."""
STOP_ORDER = (
    ("kube-proxy", "kube-router", "metrics-server", "kwok", "coredns", "kube-scheduler", "kube-controller-manager"),
    ("kube-apiserver",),
    ("etcd", "containerd", "registry"),
)

Report = Callable[[dict[str, Any]], None]


class Child:
    """A process of a part; `ended` becomes its exit code."""

    def __init__(self, process: "subprocess.Popen[bytes]", ended: "asyncio.Future[int]") -> None:
        self.process = process
        self.ended = ended


class Children:
    """Starts processes and learns of their end. As the first process it reaps those of others too."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.living: dict[int, Child] = {}
        self.loop.add_signal_handler(signal.SIGCHLD, self._reap)

    def start(self, part: Part, log: Path) -> Child:
        common = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", "OTEL_TRACES_EXPORTER": "none"}
        with log.open("ab") as output:
            process = subprocess.Popen(
                list(part.command),
                cwd="/",
                env={**common, **part.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        child = Child(process, self.loop.create_future())
        self.living[process.pid] = child
        return child

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            child = self.living.pop(pid, None)
            if child is not None:
                code = os.waitstatus_to_exitcode(status)
                child.process.returncode = code
                child.ended.set_result(code)


class Supervisor:
    def __init__(self, spec: ClusterSpec, report: Report) -> None:
        self.spec = spec
        self.report = report
        self.layout = Layout(spec.state_dir)
        self.children = Children()
        self.parts = {part.name: part for part in parts(spec)}
        self.running: dict[str, Child] = {}
        self.done = {name: asyncio.Event() for name in [*self.parts, "objects", "metrics API"]}
        self.tasks: list[asyncio.Task[None]] = []
        self.client = Client(
            str(spec.addresses.node),
            API_PORT,
            ca=self.layout.certificate("ca"),
            certificate=self.layout.certificate("supervisor"),
            key=self.layout.key("supervisor"),
        )

    def start(self) -> None:
        VolumeOpener(self.layout.data / "volumes")
        work = [self.keep(part) for part in self.parts.values()]
        work += [self.objects(), self.metrics(), self.readiness(), self.logs()]
        self.tasks = [asyncio.create_task(task) for task in work]

    async def keep(self, part: Part) -> None:
        """Starts one part when what it needs is ready, and again whenever it ends."""
        for name in part.needs:
            await self.done[name].wait()
        failures = 0
        while True:
            started = time.monotonic()
            self.report({"part": part.name, "state": "starting"})
            child = self.children.start(part, self.log_of(part.name))
            self.running[part.name] = child
            if not part.once:
                await self.until_ready(part, child)
            code = await asyncio.shield(child.ended)  # which a stop still waits for when this task is cancelled
            del self.running[part.name]
            if part.once and code == 0:
                self.is_done(part.name)
                return
            failures = 1 if time.monotonic() - started > STEADY_SECONDS else failures + 1
            final = failures >= GIVE_UP and not self.done[part.name].is_set()
            self.report({"part": part.name, "state": "failed" if final else "ended", "code": code})
            await asyncio.sleep(BACK_OFF[min(failures, len(BACK_OFF)) - 1])

    async def until_ready(self, part: Part, child: Child) -> None:
        while not child.ended.done():
            if await asyncio.to_thread(part.ready):
                self.is_done(part.name)
                return
            await asyncio.sleep(CHECK_SECONDS)

    def is_done(self, name: str) -> None:
        self.done[name].set()
        self.report({"part": name, "state": "ready"})

    async def objects(self) -> None:
        await self.done["kube-apiserver"].wait()
        await self.persist(lambda: apply_all(self.client, self.spec))
        self.is_done("objects")

    async def metrics(self) -> None:
        await self.done["metrics-server"].wait()
        await self.persist(lambda: lead_to_metrics(self.client, self.spec))
        self.is_done("metrics API")

    async def readiness(self) -> None:
        """Says that the cluster is ready once every part was and pods can be placed on the node."""
        since = datetime.now(UTC).replace(microsecond=0)
        for event in self.done.values():
            await event.wait()

        def ready() -> None:
            self.client.text("/readyz")
            if not node_is_ready(self.client, self.spec.name, since):
                raise OSError("waiting for the node")

        def up_to_date() -> None:
            outdated = outdated_pods(self.client, self.spec.name, since)
            if outdated and time.monotonic() < until:
                raise OSError(f"waiting for the kubelet to look after {len(outdated)} pods of the last run")

        await self.persist(ready)
        until = time.monotonic() + OUTDATED_SECONDS
        await self.persist(up_to_date)
        self.report({"state": "ready"})

    async def persist(self, action: Callable[[], None]) -> None:
        """Does something that needs the API server, until it succeeds; says each reason why it doesn't once."""
        reported = ""
        while True:
            try:
                await asyncio.to_thread(action)
            except Exception as error:  # whatever it is, it is reported, and the daemon's patience ends it
                if str(error) != reported:
                    reported = str(error)
                    self.report({"note": reported})
                await asyncio.sleep(CHECK_SECONDS * 2)
            else:
                return

    async def logs(self) -> None:
        while True:
            await asyncio.sleep(10)
            for log in self.layout.logs.glob("*.log"):
                keep_bounded(log)

    async def stop(self) -> None:
        """Ends everything gently: pods first, while nothing starts them anew; what they need after them."""
        for task in self.tasks:
            task.cancel()
        await self.end("kubelet")
        await self.end_pods()
        for group in STOP_ORDER:
            self.report({"note": f"stopping {', '.join(group)}"})
            patience = API_SERVER_SECONDS if "kube-apiserver" in group else PART_SECONDS
            await asyncio.gather(*(self.end(name, patience) for name in group))

    async def end(self, name: str, patience: float = PART_SECONDS) -> None:
        child = self.running.get(name)
        if child is None or child.ended.done():
            return
        child.process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(asyncio.shield(child.ended), patience)
        except TimeoutError:
            child.process.send_signal(signal.SIGKILL)
            await child.ended

    async def end_pods(self) -> None:
        """Asks the first process of each container to end, as the kubelet would, and waits for all of them."""
        pods = Cgroups(self.spec.name).pods()
        until = time.monotonic() + POD_SECONDS
        asked: set[int] = set()
        while time.monotonic() < until:
            # One without a handler can't be asked: it is killed with the node.
            containers = {pid for pid in first_processes(pids(pods)) if heeds(pid, signal.SIGTERM)}
            if not containers:
                return
            if containers != asked:
                self.report({"note": f"waiting for {len(containers)} containers to end"})
            for pid in containers - asked:
                send(pid, signal.SIGTERM)
            asked |= containers
            await asyncio.sleep(CHECK_SECONDS)

    def log_of(self, name: str) -> Path:
        return self.layout.logs / f"{name}.log"


def first_processes(members: Sequence[int]) -> list[int]:
    """Of all processes in pods, those that containers were started with; not the ones that only hold a pod open."""
    return [pid for pid in members if is_shim(parent_of(pid)) and command_of(pid)[:1] != ["/pause"]]


def is_shim(pid: int | None) -> bool:
    """Whether a process is containerd's, between it and a container."""
    return pid is not None and any(program.endswith("/containerd-shim-runc-v2") for program in command_of(pid)[:1])


def send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


async def standard_input() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def main(spec: ClusterSpec) -> None:
    def report(event: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()

    prepare_node(spec)
    supervisor = Supervisor(spec, report)
    reader = await standard_input()
    while (command := (await reader.readline()).strip()) not in {b"stop", b""}:
        if command == b"connect":
            connect(spec)
            supervisor.start()
    await supervisor.stop()


if __name__ == "__main__":
    asyncio.run(main(ClusterSpec.from_json(Path(sys.argv[1]).read_text())))
