"""Logs MLflow's own clients in by a file, where MLFLOW_TRACKING_AUTH says so (pyproject.toml names the class)."""

import configparser
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from requests.auth import HTTPBasicAuth

PROVIDER = "groundwork"
"""Value of MLFLOW_TRACKING_AUTH."""
CREDENTIALS_FILE = "GROUNDWORK_MLFLOW_CREDENTIALS"
"""Variable that names the file, which has the form of ~/.mlflow/credentials."""


class FileAuth:
    """What MLflow calls a request auth provider. Reads the file at each request: a new password is taken over."""

    def get_name(self) -> str:
        return PROVIDER

    def get_auth(self) -> "HTTPBasicAuth":
        from requests.auth import HTTPBasicAuth

        parser = configparser.ConfigParser()
        parser.read(os.environ[CREDENTIALS_FILE])
        login = parser["mlflow"]
        return HTTPBasicAuth(login["mlflow_tracking_username"], login["mlflow_tracking_password"])
