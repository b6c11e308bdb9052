"""`groundwork leftovers`: asks AWS, and prints what is left with what it costs."""

from collections.abc import Sequence

from modules.core.errors import UserError
from scripts.cli.clients.aws import Account
from scripts.cli.environment import Environment
from scripts.cli.output import console, plain_table, print_json

from .kinds import kinds, prices
from .search import Search, Thing, leftovers


def run(stack: str, *, region: str | None, patience: float, as_json: bool) -> bool:
    """Print what is left. Return whether nothing is, and all was seen."""
    account = account_of(stack, region)
    found = leftovers(account, stack, patience=patience)
    if as_json:
        print_json(document(found, account))
    else:
        _print(stack, found, account)
    return not found.things and not found.unread


def account_of(stack: str, region: str | None) -> Account:
    """Return where a stack is, emulated or not. region: None where its file says it. Raise UserError where it is not on
    AWS, or the credentials are of another account."""
    environment = Environment(stack)
    if region is not None:
        return Account(environment, region)
    settings = environment.settings.aws
    if settings is None:
        raise UserError(
            f"leftovers: stacks/Pulumi.{stack}.yaml says groundwork:foundation.target: "
            f"{environment.settings.foundation.target}: only what is on aws can be looked for"
        )
    account = Account(environment)
    if account.number != settings.account:
        raise UserError(
            f"leftovers: these credentials are of account {account.number}, and stack {stack} is in "
            f"{settings.account}: choose some of that account (AWS_PROFILE)"
        )
    return account


def month_of(things: Sequence[Thing]) -> float:
    """Return what they cost together, as far as that is known."""
    return sum(each.usd or 0.0 for each in things)


def cost_of(thing: Thing) -> str:
    """Return what the table says of a thing's price. Pure."""
    known = "?" if thing.usd is None else f"{thing.usd:.2f}" if thing.usd else "-"
    cost = f"{known} ({thing.note})" if thing.note else known
    return f"{cost} (being deleted)" if thing.going else cost


def document(found: Search, account: Account) -> dict[str, object]:
    """Return what --json prints."""
    return {
        "account": account.number,
        "emulated": account.is_emulated,
        "region": account.region,
        "left": [
            {"kind": each.kind, "id": each.id, "usd_per_month": each.usd, "note": each.note} for each in found.things
        ],
        "usd_per_month": round(month_of(found.things), 2),
        "unread": list(found.unread),
    }


def _print(stack: str, found: Search, account: Account) -> None:
    screen = console()
    where = f"account {account.number}, {account.region}{', emulated on this machine' if account.is_emulated else ''}"
    if found.things:
        table = plain_table("kind", "id", "USD a month")
        for each in sorted(found.things, key=lambda one: (-(one.usd or 0.0), one.kind, one.id)):
            table.add_row(each.kind, each.id, cost_of(each))
        screen.print(table)
        screen.print(
            f"{len(found.things)} things of {stack} are left in {where}: {month_of(found.things):.2f} USD a month at "
            f"least, by prices of {prices().region} of {prices().as_of}.",
            highlight=False,
        )
    for line in found.unread:
        screen.print(f"AWS did not show: {line}", highlight=False, markup=False)
    if not found.things and not found.unread:
        screen.print(f"Nothing of {stack} is left in {where}: {len(kinds())} kinds, and all tags.", highlight=False)
