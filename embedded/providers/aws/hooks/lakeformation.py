"""Lake Formation: the resource that a grant is for, and the settings of a lake."""

import hashlib
import json
from typing import TYPE_CHECKING, Any

from embedded.providers.base import Object, ProviderError

from ..templates import MISSING

if TYPE_CHECKING:
    from ..resource import Live

Members = dict[str, str]

KINDS: dict[str, tuple[str, Members]] = {
    "database": ("Database", {"catalogId": "CatalogId", "name": "Name"}),
    "table": ("Table", {"catalogId": "CatalogId", "databaseName": "DatabaseName", "name": "Name"}),
    "tableWithColumns": (
        "TableWithColumns",
        {"catalogId": "CatalogId", "databaseName": "DatabaseName", "name": "Name", "columnNames": "ColumnNames"},
    ),
    "dataLocation": ("DataLocation", {"catalogId": "CatalogId", "arn": "ResourceArn"}),
    "lfTag": ("LFTag", {"catalogId": "CatalogId", "key": "TagKey", "values": "TagValues"}),
    "dataCellsFilter": (
        "DataCellsFilter",
        {"tableCatalogId": "TableCatalogId", "databaseName": "DatabaseName", "tableName": "TableName", "name": "Name"},
    ),
}


def lake_resource(live: "Live") -> Object:
    values = live.values
    if values.get("catalogResource"):
        return {"Catalog": {}}
    if values.get("lfTagPolicy"):
        policy: Object = values["lfTagPolicy"]
        tags = [{"TagKey": entry["key"], "TagValues": entry["values"]} for entry in policy["expressions"]]
        return {"LFTagPolicy": {"ResourceType": policy["resourceType"], "Expression": tags}}
    name = next((name for name in KINDS if values.get(name)), "")
    if not name:
        raise ProviderError(f"one of catalogResource, lfTagPolicy, {', '.join(KINDS)} is needed to know the grant by")
    kind, members = KINDS[name]
    given: Object = values[name]
    made = {api: given[source] for source, api in members.items() if given.get(source)}
    if kind == "Table" and given.get("wildcard"):
        made["TableWildcard"] = {}
    if kind == "TableWithColumns" and (given.get("wildcard") or given.get("excludedColumnNames")):
        made["ColumnWildcard"] = {"ExcludedColumnNames": given.get("excludedColumnNames") or []}
    return {kind: made}


def permissions_id(live: "Live") -> str:
    """The SDK documents no id for imports."""
    return _hashed(live.values["principal"], lake_resource(live))


def lake_tag_key(live: "Live") -> str:
    return live.values["lfTag"]["key"]


def lake_tag_value(live: "Live") -> str:
    return live.values["lfTag"]["value"]


def resource_tag_id(live: "Live") -> str:
    """The SDK documents no id: it cannot be imported."""
    return _hashed(lake_resource(live), live.values["lfTag"])


def change_permissions(live: "Live") -> None:
    """Grant what is new, then revoke what is gone."""
    who = {"Principal": {"DataLakePrincipalIdentifier": live.values["principal"]}, "Resource": lake_resource(live)}
    for call, kind in (("grant_permissions", "added"), ("revoke_permissions", "removed")):
        plain, grantable = (live.lookup(f"{kind}:{name}") for name in ("permissions", "permissionsWithGrantOptions"))
        if plain is not MISSING or grantable is not MISSING:
            extra = {} if grantable is MISSING else {"PermissionsWithGrantOption": grantable}
            live.call(call, {**who, "Permissions": [] if plain is MISSING else plain, **extra})


def use_service_linked_role(live: "Live") -> bool:
    """As the official provider: without a role of one's own, Lake Formation's."""
    return bool(live.values.get("useServiceLinkedRole", "roleArn" not in live.values))


PRINCIPALS = {"admins": "DataLakeAdmins", "readOnlyAdmins": "ReadOnlyAdmins"}
DEFAULTS = {
    "createDatabaseDefaultPermissions": "CreateDatabaseDefaultPermissions",
    "createTableDefaultPermissions": "CreateTableDefaultPermissions",
}
PLAIN = {
    "allowExternalDataFiltering": "AllowExternalDataFiltering",
    "allowFullTableExternalDataAccess": "AllowFullTableExternalDataAccess",
    "authorizedSessionTagValueLists": "AuthorizedSessionTagValueList",
    "parameters": "Parameters",
    "trustedResourceOwners": "TrustedResourceOwners",
}


def lake_settings(live: "Live") -> Object:
    values = live.values
    made: Object = {api: values[name] for name, api in PLAIN.items() if values.get(name) is not None}
    made.update({api: _principals(values.get(name) or []) for name, api in PRINCIPALS.items()})
    for name, api in DEFAULTS.items():
        entries: list[Object] = values.get(name) or []
        made[api] = [
            {
                "Principal": {"DataLakePrincipalIdentifier": entry.get("principal")},
                "Permissions": entry.get("permissions") or [],
            }
            for entry in entries
        ]
    made["ExternalDataFilteringAllowList"] = _principals(values.get("externalDataFilteringAllowLists") or [])
    return made


def _principals(names: list[str]) -> list[Object]:
    return [{"DataLakePrincipalIdentifier": name} for name in names]


def lake_settings_inputs(live: "Live") -> Object:
    """What was read, in the form of the inputs."""
    lists = {**PRINCIPALS, "externalDataFilteringAllowLists": "ExternalDataFilteringAllowList"}
    found: Object = {name: _names(live.item.get(api) or []) for name, api in lists.items()}
    for name, api in DEFAULTS.items():
        entries: list[Any] = live.item.get(api) or []
        found[name] = [
            {"principal": entry["Principal"]["DataLakePrincipalIdentifier"], "permissions": entry["Permissions"]}
            for entry in entries
        ]
    return found


def _names(principals: list[Object]) -> list[str]:
    return [entry["DataLakePrincipalIdentifier"] for entry in principals]


def _hashed(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
