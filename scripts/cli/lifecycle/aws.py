"""What an account of AWS must be before a platform is made there, and what goes into it before pods do."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from modules.core.errors import UserError
from modules.core.images import LockedImage, read_images
from modules.core.paths import REPOSITORY
from modules.core.settings import PROJECT
from modules.registry.ecr import prefix
from modules.registry.images import read_sources
from scripts.cli.clients import aws, engine
from scripts.cli.clients.backend import Backend
from scripts.cli.environment import Environment, official_pulumi
from scripts.cli.steps import Progress
from stacks.foundation.aws_settings import REGISTRY_ALONE, AwsSettings
from stacks.services import images

KEY = f"{PROJECT}:foundation"
TRUSTSTORE = "https://truststore.pki.rds.amazonaws.com/{0}/{0}-bundle.pem"
REPOSITORY_TYPE = "aws:ecr/repository:Repository"
REGISTRY_TARGETS = ("**::pulumi:providers:aws::aws", "**groundwork:registry:EcrRegistry**")
"""URNs of the registry, with all below it, and of its provider."""


def check_account(environment: Environment) -> None:
    """Raise UserError where a platform on AWS itself can't be made from here as the settings say."""
    given = aws.settings_of(environment)
    check_ca(given)
    if official_pulumi() is None:
        raise UserError(
            f"{KEY}.target is 'aws', and AWS's plugin is one of Pulumi's own installation, which is not on PATH: "
            "install it (https://www.pulumi.com/docs/install), then run this again"
        )
    if shutil.which("aws") is None:
        raise UserError(
            f"{KEY}.target is 'aws', and AWS's own command `aws` (2.x), by which Kubernetes gets a token, is not "
            "on PATH: install it, then run this again"
        )
    check_caller(given, *aws.caller(environment))


def check_caller(given: AwsSettings, account: str, arn: str) -> None:
    """Raise UserError where who deploys is of another account than the settings', or would not get into the cluster.
    Pure."""
    if account != given.account:
        raise UserError(
            f"{KEY}.account is {given.account!r}, but the credentials are those of {arn}, in account {account}: log in "
            "to the account of the settings (AWS_PROFILE), or change the key"
        )
    administrators = given.cluster.administrators
    if not any(is_same(administrator, arn) for administrator in administrators):
        raise UserError(
            f"{KEY}.cluster.administrators is {administrators}, without who deploys, who would not get into the "
            f"cluster: add {principal_of(arn)}, or log in as one of them"
        )


def principal_of(caller: str) -> str:
    """Return the ARN of the role or user that a caller, as STS names it, is. Without the path of a role, which STS does
    not say. Pure."""
    head, _, resource = caller.rpartition(":")
    kind, _, rest = resource.partition("/")
    if kind != "assumed-role":
        return caller
    return f"{head.replace(':sts:', ':iam:')}:role/{rest.partition('/')[0]}"


def is_same(principal: str, caller: str) -> bool:
    """Return whether an ARN of IAM is that of who calls, as STS names them. Pure."""
    if ":assumed-role/" not in caller:
        return principal == caller
    head, _, whole = principal.partition(":role/")
    return f"{head}:role/{whole.rpartition('/')[2]}" == principal_of(caller)


def check_ca(given: AwsSettings) -> None:
    """Raise UserError where the authorities of the file are not those of RDS in the region."""
    key, path = f"{KEY}.database.ca", REPOSITORY / given.database.ca
    download = f"download {TRUSTSTORE.format(given.region)}"
    named = authorities(path, f"{key} is {given.database.ca!r}", download)
    if not any(given.region in name.split() for name in named):
        raise UserError(
            f"{key} is {given.database.ca!r}, whose authorities are {', '.join(named[:3])}: none is of RDS in "
            f"{KEY}.region {given.region}: {download}"
        )


def authorities(path: Path, what: str, advice: str) -> list[str]:
    """Return the subjects of a PEM file's certificates. UserError where it has none."""
    from cryptography import x509

    try:
        certificates = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UserError(f"{what}: no PEM file of certificates: {error}: {advice}") from None
    common = x509.NameOID.COMMON_NAME
    return sorted({str(name.value) for each in certificates for name in each.subject.get_attributes_for_oid(common)})


def ensure_repositories(environment: Environment, progress: Progress, log: Path) -> None:
    """Create the registry's repositories where one of an image is missing, before all else of the platform.

    The program deploys by digest what is in them, so that images are pushed before it runs; and pods never wait for
    what is not pushed yet. AWS takes no push to a repository that is not there."""
    lacking = lacking_repositories(Backend(environment).resources(), environment.stack)
    progress(f"{len(lacking)} to be made" if lacking else "nothing is missing")
    if lacking:
        engine.ensure_stack(environment)
        engine.up(environment, progress, log, targets=REGISTRY_TARGETS, extra={REGISTRY_ALONE: "true"})


def unbuilt_images(environment: Environment) -> dict[str, LockedImage]:
    """Return the images, by name, that `up` builds and pushes before the rest: their inputs are others than those of
    what is pinned. Nothing is asked of AWS. Raise UserError where an emulated account has ended.

    Each is as it is pinned; one that is pinned nowhere has the digest of its inputs in place of its own, which nobody
    knows before it is built."""
    aws.require_account(environment)
    pinned = read_images(environment.stack)
    return {
        name: pinned.get(name) or source.locked(source.inputs)
        for name, source in read_sources(environment.settings.images()).items()
        if name not in pinned or pinned[name].inputs != source.inputs
    }


def lacking_repositories(resources: Sequence[Mapping[str, object]], stack: str) -> list[str]:
    """Return the names of repositories that are in no state yet. Pure."""
    there = {str(each.get("id")) for each in resources if each["type"] == REPOSITORY_TYPE}
    return [name for image in images() if (name := f"{prefix(stack)}/{image.name}") not in there]
