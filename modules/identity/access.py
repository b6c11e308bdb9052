"""From what services and workloads declare: one role for each service account, and exactly what it may do on AWS.

The matrix (account -> role -> actions -> resources) is plain data: the roles, an output and a page are made from it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from modules.core.aws import AwsAccount, Statement, allow
from modules.core.contracts import Account, Consumer, Identity, ObjectStore, Reach
from modules.core.grants import STORE, object_statements
from modules.core.lake import table_permissions, table_statements
from modules.core.naming import label, namespace

ROLE_LIMIT = 64
"""Characters of a role's name: IAM's quotas."""
ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"
"""Of a service account: EKS gives its pods a token for AWS, and the name of the role."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """What one service account may do."""

    consumer: str
    namespace: str
    account: str
    """Name of the service account."""
    role: str
    """Name of its role, which no other account may assume."""
    statements: Sequence[Statement]
    """Of the role's only policy."""
    permissions: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    """Of Lake Formation, by the ARN of a database, table or folder."""


def matrix(
    environment: str,
    consumers: Mapping[str, Consumer],
    *,
    store: ObjectStore,
    account: AwsAccount,
    alias: str | None,
    lake: str | None,
) -> list[Access]:
    """Return the access of every service account that has any, by consumer and account.

    alias: of the key that the buckets are encrypted with, whose ARN nobody knows before it is made; None: S3's own,
    which needs no right. lake: prefix of the lake's tables in the buckets; None: the account has no lake. Raise
    UserError where a role's name is too long.
    """
    found: list[Access] = []
    for name, consumer in sorted(consumers.items()):
        tables = () if lake is None else consumer.tables
        permissions = {} if lake is None else table_permissions(account, environment, tables, store.buckets, lake)
        statements = [
            *_statements(consumer, store, account, alias),
            *table_statements(account, environment, tables),
        ]
        found += [
            Access(
                consumer=name,
                namespace=namespace(environment, name),
                account=each,
                role=role_name(environment, name, each),
                statements=statements,
                permissions=permissions,
            )
            for each in (sorted(consumer.accounts) if statements else ())
        ]
    return found


def role_name(environment: str, consumer: str, account: str) -> str:
    """Return the name of an account's role: with its consumer's, unless it begins with that anyway."""
    own = account if account == consumer or account.startswith(f"{consumer}-") else f"{consumer}-{account}"
    return label(f"groundwork-{environment}-{own}", what="role", limit=ROLE_LIMIT)


def identity(
    consumers: Mapping[str, Consumer], access: Sequence[Access], account: AwsAccount, reach: Reach
) -> Identity:
    """Return the contract: which role an account's pods assume; those without any right know no role. reach: where they
    get their tokens."""
    roles = {(each.consumer, each.account): account.role(each.role) for each in access}

    def known(consumer: str, name: str) -> Account:
        arn = roles.get((consumer, name))
        return Account() if arn is None else Account(annotations={ROLE_ANNOTATION: arn})

    return Identity(
        accounts={
            name: {each: known(name, each) for each in consumer.accounts} for name, consumer in consumers.items()
        },
        reach=reach,
    )


def rows(access: Sequence[Access]) -> list[dict[str, Any]]:
    """Return the matrix as plain data, for the output of a stack: one row for each account and set of actions. A
    permission of Lake Formation is an action too, in capitals: lakeformation:SELECT."""
    return [
        {
            "account": f"{each.namespace}/{each.account}",
            "role": each.role,
            "actions": list(statement["Action"]),
            "resources": list(statement["Resource"]),
            "condition": dict(statement.get("Condition", {})),
        }
        for each in access
        for statement in (*each.statements, *_lake_rows(each.permissions))
    ]


def _lake_rows(permissions: Mapping[str, Sequence[str]]) -> list[Statement]:
    """Return one row for each set of permissions."""
    sets = sorted({tuple(each) for each in permissions.values()})
    return [
        allow(
            [f"lakeformation:{name}" for name in each], [arn for arn in permissions if tuple(permissions[arn]) == each]
        )
        for each in sets
    ]


def page(access: Sequence[Access]) -> str:
    """Return the matrix as a table in Markdown."""
    lines = ["| service account | role | actions | resources |", "|---|---|---|---|"]
    for row in rows(access):
        only = _only(row["condition"])
        resources = [f"{each} ({only})" if only else each for each in row["resources"]]
        cells = (row["account"], row["role"], ", ".join(row["actions"]), "<br>".join(resources))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _only(condition: Mapping[str, Mapping[str, Any]]) -> str:
    """Return in words on which conditions something is allowed."""
    return "; ".join(
        f"{'keys' if key == 's3:prefix' else f'{key}:'} {', '.join(_texts(value))}"
        for by_key in condition.values()
        for key, value in by_key.items()
    )


def differences(access: Sequence[Access], granted: Mapping[str, Sequence[Statement]]) -> list[str]:
    """Return how the policies of roles differ from what was declared, one line each: rights that nobody declared, and
    declared ones that no policy has. granted: the statements of each role's policies, by its name."""
    declared = {each.role: _rights(each.statements) for each in access}
    found: list[str] = []
    for role in sorted(declared.keys() | granted.keys()):
        wanted, had = declared.get(role, set()), _rights(granted.get(role, ()))
        found += [f"role {role}: {right} is granted, but no service or workload declares it" for right in had - wanted]
        found += [f"role {role}: {right} is declared, but not granted" for right in wanted - had]
    return sorted(found)


def _rights(statements: Sequence[Statement]) -> set[str]:
    """One text for each action on each resource."""
    return {
        f"{action} on {resource}{_shown(statement.get('Condition'))}"
        for statement in statements
        for action in _texts(statement["Action"])
        for resource in _texts(statement["Resource"])
    }


def _texts(value: str | Sequence[str]) -> Sequence[str]:
    return [value] if isinstance(value, str) else value


def _shown(condition: Mapping[str, Any] | None) -> str:
    return "" if not condition else f" where {dict(condition)}"


def _statements(consumer: Consumer, store: ObjectStore, account: AwsAccount, alias: str | None) -> list[Statement]:
    statements = [
        statement
        for role, grant in sorted(consumer.buckets.items())
        for statement in object_statements(
            f"arn:{account.partition}:s3:::{store.buckets[role]}", grant, store.prefixes.get(role, "")
        )
    ]
    if not statements or alias is None:
        return statements
    stores = any(action in STORE for each in statements for action in each["Action"])
    actions = ("kms:Decrypt", "kms:GenerateDataKey") if stores else ("kms:Decrypt",)
    through = {"kms:ViaService": f"s3.{account.region}.amazonaws.com"}
    only = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": alias}}
    return [*statements, allow(actions, [account.arn("kms", "key/*")], StringEquals=through, **only)]
