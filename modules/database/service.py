"""The database as a service."""

from modules.core.images import Image
from modules.core.service import Login, Service
from modules.core.versions import POSTGRESQL

from .settings import DatabaseSettings

DATABASE = Service[DatabaseSettings](
    name="database",
    title="PostgreSQL",
    settings=DatabaseSettings,
    images=(
        Image(
            name="postgresql",
            budget_mb=200,
            containerfile="modules/database/Containerfile",
            files=("modules/database/files/*.sh",),
            arguments={"POSTGRESQL": POSTGRESQL},
            version=POSTGRESQL,
        ),
    ),
    login=Login(
        service="postgresql", namespace="database", secret="superuser", username="postgres", password="password"
    ),
)
