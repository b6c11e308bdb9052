"""Whether this machine can bring the platform's images to the registry, or finds them there; and those that releases
pin, which can't be built again."""

from modules.core.errors import UserError
from modules.registry.build import check_images
from scripts.cli.lifecycle.pinned_images import find_lacking
from stacks.foundation.registry_login import access_to

from .findings import Context, Finding


def check(context: Context) -> list[Finding]:
    given = context.existing.registry
    try:
        missing = check_images(
            context.stack,
            context.environment.settings.images(),
            registry=given.contract(),
            access=access_to(given),
            architecture=given.architecture,
        )
    except UserError as error:
        return [Finding(check="registry", state="refused", detail=str(error))]
    if lacking := find_lacking(context.environment, given.contract(), access_to(given)):
        return [Finding(check="registry", state="refused", detail=each.detail, action=each.action) for each in lacking]
    if missing:
        detail = f"{given.push} lets this machine in; `up` builds {', '.join(missing)}"
    else:
        detail = f"{given.push} has all images"
    return [Finding(check="registry", state="ok", detail=detail)]
