"""Settings of a PostgreSQL that somebody else runs."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from modules.core.external import ExternalSettings, require_reachable
from modules.core.naming import label
from modules.core.settings import Settings

Host = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]+$"), AfterValidator(require_reachable)]
"""Without a port."""
ADMIN = "admin"
"""Key of the administrator's password, beside the services' own."""


def role_name(environment: str, service: str) -> str:
    """Return the name of the role, and of its database, that an administrator makes for a service."""
    return label(f"{environment}-{service}", what="role")


def mark(environment: str) -> str:
    """Return the comment by which the environment's own roles are known."""
    return f"groundwork environment {environment}"


class AdminSettings(Settings):
    """Who gives each service its role and its database, named ENVIRONMENT-SERVICE, with a generated password."""

    role: str = Field(
        min_length=1,
        description="Role that may create roles and databases (CREATEROLE CREATEDB); its password is set by `pulumi "
        "config set --secret --path groundwork:database_passwords.admin`.",
    )
    database: str = Field(default="postgres", min_length=1, description="Database that it connects to.")


class RoleSettings(Settings):
    """A role and its database, which are there already."""

    role: str = Field(
        min_length=1,
        description="Role of the service, by its name; the password is set by `pulumi config set --secret --path "
        "groundwork:database_passwords.<name>`.",
    )
    database: str = Field(min_length=1, description="Database in which that role may create tables.")


class ExternalDatabaseSettings(ExternalSettings):
    """A PostgreSQL that somebody else runs: of an administrator, or with a role for each service."""

    host: Host = Field(description="Name or address of the server, as its certificate has it.")
    port: int = Field(default=5432, ge=1, le=65535, description="Its port, 1 to 65535.")
    tls: bool = Field(
        default=True,
        description="Whether clients insist on TLS and verify the certificate; false: passwords and rows cross the "
        "network in the clear.",
    )
    admin: AdminSettings | None = Field(
        default=None, description="Administrator who makes roles and databases; null: roles names those that are there."
    )
    roles: dict[str, RoleSettings] = Field(
        default={}, description="Role and database by service, where there is no admin."
    )

    @model_validator(mode="after")
    def _admin_or_roles(self) -> Self:
        if (self.admin is None) == (not self.roles):
            given = "both admin and roles are" if self.admin else "neither admin nor roles is"
            raise ValueError(f"{given} given: name an admin who makes them, or a role for each service")
        if self.ca is not None and not self.tls:
            raise ValueError("ca is given where tls is false: without TLS there is no certificate; remove one of them")
        return self

    @property
    def has_namespace(self) -> bool:
        return self.admin is not None

    def passwords(self) -> set[str]:
        """Return whose passwords it needs, as keys of groundwork:database_passwords."""
        return {ADMIN} if self.admin else set(self.roles)
