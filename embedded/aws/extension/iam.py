"""IAM: a further audience of an identity provider."""

from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.iam.responses import IamResponse


def load() -> None:
    name = "add_client_id_to_open_id_connect_provider"
    if not hasattr(IamResponse, name):
        setattr(IamResponse, name, add_client_id)


def add_client_id(self: Any) -> ActionResult:
    provider = self.backend.get_open_id_connect_provider(arn=self._get_param("OpenIDConnectProviderArn"))
    client: str = self._get_param("ClientID")
    if client not in provider.client_id_list:
        provider.client_id_list.append(client)
    return EmptyResult()
