"""The registry on AWS, as all know it: without the engine's SDK, for the commands that push to it."""

from modules.core.aws import AwsAccount
from modules.core.contracts import Registry


def ecr_registry(environment: str, account: AwsAccount) -> Registry:
    """Return the contract: nodes pull by their own role, and need no secret."""
    address = f"{account.id}.dkr.ecr.{account.region}.amazonaws.com/{prefix(environment)}"
    return Registry(push=address, pull=address)


def prefix(environment: str) -> str:
    """Return what the names of an environment's repositories begin with."""
    return f"groundwork-{environment}"
