"""Cost Explorer: which tags the bill is split by."""

import json
from collections import defaultdict
from typing import Any

from moto.ce.responses import CostExplorerResponse

STATUSES: dict[str, dict[str, str]] = defaultdict(dict)
"""By account: a tag's key -> Active or Inactive. AWS takes a key within a day of its first use; here at once, any."""


def load() -> None:
    for function in (update_cost_allocation_tags_status, list_cost_allocation_tags):
        setattr(CostExplorerResponse, function.__name__, function)


def update_cost_allocation_tags_status(self: Any) -> str:
    for entry in json.loads(self.body)["CostAllocationTagsStatus"]:
        STATUSES[self.current_account][entry["TagKey"]] = entry["Status"]
    return json.dumps({"Errors": []})


def list_cost_allocation_tags(self: Any) -> str:
    asked: dict[str, Any] = json.loads(self.body)
    found = [
        {"TagKey": key, "Type": "UserDefined", "Status": status}
        for key, status in sorted(STATUSES[self.current_account].items())
        if key in (asked.get("TagKeys") or [key]) and status == asked.get("Status", status)
    ]
    return json.dumps({"CostAllocationTags": found})
