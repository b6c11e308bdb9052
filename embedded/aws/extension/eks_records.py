"""EKS: add-ons, access entries with their policies, pod identities. Kept as the API's own structures, by cluster."""

from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow
from moto.eks.exceptions import InvalidParameterException, InvalidRequestException, ResourceInUseException
from moto.moto_api._internal import mock_random

from . import eks_addons, eks_planes
from .eks_common import Fields, arn, cluster_of, given, missing, record, store, updated


def create_addon(self: Any) -> ActionResult:
    name: str = self._get_param("addonName")
    known = store(self.eks_backend, cluster_of(self), "addon")
    if name in known:
        raise ResourceInUseException(message="Addon already exists.", addonName=name)
    made: Fields = {
        "addonName": name,
        "clusterName": cluster_of(self),
        "status": "ACTIVE",
        "health": {"issues": []},
        "addonArn": arn(self, "addon", cluster_of(self), name, str(mock_random.uuid4())),
        "createdAt": utcnow(),
        "modifiedAt": utcnow(),
        "tags": {},
        "addonVersion": "v1.0.0-eksbuild.1",
        **given(self, "addonVersion", "serviceAccountRoleArn", "configurationValues", "tags", "namespaceConfig"),
    }
    known[name] = made
    _associate(self, made)
    eks_addons.begin(self.eks_backend, self.eks_backend.describe_cluster(cluster_of(self)), made)
    return ActionResult({"addon": made})


def _associate(self: Any, addon: Fields) -> None:
    """An add-on's own pod identities, each of which is an association of the cluster."""
    asked: list[Fields] | None = self._get_param("podIdentityAssociations")
    if asked is None:
        return
    associations = store(self.eks_backend, cluster_of(self), "association")
    for number in [key for key, entry in associations.items() if entry.get("ownerArn") == addon["addonArn"]]:
        del associations[number]
    made = [_association(self, {"namespace": "kube-system", **entry, "ownerArn": addon["addonArn"]}) for entry in asked]
    addon["podIdentityAssociations"] = [entry["associationArn"] for entry in made]


def describe_addon(self: Any) -> ActionResult:
    return ActionResult({"addon": record(self, "addon", self._get_param("addonName"))})


def list_addons(self: Any) -> ActionResult:
    return ActionResult({"addons": sorted(store(self.eks_backend, cluster_of(self), "addon"))})


def update_addon(self: Any) -> ActionResult:
    addon = record(self, "addon", self._get_param("addonName"))
    changes = given(self, "addonVersion", "serviceAccountRoleArn", "configurationValues")
    addon.update(changes, modifiedAt=utcnow())
    _associate(self, addon)
    eks_addons.begin(self.eks_backend, self.eks_backend.describe_cluster(cluster_of(self)), addon)
    return updated("AddonUpdate", changes, cluster=cluster_of(self))


def delete_addon(self: Any) -> ActionResult:
    addon = record(self, "addon", self._get_param("addonName"))
    associations = store(self.eks_backend, cluster_of(self), "association")
    for number in [key for key, entry in associations.items() if entry.get("ownerArn") == addon["addonArn"]]:
        del associations[number]
    del store(self.eks_backend, cluster_of(self), "addon")[addon["addonName"]]
    if not self._get_param("preserve"):
        eks_addons.end(self.eks_backend.describe_cluster(cluster_of(self)), addon["addonName"])
    return ActionResult({"addon": {**addon, "status": "DELETING"}})


def create_access_entry(self: Any) -> ActionResult:
    principal: str = self._get_param("principalArn")
    cluster: Any = self.eks_backend.describe_cluster(cluster_of(self))
    if cluster.access_config["authenticationMode"] == "CONFIG_MAP":
        raise InvalidRequestException(message="The cluster's authentication mode must be API or API_AND_CONFIG_MAP")
    known = store(self.eks_backend, cluster_of(self), "access entry")
    if principal in known:
        raise ResourceInUseException(message="The specified access entry resource is already in use on this cluster.")
    groups: list[str] = self._get_param("kubernetesGroups") or []
    if any(group.startswith("system:") for group in groups):
        raise InvalidParameterException(message=f"Kubernetes groups may not begin with system:, as in {groups}")
    parts = principal.split(":")
    made: Fields = {
        "clusterName": cluster_of(self),
        "principalArn": principal,
        "kubernetesGroups": groups,
        "tags": {},
        "accessEntryArn": arn(
            self,
            "access-entry",
            cluster_of(self),
            "role",
            parts[4],
            parts[5].split("/")[-1],
            str(mock_random.uuid4()),
        ),
        "createdAt": utcnow(),
        "modifiedAt": utcnow(),
        "type": "STANDARD",
        "username": principal,
        **given(self, "username", "type", "tags"),
    }
    known[principal] = made
    return ActionResult({"accessEntry": made})


def describe_access_entry(self: Any) -> ActionResult:
    return ActionResult({"accessEntry": record(self, "access entry", self._get_param("principalArn"))})


def list_access_entries(self: Any) -> ActionResult:
    return ActionResult({"accessEntries": sorted(store(self.eks_backend, cluster_of(self), "access entry"))})


def update_access_entry(self: Any) -> ActionResult:
    entry = record(self, "access entry", self._get_param("principalArn"))
    entry.update(given(self, "kubernetesGroups", "username"), modifiedAt=utcnow())
    return ActionResult({"accessEntry": entry})


def delete_access_entry(self: Any) -> ActionResult:
    entry = record(self, "access entry", self._get_param("principalArn"))
    del store(self.eks_backend, cluster_of(self), "access entry")[entry["principalArn"]]
    store(self.eks_backend, cluster_of(self), "access policy").pop(entry["principalArn"], None)
    _access_changed(self)
    return EmptyResult()


def _access_changed(self: Any) -> None:
    cluster = self.eks_backend.describe_cluster(cluster_of(self))
    eks_planes.access_changed(self.eks_backend, cluster, self._get_param("principalArn"))


def _policies(self: Any) -> Fields:
    entry = record(self, "access entry", self._get_param("principalArn"))
    return store(self.eks_backend, cluster_of(self), "access policy").setdefault(entry["principalArn"], {})


def associate_access_policy(self: Any) -> ActionResult:
    policy: str = self._get_param("policyArn")
    if ":cluster-access-policy/" not in policy:
        raise InvalidParameterException(message=f"The policyArn {policy} is no cluster access policy")
    times = {"associatedAt": utcnow(), **_policies(self).get(policy, {}), "modifiedAt": utcnow()}
    made = {**times, "policyArn": policy, "accessScope": self._get_param("accessScope")}
    _policies(self)[policy] = made
    _access_changed(self)
    answer = {"clusterName": cluster_of(self), "principalArn": self._get_param("principalArn")}
    return ActionResult({**answer, "associatedAccessPolicy": made})


def list_associated_access_policies(self: Any) -> ActionResult:
    answer = {"clusterName": cluster_of(self), "principalArn": self._get_param("principalArn")}
    return ActionResult({**answer, "associatedAccessPolicies": list(_policies(self).values())})


def disassociate_access_policy(self: Any) -> ActionResult:
    if _policies(self).pop(self._get_param("policyArn"), None) is None:
        raise missing(f"No association found for policy: {self._get_param('policyArn')}.")
    _access_changed(self)
    return EmptyResult()


def _association(self: Any, fields: Fields) -> Fields:
    number = f"a-{mock_random.get_random_string(17).lower()}"
    made: Fields = {
        "clusterName": cluster_of(self),
        "associationId": number,
        "tags": {},
        "disableSessionTags": False,
        "associationArn": arn(self, "podidentityassociation", cluster_of(self), number),
        "createdAt": utcnow(),
        "modifiedAt": utcnow(),
        **fields,
    }
    known = store(self.eks_backend, cluster_of(self), "association")
    for entry in known.values():
        if all(entry[name] == made[name] for name in ("namespace", "serviceAccount")):
            account = f"{made['namespace']}/{made['serviceAccount']}"
            raise ResourceInUseException(message=f"Association already exists for service account {account}")
    known[number] = made
    return made


def create_pod_identity_association(self: Any) -> ActionResult:
    names = ("namespace", "serviceAccount", "roleArn", "tags", "disableSessionTags", "targetRoleArn", "policy")
    return ActionResult({"association": _association(self, given(self, *names))})


def describe_pod_identity_association(self: Any) -> ActionResult:
    return ActionResult({"association": record(self, "association", self._get_param("associationId"))})


def list_pod_identity_associations(self: Any) -> ActionResult:
    asked = given(self, "namespace", "serviceAccount")
    known = store(self.eks_backend, cluster_of(self), "association").values()
    return ActionResult({"associations": [e for e in known if all(e[name] == asked[name] for name in asked)]})


def update_pod_identity_association(self: Any) -> ActionResult:
    found = record(self, "association", self._get_param("associationId"))
    found.update(given(self, "roleArn", "disableSessionTags", "targetRoleArn", "policy"), modifiedAt=utcnow())
    return ActionResult({"association": found})


def delete_pod_identity_association(self: Any) -> ActionResult:
    found = record(self, "association", self._get_param("associationId"))
    del store(self.eks_backend, cluster_of(self), "association")[found["associationId"]]
    return ActionResult({"association": found})
