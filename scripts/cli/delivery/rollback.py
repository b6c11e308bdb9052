"""`groundwork rollback`: the former pin again, the way of a release: checked, pinned, rolled out, seen to answer."""

from pathlib import Path

from modules.core.errors import UserError
from modules.core.releases import release_file
from scripts.cli.clients import pins
from scripts.cli.delivery.release import Outcome, before, check, outcome_of, place_of, roll_out
from scripts.cli.steps import Progress


def rollback(stack: str, name: str, progress: Progress, log: Path) -> Outcome:
    """Serves again what served before the present release, which no watch tries again by itself."""
    place = place_of(stack, name, progress, log)
    present = pins.released(place.environment).get(name)
    former = before(present) if present else None
    if present is None or former is None:
        state = "nothing was released" if present is None else f"release {present.release} has no former one"
        raise UserError(
            f"workload {name}: {state} in stack {stack} ({release_file(stack).name}): there is nothing to go back to"
        )
    after = former.refusing(present.pin, "rolled back").model_copy(update={"release": present.release + 1})
    check(place, after)
    roll_out(place, present, after, pinned=present)
    return outcome_of(place, after, changed=True, former=present)
