"""What a release or a rollback came to, as JSON and as a table."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from scripts.cli.delivery.release import Outcome


def outcome_json(outcome: "Outcome") -> dict[str, object]:
    pins = {"pin": outcome.pin, "previous": outcome.previous}
    shown = {key: pin.model_dump(mode="json", exclude={"history"}) if pin else None for key, pin in pins.items()}
    return {"workload": outcome.workload, "changed": outcome.changed, "address": outcome.address, **shown}


def outcome_table(outcome: "Outcome") -> "Table":
    from rich.table import Table

    pin, previous = outcome.pin, outcome.previous
    state = "serves" if outcome.changed else "serves already: nothing to do"
    table = Table.grid(padding=(0, 2))
    table.add_row("release", f"{pin.release} of {outcome.workload}: {state}")
    table.add_row("model", f"{pin.model_name} version {pin.model_version}")
    table.add_row("digest", pin.model_digest)
    table.add_row("served as", f"{pin.model_format}{f', trusting {list(pin.trusted)}' if pin.trusted else ''}")
    table.add_row("serving image", pin.serving_image)
    if outcome.changed:
        table.add_row(
            "before", f"release {previous.release}, version {previous.model_version}" if previous else "nothing"
        )
    table.add_row("address", outcome.address or "inside the cluster only")
    return table
