"""Reads what the pipelines run: each shell step of a Jenkinsfile and of a GitHub Actions workflow, strictly."""

from collections.abc import Iterator
from typing import Any

import tree_sitter
import tree_sitter_groovy
import yaml

from modules.core.paths import REPOSITORY
from modules.jenkins.documents import FILES, PIPELINES

WORKFLOWS = REPOSITORY / ".github" / "workflows"
STEPS = {"archiveArtifacts", "input", "sh", "usernamePassword", "withCredentials"}
"""The steps that a Jenkinsfile may use: nothing runs a command but `sh`."""
OTHERS = {"bat", "build", "dir", "evaluate", "load", "node", "powershell", "pwsh", "script", "ws"}
"""Steps that would run something that is not looked at here."""


class PipelineError(Exception):
    """A step that can't be run by a test."""


def parse(jenkinsfile: str) -> tree_sitter.Node:
    """PipelineError where it is no Groovy."""
    root = tree_sitter.Parser(tree_sitter.Language(tree_sitter_groovy.language())).parse(jenkinsfile.encode()).root_node
    if root.has_error:
        raise PipelineError("the Jenkinsfile does not parse")
    return root


def shell_steps(jenkinsfile: str) -> list[str]:
    """The commands of every `sh '...'`, in order. PipelineError for one that is not a plain single-quoted command."""
    found: list[str] = []
    for node in _walk(parse(jenkinsfile)):
        name = _text(node)
        if node.type != "identifier" or name not in {"sh", *OTHERS}:
            continue
        if name in OTHERS:
            raise PipelineError(f"step {name!r} in line {node.start_point.row + 1}: expected one of {sorted(STEPS)}")
        found.append(_command(node))
    return found


def _command(name: tree_sitter.Node) -> str:
    call = name.parent
    arguments = call.child_by_field_name("args") if call is not None else None
    literals = arguments.named_children if arguments is not None else []
    after = call.next_named_sibling if call is not None else None
    if call is None or (after is not None and after.start_point.row == call.end_point.row):
        raise PipelineError(f"line {name.start_point.row + 1}: sh '...' is part of an expression; it must stand alone")
    if call.type != "juxt_function_call" or [each.type for each in literals] != ["character_literal"]:
        raise PipelineError(f"line {name.start_point.row + 1}: expected sh '...' with one single-quoted command")
    return _text(literals[0])[1:-1]


def _walk(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    yield node
    for child in node.children:
        yield from _walk(child)


def _text(node: tree_sitter.Node) -> str:
    return (node.text or b"").decode()


def workflow(name: str) -> dict[str, Any]:
    return yaml.safe_load((WORKFLOWS / f"{name}.yml").read_text())


def workflow_steps(name: str) -> list[dict[str, Any]]:
    return [step for job in workflow(name)["jobs"].values() for step in job["steps"]]


def commands(name: str) -> dict[str, list[str]]:
    """The shell steps of the pipeline of that name, in order, by the system that runs them."""
    return {
        "jenkins": shell_steps((FILES / f"{name}.Jenkinsfile").read_text()),
        "github": [step["run"] for step in workflow_steps(name) if "run" in step],
    }


def all_commands() -> list[str]:
    """Every shell step of every pipeline on every system, each once, in the order in which they are to run."""
    return list(dict.fromkeys(step for name in PIPELINES for steps in commands(name).values() for step in steps))
