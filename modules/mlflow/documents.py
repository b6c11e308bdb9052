"""The accounts of the server's callers, and the files that they are in: pure functions."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PEOPLE = "groundwork"
"""Account of people and their commands, which may do everything."""
LOGIN_SECRET, ACCOUNTS_SECRET, USERS_SECRET = "mlflow-login", "mlflow-accounts", "mlflow-users"
"""Of each caller, in its namespace; what the server knows of all; what the gateway knows of people."""
GATEWAY = "gateway"
"""The client that leads people to the server."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """What a caller may do, as files/groundwork_rules.py says it of each role."""

    name: str
    role: str
    names: tuple[str, ...] = ()
    """Of the experiments and registered models that it writes."""


def accounts_of(models: Mapping[str, Sequence[str]]) -> dict[str, Account]:
    """Return the account of each client. `models`: what it writes, by client; who writes nothing only reads."""
    return {
        client: Account(name=f"pods-{client}", role="training" if names else "reader", names=tuple(names))
        for client, names in models.items()
    }


def accounts_document(passwords: Mapping[Account, str]) -> str:
    """Return what the server reads: of each password its hash alone."""
    content = {
        account.name: {
            "sha256": hashlib.sha256(password.encode()).hexdigest(),
            "role": account.role,
            "names": list(account.names),
        }
        for account, password in passwords.items()
    }
    return json.dumps(content, indent=1, sort_keys=True)


def credentials_file(username: str, password: str) -> str:
    """Return a file as MLflow's clients read it."""
    return f"[mlflow]\nmlflow_tracking_username = {username}\nmlflow_tracking_password = {password}\n"
