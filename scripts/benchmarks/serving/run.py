"""One run: all servers are up, and are asked in turn, round after round, so that all see the same machine."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from scripts.benchmarks.serving import client, object_store
from scripts.benchmarks.serving.client import Load
from scripts.benchmarks.serving.environments import environment, version
from scripts.benchmarks.serving.model import Trained, published, trained
from scripts.benchmarks.serving.process import Running, free_port, started
from scripts.benchmarks.serving.question import Question
from scripts.benchmarks.serving.report import Case, Subject
from scripts.benchmarks.serving.servers import HTTP, Place, Server, variables

PACED_CLIENTS = 8
"""Who ask at a steady pace; one whose answer is late asks again when it has come."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """seconds, warm_up: of each measurement. cases: in this order."""

    cases: Sequence[Case]
    rounds: int
    seconds: float
    warm_up: float

    def load(self, clients: int, rate: float | None = None) -> Load:
        return Load(clients, self.seconds, self.warm_up, rate)


@dataclass(frozen=True)
class Cores:
    """Which cores run the server that is asked, and the client: apart where the machine has two."""

    server: int
    client: tuple[int, ...]

    @classmethod
    def of_this_machine(cls) -> "Cores":
        first, *others = sorted(os.sched_getaffinity(0))
        return cls(first, tuple(others) or (first,))


@dataclass(frozen=True)
class Target:
    """A server that is up, by one protocol."""

    subject: Subject
    running: Running
    ask: Callable[[int], Question]
    """By the number of rows."""


def measured(servers: Sequence[Server], plan: Plan, folder: Path, say: Say) -> dict[str, Subject]:
    """Return what was measured, by `name protocol`, in the order of the servers."""
    cores = Cores.of_this_machine()
    say(f"servers on core {cores.server}, client on {', '.join(map(str, cores.client))}")
    environments = {server.group: _environment(server, say) for server in servers}
    say("training the model")
    model = trained(folder / "model")
    with ExitStack() as stack:
        store = stack.enter_context(object_store.serving(folder / "store"))
        pod = {**published(model, folder / "store"), **_store_variables(store)}
        targets: dict[str, Target] = {}
        for server in servers:
            place = _place(server, environments[server.group], folder, model, pod)
            targets |= _started(stack, server, place, cores, say)
        _load_all(targets, plan, folder, cores, say)
        for target in targets.values():
            target.subject.memory = target.running.memory()
    return {name: target.subject for name, target in targets.items()}


def _environment(server: Server, say: Say) -> Path:
    say(f"{server.name}: Python environment")
    return environment(server.group)


def _place(server: Server, made: Path, folder: Path, model: Trained, pod: Mapping[str, str]) -> Place:
    own = folder / server.name
    own.mkdir()
    return Place(own, made, (free_port(), free_port(), free_port()), model, pod)


def _store_variables(address: str) -> dict[str, str]:
    keys = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench"}  # our stand-in asks for none
    return {"AWS_ENDPOINT_URL_S3": address, "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", **keys}


def _started(stack: ExitStack, server: Server, place: Place, cores: Cores, say: Say) -> dict[str, Target]:
    command, own = server.start(place)
    first = server.ask[HTTP](place, place.model.some(1))
    running = stack.enter_context(started(command, place.folder, variables(place, own), cores.server, first))
    say(f"{server.name}: first answer after {running.start:.2f} s")
    versions = {package: version(place.environment, package) for package in server.packages}
    found: dict[str, Target] = {}
    for protocol, ask in server.ask.items():
        subject = Subject(f"{server.title}, {protocol}", versions, running.start)
        target = Target(subject, running, lambda rows, ask=ask: ask(place, place.model.some(rows)))
        running.wait(target.ask(1))  # another protocol may be there a moment later
        found[f"{server.name} {protocol}"] = target
    return found


def _load_all(targets: Mapping[str, Target], plan: Plan, folder: Path, cores: Cores, say: Say) -> None:
    for number in range(plan.rounds):
        for case in plan.cases:
            for name, target in targets.items():
                found = client.measure(
                    target.ask(case[0]), plan.load(case[1]), folder, cores.client, target.running.cpu
                )
                target.subject.cases.setdefault(case, []).append(found)
                where = f"round {number + 1} of {plan.rounds}: rows {case[0]}, clients {case[1]}"
                say(f"{where}: {name}: {found.rate:.0f}/s, p99 {found.p99:.2f} ms")
    rows = plan.cases[0][0]
    for number in range(plan.rounds):
        for name, target in targets.items():
            load = plan.load(PACED_CLIENTS, target.subject.greatest(rows) / 2)
            found = client.measure(target.ask(rows), load, folder, cores.client, target.running.cpu)
            target.subject.paced.append(found)
            where = f"round {number + 1} of {plan.rounds}: half of the greatest load"
            say(f"{where}: {name}: {found.rate:.0f}/s, p99 {found.p99:.2f} ms")
