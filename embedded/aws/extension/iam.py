"""IAM: a further audience of an identity provider; a role that is not in an instance profile; and, where moto holds
requests to policies, signatures and actions of AWS."""

from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.iam.access_control import IAMRequestBase
from moto.iam.exceptions import NoSuchEntity
from moto.iam.models import IAMBackend
from moto.iam.responses import IamResponse

ACTIONS = {"tagging:GetResources": "tag:GetResources", "budgets:DescribeBudgets": "budgets:ViewBudget"}
"""Names in policies that are not the service's and the operation's: the Service Authorization Reference."""


def load() -> None:
    name = "add_client_id_to_open_id_connect_provider"
    if not hasattr(IamResponse, name):
        setattr(IamResponse, name, add_client_id)
    _miss_roles_of_profiles()
    _hold_to_policies()


def _miss_roles_of_profiles() -> None:
    """moto's server fails where the role is not there."""
    remove = IAMBackend.remove_role_from_instance_profile

    def remove_role_from_instance_profile(self: IAMBackend, profile_name: str, role_name: str) -> None:
        if self.get_role(role_name) not in self.get_instance_profile(profile_name).roles:
            raise NoSuchEntity(f"The role with name {role_name} is not in the instance profile {profile_name}.")
        remove(self, profile_name, role_name)

    IAMBackend.remove_role_from_instance_profile = remove_role_from_instance_profile


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
