"""`groundwork credentials`: how to log in to a service. The only command that shows a secret."""

from dataclasses import asdict, dataclass

from modules.core.errors import UserError
from modules.core.naming import namespace
from modules.core.service import Login
from modules.core.settings import PROJECT
from modules.storage.service import STORAGE
from scripts.cli.clients import kubectl
from scripts.cli.environment import Environment
from scripts.cli.lifecycle import entry, services
from scripts.cli.output import console, note, plain_table, print_json
from stacks.services import logins


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """How to log in to one service."""

    service: str
    url: str | None
    """None where `groundwork open` has to lead there."""
    username: str
    password: str


def run(stack: str, service: str | None, *, as_json: bool) -> None:
    environment = Environment(stack)
    known = logins()
    if service is not None and service not in known:
        raise UserError(f"service: {service!r} has no login of its own; those that have: {', '.join(sorted(known))}")
    if service in (elsewhere := _elsewhere(environment)):
        raise UserError(f"service {service}: somebody else runs it, as {elsewhere[service]}")
    addresses = {found.name: found.address for found in services.find(environment)}
    names = [service] if service else sorted(known.keys() & addresses.keys())
    found = [read(environment, name, known[name], addresses) for name in names]
    if as_json:
        print_json([asdict(row) for row in found])
        return
    table = plain_table("service", "address", "user name", "password")
    for row in found:
        table.add_row(row.service, row.url or f"groundwork open {row.service}", row.username, row.password)
    console().print(table)
    if environment.settings.entry.forwarded:
        note(entry.while_forwarded(stack))


def _elsewhere(environment: Environment) -> dict[str, str]:
    """Who logs in to the data services that somebody else runs, by service: the stack's file says it."""
    settings, words = environment.settings, dict[str, str]()
    if settings.external_store:
        words[STORAGE.name] = (
            f"foundation.storage says: its access key is {settings.external_store.access_key_id}, whose secret "
            f"`pulumi config get {PROJECT}:storage_secret_key` prints"
        )
    if settings.external_database:
        names = " or ".join(sorted(settings.external_database.passwords()))
        words["postgresql"] = (
            "foundation.database says, with its roles; their passwords are what "
            f"`pulumi config get --path {PROJECT}:database_passwords.NAME` prints for {names}"
        )
    return words


def read(environment: Environment, name: str, login: Login, addresses: dict[str, str | None]) -> Credentials:
    values = kubectl.secret(environment, namespace(environment.stack, login.namespace), login.secret)
    if values is None or login.password not in values or name not in addresses:
        raise UserError(
            f"service {name}: it is not there in stack {environment.stack}: run `scripts/up {environment.stack}`"
        )
    return Credentials(
        service=name,
        url=addresses[name],
        username=values.get(login.username, login.username),
        password=values[login.password],
    )
