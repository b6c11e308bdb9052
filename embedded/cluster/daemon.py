"""The host-side process of one cluster: makes the node's namespaces and the link, publishes ports, tidies up.

`python -m embedded.cluster.daemon STATE_DIR` goes to the background at once. SIGTERM stops the cluster gently. If it
is killed the kernel ends the whole node with it; only control groups and the rules of the link are left, which the next
start or destroy removes.
"""

import asyncio
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from . import firewall, host, status
from .api import Client
from .background import BackgroundProcesses
from .cgroups import Cgroups
from .forwarder import Forwarder, Target
from .layout import API_PORT, PROXY_PORT, Layout
from .logs import last_output
from .processes import namespace_of
from .proxy import serve_proxy
from .restrictions import PLATFORM
from .spec import ClusterSpec

STOP_SECONDS = 75
"""What the node gets to stop: more than its pods and parts may take."""
RENEW_SECONDS = 12 * 3600
"""How often it is looked whether a certificate comes near its end."""
CLOSE_SECONDS = 10
"""How often it is looked whether the rules of the link are still there."""
NAMESPACES = ("--mount", "--pid", "--net", "--uts", "--ipc")


class Daemon:
    def __init__(self, spec: ClusterSpec) -> None:
        self.spec = spec
        self.layout = Layout(spec.state_dir)
        self.status = status.Status(state="starting", fingerprint=spec.fingerprint())
        self.cgroups = Cgroups(spec.name)
        self.forwarder = Forwarder(self.write_status, PLATFORM if spec.platform else None)
        self.background = BackgroundProcesses(self.layout.background, self.layout.logs, self.write_status)
        self.proxy: asyncio.Server | None = None
        self.node: asyncio.subprocess.Process | None = None
        self.retries: asyncio.Task[None] | None = None
        self.renewal: asyncio.Task[None] | None = None
        self.guard: asyncio.Task[None] | None = None
        self.supervision: asyncio.Task[None] | None = None
        self.ending: asyncio.Task[None] | None = None

    def write_status(self) -> None:
        self.status.published = self.forwarder.state()
        self.status.complaints = self.forwarder.complaints
        self.status.background = self.background.states
        status.write(self.layout, self.status)

    async def run(self) -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.stop)
        self.write_status()
        try:
            self.cgroups.create()
            await self.start_node()
            await self.listen()
        except Exception as error:  # the reason goes to whoever waits for the cluster, and with its story to the log
            self.fail(str(error))
            traceback.print_exc()
        finally:
            await self.tidy()

    async def start_node(self) -> None:
        """Starts the first process in namespaces of its own. It dies with this process: see PR_SET_PDEATHSIG."""
        command = [
            *("setpriv", "--pdeathsig", "KILL"),
            *("unshare", *NAMESPACES, "--fork", "--kill-child", "--mount-proc"),
            *(sys.executable, "-m", "embedded.cluster.supervisor", str(self.layout.spec)),
        ]
        with (self.layout.logs / "supervisor.log").open("ab") as log:
            self.node = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log
            )
        while namespace_of(self.node.pid, "net") in {namespace_of(os.getpid(), "net"), None}:
            if self.node.returncode is not None:
                raise OSError(f"the node's namespaces can't be made: {self.last_output('supervisor')}")
            await asyncio.sleep(0.01)
        host.link_up(self.spec.name, self.spec.addresses, self.node.pid)
        self.guard = asyncio.create_task(self.keep_closed())
        if self.spec.outside_images:
            network = self.spec.addresses
            self.proxy = await serve_proxy(str(network.host_end), PROXY_PORT, client=str(network.node_end))
        self.say("connect")
        await self.publish()

    async def publish(self) -> None:
        address = str(self.spec.addresses.node)
        if self.spec.api_port is not None:
            self.forwarder.fixed = {self.spec.api_port: Target(address, API_PORT, "API server")}
        await self.forwarder.publish({})
        client = Client(
            address,
            API_PORT,
            ca=self.layout.certificate("ca"),
            certificate=self.layout.certificate("forwarder"),
            key=self.layout.key("forwarder"),
        )
        self.forwarder.follow(client)
        self.retries = asyncio.create_task(self.forwarder.persist())
        self.renewal = asyncio.create_task(self.renew())

    async def keep_closed(self) -> None:
        """Puts the rules of the link in place again where somebody removed them."""
        link = host.link_name(self.spec.name)
        while True:
            await asyncio.sleep(CLOSE_SECONDS)
            if await asyncio.to_thread(firewall.is_closed, link):
                continue
            try:
                await asyncio.to_thread(firewall.close, link, self.spec.addresses)
            except OSError as error:
                print(f"{_now()} users of this machine reach the cluster: {error}", flush=True)
            else:
                print(f"{_now()} the rules of the link were gone: put in place again", flush=True)

    async def renew(self) -> None:
        """Has certificates made anew in time: API server, kubelet and their clients read the files again by themselves.
        Another process does it, so that this one holds no library for it while it lives."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            command = (sys.executable, "-m", "embedded.cluster.certificates", str(self.layout.spec))
            process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL)
            if code := await process.wait():
                print(f"{_now()} certificates were not renewed: exit code {code}", flush=True)

    async def listen(self) -> None:
        """Hears what the node says, until it ends."""
        assert self.node is not None
        assert self.node.stdout is not None
        while line := await self.node.stdout.readline():
            self.heard(json.loads(line))
            self.write_status()
        await self.node.wait()
        if self.status.state not in {"stopping", "failed"}:
            self.fail(f"the node ended by itself: {self.last_output('supervisor')}")

    def heard(self, event: dict[str, Any]) -> None:
        if "part" in event:
            name, state = event["part"], event["state"]
            if state in {"ended", "failed"}:
                print(f"{_now()} {name} ended with {event['code']}", flush=True)
            if state == "failed":
                self.fail(f"{name} ended again and again (exit code {event['code']}): {self.last_output(name)}")
            self.status.parts[name] = state
            if self.status.state == "starting":
                waiting = [part for part, its in self.status.parts.items() if its != "ready"]
                self.status.message = f"starting {', '.join(waiting)}" if waiting else "waiting for the node"
        elif "note" in event:
            print(f"{_now()} {event['note']}", flush=True)
            if self.status.state in {"starting", "stopping"}:
                self.status.message = event["note"]
        elif self.status.state == "starting":
            self.status.state, self.status.message = "ready", ""
            self.supervision = asyncio.create_task(self.background.follow())

    def stop(self) -> None:
        if self.ending is None:
            self.ending = asyncio.create_task(self.end())

    async def end(self) -> None:
        """End the background processes first: they work with the cluster."""
        self.status.state, self.status.message = "stopping", "stopping pods"
        self.write_status()
        await self.end_background()
        self.say("stop")
        asyncio.get_running_loop().call_later(STOP_SECONDS, self.kill)

    async def end_background(self) -> None:
        if self.supervision:
            self.supervision.cancel()
            await asyncio.gather(self.supervision, return_exceptions=True)
        await self.background.close()

    def say(self, word: str) -> None:
        if self.node and self.node.stdin and not self.node.stdin.is_closing():
            self.node.stdin.write(f"{word}\n".encode())

    def kill(self) -> None:
        if self.node and self.node.returncode is None:
            self.node.kill()

    def fail(self, why: str) -> None:
        self.status.state, self.status.message = "failed", why

    def last_output(self, part: str) -> str:
        log = self.layout.logs / f"{part}.log"
        return f"{last_output(log)} (log: {log})"

    async def tidy(self) -> None:
        await self.end_background()
        self.kill()
        if self.node:
            await self.node.wait()
        for task in (self.retries, self.renewal, self.guard):
            if task:
                task.cancel()
        if self.proxy:
            self.proxy.close()
        await self.forwarder.close()
        host.link_down(self.spec.name)
        self.cgroups.remove()
        self.write_status()


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S")


async def _run(spec: ClusterSpec) -> None:
    await Daemon(spec).run()


def main(state_dir: Path) -> None:
    """Returns to its caller when the background process has its lock, or has ended without it."""
    layout = Layout(state_dir)
    reader, writer = os.pipe()
    if os.fork() > 0:
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    os.setsid()
    if status.take_lock(layout.lock) is None:
        return
    os.close(writer)
    asyncio.run(_run(ClusterSpec.from_json(layout.spec.read_text())))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
