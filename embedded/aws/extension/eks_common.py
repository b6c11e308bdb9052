"""What the parts of the EKS extension share: records of a cluster, parameters of a request, answers of updates."""

from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.eks.exceptions import ResourceNotFoundException
from moto.eks.models import EKSBackend
from moto.moto_api._internal import mock_random

from embedded.providers.base.values import is_object

Fields = dict[str, Any]

UPDATES: dict[str, Fields] = {}
"""By their ids."""


def attribute(name: str) -> str:
    """As moto's answers look for a field: resourcesVpcConfig -> resources_vpc_config."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def store(backend: EKSBackend, cluster: str, kind: str) -> dict[str, Fields]:
    """Records of one kind of a cluster, by their names."""
    records: dict[str, dict[str, Fields]] = vars(backend.describe_cluster(cluster)).setdefault("records", {})
    return records.setdefault(kind, {})


def merged(current: Any, new: Any) -> Any:
    """Of a structure, what a request leaves out stays."""
    return {**current, **new} if is_object(current) else new


def missing(message: str) -> ResourceNotFoundException:
    return ResourceNotFoundException(message=message)


def record(response: Any, kind: str, name: str) -> Fields:
    found = store(response.eks_backend, cluster_of(response), kind).get(name)
    if found is None:
        raise missing(f"No {kind} found for name: {name}.")
    return found


def cluster_of(response: Any) -> str:
    return response._get_param("clusterName") or response._get_param("name")


def given(response: Any, *names: str) -> Fields:
    return {name: value for name in names if (value := response._get_param(name)) is not None}


def arn(response: Any, kind: str, *parts: str) -> str:
    backend = response.eks_backend
    where = f"arn:{backend.partition}:eks:{backend.region_name}:{backend.account_id}:{kind}"
    return "/".join([where, *parts])


def updated(kind: str, changes: Fields, **owner: str) -> ActionResult:
    """The answer of an update, which is done at once. owner: name of what it changes."""
    parameters = [{"type": name[:1].upper() + name[1:], "value": str(value)} for name, value in changes.items()]
    number = str(mock_random.uuid4())
    update = {
        "id": number,
        "status": "Successful",
        "type": kind,
        "params": parameters,
        "createdAt": utcnow(),
        "errors": [],
    }
    UPDATES[number] = {**update, **owner}
    return ActionResult({"update": update})
