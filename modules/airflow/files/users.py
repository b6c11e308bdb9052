"""Makes the users that the platform generates, or gives them their passwords and roles again.

    users.py FOLDER USER=ROLE ...      the password of each is in FOLDER/USER

Other users, and what else is known of these, stay as they are. Exits with 1 where Airflow has no such role.
"""
# Airflow is in its own image only.
# pyright: reportMissingImports=false, reportUnknownVariableType=false

import sys
from pathlib import Path
from typing import Any

from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
from airflow.providers_manager import ProvidersManager
from werkzeug.security import check_password_hash


def main(folder: Path, roles: dict[str, str]) -> None:
    ProvidersManager().initialize_providers_configuration()
    with get_application_builder() as builder:
        manager = builder.sm
        manager.sync_roles()
        for name, role in roles.items():
            set_user(manager, name, manager.find_role(role) or sys.exit(f"no role {role}"), folder.joinpath(name))


def set_user(manager: Any, name: str, role: Any, password_file: Path) -> None:
    password = password_file.read_text()
    user = manager.find_user(username=name)
    if user is None:
        manager.add_user(name, name, "", f"{name}@localhost", role, password)
        return
    if not check_password_hash(user.password, password):
        # Whoever is logged in by another password no longer is.
        manager.reset_password(user.id, password)
    if user.roles != [role] or not user.active:
        user.roles, user.active = [role], True
        manager.update_user(user)


if __name__ == "__main__":
    main(Path(sys.argv[1]), dict(argument.split("=", 1) for argument in sys.argv[2:]))
