"""IAM: what is attached to a role, the versions of a policy, the audiences of an identity provider."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from embedded.providers.base import Object

from ..account import ApiError

if TYPE_CHECKING:
    from ..resource import Live


def role_inline_policies(live: "Live") -> list[Object]:
    names: list[str] = live.call("list_role_policies", {"RoleName": live.id})["PolicyNames"]
    found = [live.call("get_role_policy", {"RoleName": live.id, "PolicyName": name}) for name in names]
    return [{"name": entry["PolicyName"], "policy": json.dumps(entry["PolicyDocument"])} for entry in found]


def role_managed_policies(live: "Live") -> list[str]:
    attached: Any = live.call("list_attached_role_policies", {"RoleName": live.id})["AttachedPolicies"]
    return sorted(entry["PolicyArn"] for entry in attached)


def managed_policies(live: "Live") -> None:
    current = set(role_managed_policies(live))
    wanted = set[str](live.values.get("managedPolicyArns") or ())
    for arn in sorted(current - wanted):
        live.call("detach_role_policy", {"RoleName": live.id, "PolicyArn": arn})
    for arn in sorted(wanted - current):
        live.call("attach_role_policy", {"RoleName": live.id, "PolicyArn": arn})


def inline_policies(live: "Live") -> None:
    wanted: dict[str, str] = {entry["name"]: entry["policy"] for entry in live.values.get("inlinePolicies") or ()}
    for entry in role_inline_policies(live):
        if entry["name"] not in wanted:
            live.call("delete_role_policy", {"RoleName": live.id, "PolicyName": entry["name"]})
    for name, document in wanted.items():
        live.call("put_role_policy", {"RoleName": live.id, "PolicyName": name, "PolicyDocument": document})


def permissions_boundary(live: "Live") -> None:
    wanted: str = live.values.get("permissionsBoundary") or ""
    if wanted:
        live.call("put_role_permissions_boundary", {"RoleName": live.id, "PermissionsBoundary": wanted})
    else:
        live.call("delete_role_permissions_boundary", {"RoleName": live.id})


def empty_role(live: "Live") -> None:
    """Takes away what the role's own inputs attached, and with forceDetachPolicies what others did."""
    force = bool(live.values.get("forceDetachPolicies"))
    own = set[str](live.values.get("managedPolicyArns") or ())
    for arn in role_managed_policies(live):
        if force or arn in own:
            with _gone_already():
                live.call("detach_role_policy", {"RoleName": live.id, "PolicyArn": arn})
    inline = {entry["name"] for entry in live.values.get("inlinePolicies") or ()}
    for entry in role_inline_policies(live):
        if force or entry["name"] in inline:
            with _gone_already():
                live.call("delete_role_policy", {"RoleName": live.id, "PolicyName": entry["name"]})


@contextmanager
def _gone_already() -> Generator[None]:
    """What an attachment of its own takes away at the same moment."""
    try:
        yield
    except ApiError as error:
        if error.code != "NoSuchEntity":
            raise


def policy_version(live: "Live") -> None:
    """A new default version; IAM keeps five, so the others go."""
    if not live.old:
        return
    old_policy_versions(live)
    document = live.lookup("policy")
    live.call("create_policy_version", {"PolicyArn": live.id, "PolicyDocument": document, "SetAsDefault": True})
    old_policy_versions(live)


def old_policy_versions(live: "Live") -> None:
    for version in live.call("list_policy_versions", {"PolicyArn": live.id})["Versions"]:
        if not version["IsDefaultVersion"]:
            live.call("delete_policy_version", {"PolicyArn": live.id, "VersionId": version["VersionId"]})


def client_ids(live: "Live") -> None:
    name = {"OpenIDConnectProviderArn": live.id}
    current = set[str](live.call("get_open_id_connect_provider", name).get("ClientIDList") or ())
    wanted = set[str](live.values["clientIdLists"])
    for client in sorted(wanted - current):
        live.call("add_client_id_to_open_id_connect_provider", {**name, "ClientID": client})
    for client in sorted(current - wanted):
        live.call("remove_client_id_from_open_id_connect_provider", {**name, "ClientID": client})
