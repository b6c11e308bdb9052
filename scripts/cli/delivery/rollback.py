"""`groundwork rollback`: the previous pin again, with its own serving image, the way of a release: checked, pinned,
rolled out, seen to answer."""

from pathlib import Path

from modules.core.errors import UserError
from modules.core.releases import release_file
from scripts.cli.clients import pins
from scripts.cli.delivery.release import (
    Outcome,
    before,
    check,
    outcome_of,
    place_of,
    roll_out,
    serving_image,
    serving_repository,
    with_running_image,
)
from scripts.cli.steps import Progress


def rollback(stack: str, name: str, progress: Progress, log: Path) -> Outcome:
    """Serve again what served before the current release, which no canary tries again."""
    place = place_of(stack, name, progress, log)
    current = pins.released(place.environment).get(name)
    previous = before(current) if current else None
    if current is None or previous is None:
        state = "nothing was released" if current is None else f"release {current.release} has no previous one"
        raise UserError(
            f"workload {name}: {state} in stack {stack} ({release_file(stack).name}): there is nothing to go back to"
        )
    # A pin of before releases pinned their serving image is tried in today's: nobody knows which one served it.
    today = serving_image(place)
    changed: dict[str, object] = {"release": current.release + 1}
    if not previous.serving_image:
        changed |= {"serving_image": today, "serving_repository": serving_repository(place)}
    after = previous.rejecting(current.pin, "rolled back").model_copy(update=changed)
    try:
        check(place, after)
    except UserError as error:
        if after.serving_image == today:
            raise
        again = f"groundwork release {name} --model-version {after.model_version} --stack {stack}"
        raise UserError(f"{error}\nInstead, `{again}` tries that version in today's serving image.") from error
    roll_out(place, with_running_image(place, current), after, pinned=current)
    return outcome_of(place, after, changed=True, previous=current)
