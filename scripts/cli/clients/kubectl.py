"""Asks the stack's cluster, by the `kubectl` of its toolchain."""

import base64
import json
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from modules.core.errors import UserError
from scripts.cli.clients import aws
from scripts.cli.environment import Environment

NOT_FOUND = "(NotFound)"
PART_OF = "app.kubernetes.io/part-of=groundwork"
ENVIRONMENT = "groundwork.dev/environment"


def run(environment: Environment, *arguments: str, stdin: str | None = None) -> str:
    """Return what the command prints. Raise UserError with kubectl's own output."""
    done = _kubectl(environment, arguments, stdin)
    if done.returncode != 0:
        raise _failed(environment, arguments, done.stderr)
    return done.stdout


def get(environment: Environment, *arguments: str) -> dict[str, Any] | None:
    """An object, or a list of them, as `kubectl get ... -o json` gives it; None where there is no such object."""
    done = _kubectl(environment, ("get", *arguments, "-o", "json"), None)
    if done.returncode == 0:
        return json.loads(done.stdout)
    if NOT_FOUND in done.stderr:
        return None
    raise _failed(environment, ("get", *arguments), done.stderr)


def live(environment: Environment, manifest: Mapping[str, Any]) -> dict[str, Any] | None:
    """An object of any kind as it is now, with its field managers, by a manifest that names it; None without one."""
    arguments = ("get", "-f", "-", "--ignore-not-found", "--show-managed-fields", "-o", "json")
    text = run(environment, *arguments, stdin=json.dumps(manifest))
    return json.loads(text) if text.strip() else None


def items(environment: Environment, *arguments: str) -> list[dict[str, Any]]:
    """The objects of a list."""
    found = get(environment, *arguments)
    return found["items"] if found else []


def selector(environment: Environment) -> str:
    """Return what selects all that the platform made, by its labels."""
    return f"{PART_OF},{ENVIRONMENT}={environment.stack}"


def ours(environment: Environment, kinds: str, namespace: str | None = None) -> list[dict[str, Any]]:
    """The platform's objects of these kinds (`deployments,pods`), in one namespace or in all. Of somebody else's
    cluster only the environment's own namespaces are read: nobody need let it see the others."""
    selected = ("-l", selector(environment))
    if environment.settings.existing is None and namespace is None:
        return items(environment, kinds, "-A", *selected)
    namespaces = [namespace] if namespace else environment.settings.namespaces(environment.stack)
    with ThreadPoolExecutor(len(namespaces)) as pool:
        asked = [pool.submit(items, environment, kinds, "-n", name, *selected) for name in namespaces]
        return [each for answer in asked for each in answer.result()]


def secret(environment: Environment, namespace: str, name: str) -> dict[str, str] | None:
    """The values of a Secret; None where there is none."""
    found = get(environment, "secret", name, "-n", namespace)
    if found is None:
        return None
    return {key: base64.b64decode(value).decode() for key, value in found.get("data", {}).items()}


def _kubectl(
    environment: Environment, arguments: tuple[str, ...], stdin: str | None
) -> "subprocess.CompletedProcess[str]":
    if not _is_known(environment):
        raise UserError(
            f"stack {environment.stack}: its cluster was never started here (no {environment.kubeconfig}): "
            f"run `scripts/up {environment.stack}`"
        )
    command = ["kubectl", "--request-timeout=20s", *arguments]
    variables = environment.process_environment()
    try:
        return subprocess.run(command, env=variables, input=stdin, capture_output=True, text=True, check=False)
    except FileNotFoundError:  # its sources have changed since
        raise UserError(
            f"stack {environment.stack}: kubectl is not built here yet: run `scripts/up {environment.stack}`"
        ) from None


def _is_known(environment: Environment) -> bool:
    """Whether there is a kubeconfig; one for a cluster of EKS is written when it is first needed. UserError where an
    emulated account has ended, and its cluster with it."""
    aws.require_account(environment)
    if environment.kubeconfig.exists():
        return True
    return environment.settings.aws is not None and aws.write_kubeconfig(environment)


def _failed(environment: Environment, arguments: tuple[str, ...], stderr: str) -> UserError:
    text = stderr.strip()
    if "Unable to connect" in text or "connection refused" in text or "no route to host" in text:
        return UserError(f"stack {environment.stack}: its cluster does not answer: run `groundwork start` ({text})")
    return UserError(f"`kubectl {' '.join(arguments)}` failed: {text}")
