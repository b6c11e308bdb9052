"""A resource that nothing emulates: the account keeps its inputs, and outputs of the form of AWS's.

It is there, changes, is replaced as AWS's schema says, and is gone after a delete. What it would do, it does not.
"""

import datetime
import hashlib
import json
from typing import Any

from embedded.providers.base import Object

from .account import ApiError, creating
from .resource import Live

MISSING = "ResourceNotFoundException"
CHARACTERS = 17
"""Of a generated id, as EC2's have."""
EMPTY: dict[str, Any] = {"string": "", "integer": 0, "number": 0, "boolean": False, "array": [], "map": {}}
HOSTS = ("dnsName", "domainName", "endpoint", "hostname", "fqdn", "address", "url", "uri")
"""How names of outputs end that are a host's, or an address there."""
TIMES = ("At", "Date", "Time")


class Recorded(Live):
    """Kept by Cloud Control, AWS's interface that is the same for all types: embedded/aws/records.py."""

    def _control(self, operation: str, parameters: Object) -> Object:
        return self.call(operation, {"TypeName": self.entry["schema"], **parameters}, "cloudcontrol")

    def _make(self, key: str, *, anew: bool) -> Object:
        seed = hashlib.sha256(f"{key} {self._fingerprint()}".encode()).hexdigest()
        document = {**self._inputs(), **self._made_up(seed)}
        document["Identifier"] = self._identifier(document, seed)
        with creating(key, {"id": document["Identifier"], "inputs": self._fingerprint()}, anew=anew):
            answer = self._control("create_resource", {"DesiredState": json.dumps(document)})
        self.id = self._id_in(answer)
        return answer

    def _id_in(self, answer: Object) -> str:
        return answer["ProgressEvent"]["Identifier"]

    def _inputs(self) -> Object:
        kept = {name: self.values[name] for name in self.entry["inputs"] if self.values.get(name) is not None}
        return {**kept, "region": self.region, **({"tagsAll": self.all_tags} if "tags" in self.entry else {})}

    def _identifier(self, document: Object, seed: str) -> str:
        identity: str = self.entry["identity"]
        return document.get(identity) or f"{identity if identity.endswith('-') else ''}{seed[:CHARACTERS]}"

    def _made_up(self, seed: str) -> Object:
        """Outputs that AWS would give: of the form that their names say, and otherwise empty."""
        kinds: dict[str, str] = self.entry["recorded"]
        return {name: self._output(name, kind, seed) for name, kind in kinds.items()}

    def _output(self, name: str, kind: str, seed: str) -> Any:
        service: str = self.entry["service"]
        label = self.values.get("name") or self.values.get(self.entry["identity"]) or seed[:CHARACTERS]
        if kind != "string":
            return EMPTY.get(kind)
        if name.lower().endswith("arn"):
            owner = f"{service}:{self.region}:{self.account.id}"
            return f"arn:{self.account.partition}:{owner}:{self.entry['resource']}{label}"
        if name.lower().endswith(tuple(host.lower() for host in HOSTS)):
            host = f"{seed[:CHARACTERS]}.{service}.{self.region}.amazonaws.com"
            return f"https://{host}" if name.lower().endswith(("url", "uri")) else host
        if name.endswith("Id"):
            return seed[:CHARACTERS]
        return datetime.datetime.now(datetime.UTC).isoformat() if name.endswith(TIMES) else EMPTY[kind]

    def finish_creation(self) -> None:
        """The record is whole."""

    def resume_creation(self) -> None:
        self.update()

    def update(self) -> None:
        found = self._inputs()
        gone = [name for name in self.entry["inputs"] if name not in found and self.old.get(name) is not None]
        patch = [{"op": "add", "path": f"/{name}", "value": value} for name, value in found.items()]
        patch += [{"op": "remove", "path": f"/{name}"} for name in gone]
        self._control("update_resource", {"Identifier": self.id, "PatchDocument": json.dumps(patch)})

    def delete(self) -> None:
        try:
            self._control("delete_resource", {"Identifier": self.id})
        except ApiError as error:
            if error.code != MISSING:
                raise

    def find(self, *, more: bool = True) -> bool:
        del more
        try:
            answer = self._control("get_resource", {"Identifier": self.id})
        except ApiError as error:
            if error.code != MISSING:
                raise
            return False
        self.item = json.loads(answer["ResourceDescription"]["Properties"])
        return True

    def outputs(self) -> Object:
        return {name: value for name, value in self.item.items() if name != "Identifier"}
