"""ECR: repositories hold what the account's image registry holds, where the server was asked for one."""

from datetime import UTC, datetime, timedelta
from typing import Any

from moto.core.responses import ActionResult
from moto.ecr.models import ECRBackend, Image
from moto.ecr.responses import ECRResponse

from embedded.aws.images import Images

VALID = timedelta(hours=12)
"""How long a login of ECR is."""

_images: list[Images] = []
"""At most one: those of this process's account."""


def load() -> None:
    for name in ("list_images", "describe_images", "batch_get_image", "delete_repository"):
        setattr(ECRBackend, name, _informed(name, getattr(ECRBackend, name)))
    plain: Any = ECRResponse.get_authorization_token

    def get_authorization_token(self: Any) -> ActionResult:
        if not _images:
            return plain(self)
        login = {"authorizationToken": _images[0].token, "expiresAt": datetime.now(UTC) + VALID}
        return ActionResult({"authorizationData": [{**login, "proxyEndpoint": f"https://{_images[0].address}"}]})

    ECRResponse.get_authorization_token = get_authorization_token


def use(images: Images) -> None:
    """Have each repository that is asked for from now on hold what was pushed. Once in a process."""
    _images.append(images)


def _informed(name: str, plain: Any) -> Any:
    """A backend's function that knows what was pushed to the repository that it is about."""

    def informed(self: Any, repository_name: str, *args: Any, **kwargs: Any) -> Any:
        repository = self.repositories.get(repository_name)
        if _images and repository is not None:
            repository.images = [
                Image(self.account_id, tag, manifest, repository_name, digest=digest)
                for tag, digest, manifest in _images[0].held(repository_name)
            ]
        answer = plain(self, repository_name, *args, **kwargs)
        if _images and name == "delete_repository":
            _images[0].forget(repository_name)
        return answer

    return informed
