"""IAM: a further audience of an identity provider; and, where moto holds requests to policies, signatures and actions
of AWS."""

from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.iam.access_control import IAMRequestBase
from moto.iam.responses import IamResponse

ACTIONS = {"tagging:GetResources": "tag:GetResources", "budgets:DescribeBudgets": "budgets:ViewBudget"}
"""Names in policies that are not the service's and the operation's: the Service Authorization Reference."""


def load() -> None:
    name = "add_client_id_to_open_id_connect_provider"
    if not hasattr(IamResponse, name):
        setattr(IamResponse, name, add_client_id)
    _hold_to_policies()


def _hold_to_policies() -> None:
    plain: Any = IAMRequestBase
    create, make = plain.__init__, plain._create_aws_request

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        create(self, *args, **kwargs)
        self._action = ACTIONS.get(self._action, self._action)

    def _create_aws_request(self: Any) -> Any:
        request = make(self)
        if request.method == "GET":  # moto signs the query again, as if it were the body
            request.data = b""
        return request

    plain.__init__ = __init__
    plain._create_aws_request = _create_aws_request


def add_client_id(self: Any) -> ActionResult:
    provider = self.backend.get_open_id_connect_provider(arn=self._get_param("OpenIDConnectProviderArn"))
    client: str = self._get_param("ClientID")
    if client not in provider.client_id_list:
        provider.client_id_list.append(client)
    return EmptyResult()
