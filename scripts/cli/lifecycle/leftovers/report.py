"""`groundwork leftovers`: asks AWS, and prints what is left with what it costs."""

from collections.abc import Sequence

from modules.core.errors import UserError
from scripts.cli.clients.aws_calls import Aws
from scripts.cli.environment import Environment
from scripts.cli.output import console, plain_table, print_json

from .kinds import kinds, prices
from .search import Search, Thing, leftovers


def run(stack: str, *, region: str | None, patience: float, as_json: bool) -> bool:
    """Print what is left. Return whether nothing is, and all was seen."""
    aws = account_of(stack, region)
    found = leftovers(aws, stack, patience=patience)
    if as_json:
        print_json(document(found, aws))
    else:
        _print(stack, found, aws)
    return not found.things and not found.unread


def account_of(stack: str, region: str | None) -> Aws:
    """Return where a stack is. region: None where its file says it. Raise UserError where it is not on AWS, or the
    credentials are of another account."""
    environment = Environment(stack)
    if region is not None:
        return Aws(region)
    settings = environment.settings.aws
    if settings is None:
        raise UserError(
            f"leftovers: stacks/Pulumi.{stack}.yaml says groundwork:foundation.target: "
            f"{environment.settings.foundation.target}: only what is on aws can be looked for"
        )
    aws = Aws(settings.region)
    if aws.account != settings.account:
        raise UserError(
            f"leftovers: these credentials are of account {aws.account}, and stack {stack} is in {settings.account}: "
            "choose some of that account (AWS_PROFILE)"
        )
    return aws


def month_of(things: Sequence[Thing]) -> float:
    """Return what they cost together, as far as that is known."""
    return sum(each.usd or 0.0 for each in things)


def document(found: Search, aws: Aws) -> dict[str, object]:
    """Return what --json prints."""
    return {
        "account": aws.account,
        "region": aws.region,
        "left": [
            {"kind": each.kind, "id": each.id, "usd_per_month": each.usd, "note": each.note} for each in found.things
        ],
        "usd_per_month": round(month_of(found.things), 2),
        "unread": list(found.unread),
    }


def _print(stack: str, found: Search, aws: Aws) -> None:
    screen = console()
    where = f"account {aws.account}, {aws.region}"
    if found.things:
        table = plain_table("kind", "id", "USD a month")
        for each in sorted(found.things, key=lambda one: (-(one.usd or 0.0), one.kind, one.id)):
            cost = f"? ({each.note})" if each.usd is None else f"{each.usd:.2f}" if each.usd else "-"
            table.add_row(each.kind, each.id, f"{cost} (being deleted)" if each.going else cost)
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
