"""The figures as a table for people and a document for machines."""

import os
from collections.abc import Sequence
from typing import Any

from .kubernetes import Figures

RATIOS = (
    # figure, beside which other, at most
    ("up", "kubectl apply", 2.0),
    ("up, awaited", "kubectl apply and rollout status", 1.3),
    ("destroy", "kubectl delete", 2.0),
    ("up x 2", "up", 2.1),
    ("preview x 2", "preview", 2.1),
    ("destroy x 2", "destroy", 2.1),
)
LIMITS = (("preview", 4.0),)
"""figure, seconds at most"""
ALONE = ("up", "preview", "destroy")
"""Figures of which the engine's own share is told."""
STACK = ("engine", "language host", "program")
PLANE = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
FLOORS = (("up", "kubectl apply"), ("up, awaited", "kubectl apply and rollout status"))


def document(figures: Figures) -> dict[str, Any]:
    """Seconds of every run and their median; processor seconds and MiB by part; each target with whether it is met."""
    runs = {
        name: {
            "seconds": [round(run.seconds, 2) for run in found],
            "median": round(figures.median(name), 2),
            "cpu": {part: round(cost.cpu, 2) for part, cost in figures.costs(name).items()},
            "memory": {part: round(cost.memory, 1) for part, cost in figures.costs(name).items()},
        }
        for name, found in figures.runs.items()
    }
    floors = [{"target": name, "value": round(value, 2)} for name, value in floored(figures, cores())]
    return {"cores": cores(), "runs": runs, "targets": targets(figures), "floors": floors}


def cores() -> int:
    """Processors that a measured command may use."""
    return len(os.sched_getaffinity(0))


def targets(figures: Figures) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name, beside, limit in RATIOS:
        if name in figures.runs and beside in figures.runs:
            value = figures.median(name) / figures.median(beside)
            found.append(_target(f"{name} / {beside}", value, limit))
    for name, limit in LIMITS:
        if name in figures.runs:
            found.append(_target(f"{name}, seconds", figures.median(name), limit))
    return found


def alone(figures: Figures) -> list[tuple[str, str, float]]:
    """Every ratio of a target, with the engine and the SDK alone in the first figure: no provider can be below it."""
    found: list[tuple[str, str, float]] = []
    for name, beside, _ in RATIOS:
        mine = f"{name}, engine alone"
        other = f"{beside}, engine alone" if beside in ALONE else beside
        if mine in figures.runs and other in figures.runs:
            found.append((mine, other, figures.median(mine) / figures.median(other)))
    return found


def floored(figures: Figures, cores: int) -> list[tuple[str, float]]:
    """What a ratio is at least on so many cores, all of them busy without a pause: the processor seconds of the engine
    and the SDK, with a provider that costs nothing, and those of the control plane under kubectl come to that."""
    found: list[tuple[str, float]] = []
    for name, beside in FLOORS:
        if {name, "up, engine alone", beside} <= figures.runs.keys():
            needed = _cpu(figures, "up, engine alone", STACK) + _cpu(figures, beside, PLANE)
            found.append((f"{name} / {beside}", needed / cores / figures.median(beside)))
    return found


def _cpu(figures: Figures, name: str, parts: Sequence[str]) -> float:
    costs = figures.costs(name)
    return sum(costs[part].cpu for part in parts if part in costs)


def _target(name: str, value: float, limit: float) -> dict[str, Any]:
    return {"target": name, "value": round(value, 2), "limit": limit, "met": value <= limit}


def table(figures: Figures) -> str:
    lines = [f"{'':36}{'median s':>10}  processor seconds by part"]
    for name in figures.runs:
        parts = sorted(figures.costs(name).items(), key=lambda entry: -entry[1].cpu)
        told = ", ".join(f"{part} {cost.cpu:.1f}" for part, cost in parts if cost.cpu >= 0.1)
        lines.append(f"{name:36}{figures.median(name):10.1f}  {told}")
    lines.append("")
    for entry in targets(figures):
        mark = "met" if entry["met"] else "MISSED"
        lines.append(f"{entry['target']:48}{entry['value']:8.2f}  at most {entry['limit']:.1f}  {mark}")
    if all(f"{name}, engine alone" in figures.runs for name in ALONE):
        lines += ["", "the engine's and the SDK's own share, by the same stack on a provider that makes nothing:"]
        shares = {name: figures.median(f"{name}, engine alone") / figures.median(name) for name in ALONE}
        lines.append("  " + ", ".join(f"{name} {share:.0%}" for name, share in shares.items()))
        lines += [f"  {name} / {beside}: {value:.2f}" for name, beside, value in alone(figures)]
        lines += ["", f"by the processor seconds of that and of the control plane under kubectl, on {cores()} cores:"]
        lines += [f"  {name}: at least {value:.2f}" for name, value in floored(figures, cores())]
    lines += ["", "memory at most, MiB, during `up`:"]
    parts = sorted(figures.costs("up").items(), key=lambda entry: -entry[1].memory)
    lines.append("  " + ", ".join(f"{part} {cost.memory:.0f}" for part, cost in parts))
    return "\n".join(lines)
