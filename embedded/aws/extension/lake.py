"""Glue, Athena and Lake Formation: changes of crawlers, workgroups and registered locations, and roles that these could
not assume."""

import json
import re
from typing import Any

from moto.athena.models import WorkGroup
from moto.athena.responses import AthenaResponse
from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow
from moto.glue.exceptions import InvalidInputException
from moto.glue.responses import GlueResponse
from moto.lakeformation.models import Permission, Resource
from moto.lakeformation.responses import LakeFormationResponse

from .roles import why_not

LOCATION = ("UseServiceLinkedRole", "WithFederation", "HybridAccessEnabled", "WithPrivilegedAccess")
"""Of a registered location, that moto drops."""


def load() -> None:
    plain = GlueResponse.create_crawler

    def create_crawler(self: Any) -> ActionResult:
        refuse_crawler(self)
        return plain(self)

    GlueResponse.create_crawler = create_crawler
    GlueResponse.update_crawler = update_crawler  # pyright: ignore[reportAttributeAccessIssue]
    _extend_workgroups()
    _extend_locations()
    _extend_grants()


def refuse_crawler(response: Any) -> None:
    """Of a role that Glue can't assume."""
    role: str | None = response.parameters.get("Role")
    # By its name it may have a path too.
    name = role if role is None or role.startswith("arn:") else role.rpartition("/")[2]
    if name is not None and (reason := why_not(response.current_account, name, "glue")):
        raise InvalidInputException(
            "CreateCrawler",
            f"Service is unable to assume provided role. Please verify role's TrustPolicy: {reason}",
        )


def update_crawler(self: Any) -> ActionResult:
    """What a request leaves out stays."""
    refuse_crawler(self)
    crawler = self.glue_backend.get_crawler(self.parameters["Name"])
    for name, value in self.parameters.items():
        setattr(crawler, re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower(), value)
    crawler.version += 1
    crawler.last_updated = utcnow()
    return EmptyResult()


def _extend_workgroups() -> None:
    delete = AthenaResponse.delete_work_group

    def get_work_group(self: Any) -> str:
        name: str = self._get_param("WorkGroup")
        _workgroup(self, name)
        return json.dumps({"WorkGroup": self.athena_backend.get_work_group(name)})

    def update_work_group(self: Any) -> str:
        group = _workgroup(self, self._get_param("WorkGroup"))
        group.description = self._get_param("Description", group.description)
        group.state = self._get_param("State", group.state)
        _update(group, dict(self._get_param("ConfigurationUpdates") or {}))
        return "{}"

    def delete_work_group(self: Any) -> str:
        group = _workgroup(self, self._get_param("WorkGroup"))
        if group.name == "primary":
            raise JsonRESTError("InvalidRequestException", "Cannot delete primary workgroup")
        return delete(self)

    def list_tags_for_resource(self: Any) -> str:
        tagger = self.athena_backend.tagger
        return json.dumps(tagger.list_tags_for_resource(self._get_param("ResourceARN")))

    for function in (get_work_group, update_work_group, delete_work_group, list_tags_for_resource):
        setattr(AthenaResponse, function.__name__, function)


def _workgroup(response: Any, name: str) -> WorkGroup:
    found = response.athena_backend.work_groups.get(name)
    if found is None:
        raise JsonRESTError("InvalidRequestException", f"WorkGroup {name} is not found.")
    return found


def _update(group: WorkGroup, updates: dict[str, Any]) -> None:
    """RemoveX takes X away; the updates of the result configuration are one level below."""
    results = dict(updates.pop("ResultConfigurationUpdates", None) or {})
    current = group.configuration
    for target, changes in ((current, updates), (current.setdefault("ResultConfiguration", {}), results)):
        for name in [name for name in changes if name.startswith("Remove")]:
            if changes.pop(name):
                target.pop(name.removeprefix("Remove"), None)
        target.update(changes)


def _extend_locations() -> None:
    register, plain = LakeFormationResponse.register_resource, Resource.to_dict

    def register_resource(self: Any) -> str:
        refuse_location(self)
        answer = register(self)
        _set(self)
        return answer

    def update_resource(self: Any) -> str:
        refuse_location(self)
        _set(self)
        return "{}"

    def to_dict(self: Resource) -> dict[str, Any]:
        return {**plain(self), **vars(self).get("settings", {})}

    for function in (register_resource, update_resource):
        setattr(LakeFormationResponse, function.__name__, function)
    Resource.to_dict = to_dict


def refuse_location(response: Any) -> None:
    """Of a role that Lake Formation can't assume; its own is always there."""
    role: str = response._get_param("RoleArn") or ""
    own = not role or ":role/aws-service-role/" in role
    if not own and (reason := why_not(response.current_account, role, "lakeformation")):
        raise JsonRESTError("InvalidInputException", reason)


def _set(response: Any) -> None:
    location = response.lakeformation_backend.describe_resource(response._get_param("ResourceArn"))
    given = {name: value for name in LOCATION if (value := response._get_param(name)) is not None}
    location.settings = {**vars(location).get("settings", {}), **given}
    location.role_arn = response._get_param("RoleArn") or location.role_arn


def _extend_grants() -> None:
    """moto keeps grants in a set by what is granted, and loses those that it changes; and lists them in any order."""

    def by_whom_and_what(self: Permission) -> int:
        return hash(json.dumps([self.principal, self.resource], sort_keys=True))

    def to_external_form(self: Permission) -> dict[str, Any]:
        return {
            "Permissions": sorted(self.permissions),
            "PermissionsWithGrantOption": sorted(self.permissions_with_grant_options),
            "Resource": self.resource,
            "Principal": self.principal,
        }

    Permission.__hash__ = by_whom_and_what
    Permission.to_external_form = to_external_form
    _extend_searches()


def _extend_searches() -> None:
    """moto finds no grants by LF-tags, and takes those on columns or rows for missing."""
    plain = LakeFormationResponse.list_permissions

    def list_permissions(self: Any) -> str:
        resource, principal = self._get_param("Resource"), self._get_param("Principal")
        if resource is None:
            return plain(self)
        catalog = self.lakeformation_backend.grants.get(self._get_param("CatalogId") or self.current_account)
        found = [
            grant.to_external_form()
            for grant in (catalog.permissions if catalog else ())
            if _without_catalog(grant.resource) == _without_catalog(resource) and principal in (None, grant.principal)
        ]
        return json.dumps({"PrincipalResourcePermissions": found})

    LakeFormationResponse.list_permissions = list_permissions


def _without_catalog(resource: dict[str, Any]) -> dict[str, Any]:
    """An account has one catalog: requests name it or leave it out."""
    return {kind: {name: each for name, each in of.items() if name != "CatalogId"} for kind, of in resource.items()}
