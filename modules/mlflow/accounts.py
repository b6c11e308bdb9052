"""The passwords of the server's callers, and the Secrets by which they log in."""

from collections.abc import Mapping, Sequence

import pulumi

from modules.core.component import Component
from modules.core.passwords import generated_password, login_digest

from .documents import (
    ACCOUNTS_SECRET,
    GATEWAY,
    LOGIN_SECRET,
    PEOPLE,
    USERS_SECRET,
    Account,
    accounts_document,
    accounts_of,
    credentials_file,
)


def create_accounts(
    owner: Component,
    *,
    namespace: pulumi.Input[str],
    clients: Mapping[str, pulumi.Input[str]],
    models: Mapping[str, Sequence[str]],
) -> pulumi.Output[str]:
    """Create a password for people and one for each client, and their Secrets. `clients`: their namespaces.
    Return what the server reads, which is in ACCOUNTS_SECRET."""
    people = Account(name=PEOPLE, role="people")
    accounts = {PEOPLE: people, **accounts_of(models)}
    places = {PEOPLE: namespace, **clients}
    passwords = {holder: generated_password(owner, f"{owner.name}-{holder}-password") for holder in accounts}
    for holder, account in accounts.items():
        _login(owner, holder, account.name, passwords[holder], places[holder])
    if GATEWAY in clients:
        line = passwords[PEOPLE].apply(lambda password: login_digest(PEOPLE, password))
        owner.secret(f"{owner.name}-users", USERS_SECRET, values={"digests": line}, namespace=clients[GATEWAY])
    known = list(accounts.values())
    document = pulumi.Output.all(*passwords.values()).apply(
        lambda found: accounts_document(dict(zip(known, found, strict=True)))
    )
    owner.secret(f"{owner.name}-accounts", ACCOUNTS_SECRET, values={"accounts.json": document}, namespace=namespace)
    return document


def _login(
    owner: Component, holder: str, username: str, password: pulumi.Output[str], namespace: pulumi.Input[str]
) -> None:
    owner.secret(
        f"{owner.name}-{holder}-login",
        LOGIN_SECRET,
        values={
            "username": username,
            "password": password,
            "credentials": password.apply(lambda text: credentials_file(username, text)),
        },
        namespace=namespace,
    )
