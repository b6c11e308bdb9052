"""EventBridge: a bus that is changed."""

import json
from typing import Any

from moto.core.utils import unix_time
from moto.events.responses import EventsHandler

FIELDS = {
    "Description": "description",
    "KmsKeyIdentifier": "kms_key_identifier",
    "DeadLetterConfig": "dead_letter_config",
}


def load() -> None:
    if not hasattr(EventsHandler, "update_event_bus"):
        setattr(EventsHandler, "update_event_bus", update_event_bus)  # noqa: B010


def update_event_bus(self: Any) -> tuple[str, dict[str, Any]]:
    bus = self.events_backend.describe_event_bus(self._get_param("Name"))
    for name, attribute in FIELDS.items():
        setattr(bus, attribute, self._get_param(name))
    bus.last_modified_time = unix_time()
    return json.dumps({"Arn": bus.arn, "Name": bus.name}), self.response_headers
