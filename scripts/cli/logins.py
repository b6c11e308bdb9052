"""Where the credentials of the services lie."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Login:
    """Where a service's credentials lie: a Secret in the namespace of a tenant."""

    tenant: str
    secret: str
    username: str
    """A key of the Secret; or the name itself, where that is no secret."""
    password: str
    """A key of the Secret."""


LOGINS: Mapping[str, Login] = {
    "storage": Login(tenant="storage", secret="s3-admin", username="access-key-id", password="secret-access-key"),
    "mlflow": Login(tenant="gateway", secret="gateway-login", username="username", password="password"),
    "jenkins": Login(tenant="jenkins", secret="jenkins", username="admin", password="admin-password"),
    "airflow": Login(tenant="airflow", secret="airflow-login", username="username", password="password"),
    "postgresql": Login(tenant="database", secret="superuser", username="postgres", password="password"),
}
"""By service; what is not here needs no login."""
