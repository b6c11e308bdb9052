"""What an account of AWS must be before a platform is made there."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from modules.core.errors import UserError
from scripts.cli.clients import engine
from scripts.cli.lifecycle import aws
from stacks.foundation.aws_settings import AwsSettings
from stacks.services import images
from tests.scripts.cli.fakes import DIGEST, always, on_aws, quiet, refused, stack

ACCOUNT = "123456789012"
STS = f"arn:aws:sts::{ACCOUNT}:assumed-role"
IAM = f"arn:aws:iam::{ACCOUNT}"


def given(**cluster: Any) -> AwsSettings:
    found = on_aws(cluster=cluster).aws
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("administrator", "caller"),
    [
        (f"{IAM}:role/deployer", f"{STS}/deployer/session"),
        (f"{IAM}:role/teams/ml/deployer", f"{STS}/deployer/session"),
        (f"{IAM}:user/jane", f"{IAM}:user/jane"),
    ],
)
def test_who_deploys_is_among_the_administrators(administrator: str, caller: str) -> None:
    aws.check_caller(given(administrators=[f"{IAM}:role/other", administrator]), ACCOUNT, caller)


@pytest.mark.parametrize(
    ("caller", "add"),
    [
        (f"{STS}/stranger/deployer", f"{IAM}:role/stranger"),
        (f"{IAM}:user/deployer", f"{IAM}:user/deployer"),
        (f"{IAM}:root", f"{IAM}:root"),
    ],
)
def test_who_would_not_get_into_the_cluster_is_refused_with_what_to_add(caller: str, add: str) -> None:
    message = refused(lambda: aws.check_caller(given(), ACCOUNT, caller))
    assert message.startswith(f"groundwork:foundation.cluster.administrators is ['{IAM}:role/deployer'], without ")
    assert f"add {add}, or log in as one of them" in message


def test_the_credentials_of_another_account_are_refused_with_both() -> None:
    caller = "arn:aws:iam::210987654321:user/jane"
    assert refused(lambda: aws.check_caller(given(), "210987654321", caller)) == (
        f"groundwork:foundation.account is '{ACCOUNT}', but the credentials are those of {caller}, in account "
        "210987654321: log in to the account of the settings (AWS_PROFILE), or change the key"
    )


def authority(path: Path, name: str) -> str:
    """A PEM file of an authority of this name."""
    key, now = Ed25519PrivateKey.generate(), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1, now, now + timedelta(days=1))
    path.write_bytes(builder.sign(key, None).public_bytes(Encoding.PEM))
    return str(path)


def test_the_authorities_of_databases_are_those_of_the_region(tmp_path: Path) -> None:
    own = authority(tmp_path / "own.pem", "Amazon RDS eu-west-1 Root CA RSA2048 G1")
    aws.check_ca(on_aws(database={"ca": own}).aws or given())
    other = authority(tmp_path / "other.pem", "Amazon RDS eu-central-1 Root CA RSA2048 G1")
    message = refused(lambda: aws.check_ca(on_aws(database={"ca": other}).aws or given()))
    assert message == (
        f"groundwork:foundation.database.ca is '{other}', whose authorities are Amazon RDS eu-central-1 Root CA "
        "RSA2048 G1: none is of RDS in groundwork:foundation.region eu-west-1: download "
        "https://truststore.pki.rds.amazonaws.com/eu-west-1/eu-west-1-bundle.pem"
    )


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_of_authorities_that_is_none_is_refused(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "rds.pem"
    if content:
        path.write_text(content)
    message = refused(lambda: aws.check_ca(on_aws(database={"ca": str(path)}).aws or given()))
    assert message.startswith(f"groundwork:foundation.database.ca is '{path}': no PEM file of certificates: ")
    assert "download https://truststore" in message


def test_aws_itself_needs_pulumis_and_awss_own_commands_and_a_login(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = authority(tmp_path / "own.pem", "Amazon RDS eu-west-1 Root CA RSA2048 G1")
    environment = stack(monkeypatch, on_aws(database={"ca": own}))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "AWS's plugin is one of Pulumi's own installation" in refused(lambda: aws.check_account(environment))
    for name in ("pulumi", "pulumi-language-python"):
        (tmp_path / name).touch(0o755)
    assert "AWS's own command `aws` (2.x)" in refused(lambda: aws.check_account(environment))
    (tmp_path / "aws").touch(0o755)
    monkeypatch.setattr(aws.aws, "caller", always((ACCOUNT, f"{STS}/stranger/session")))
    assert "without who deploys" in refused(lambda: aws.check_account(environment))


def test_repositories_are_made_first_and_alone_where_one_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment = stack(monkeypatch, on_aws())
    runs: list[dict[str, Any]] = []
    monkeypatch.setattr(engine, "ensure_stack", quiet)

    def up(*_: object, **options: Any) -> None:
        runs.append(options)

    monkeypatch.setattr(engine, "up", up)
    names = [f"groundwork-local/{image.name}" for image in images()]
    there = [{"type": "aws:ecr/repository:Repository", "id": name} for name in names]
    for state, made in ((there, 0), (there[1:], 1), ([], len(names))):
        monkeypatch.setattr(aws.Backend, "resources", always(state))
        runs.clear()
        aws.ensure_repositories(environment, quiet, tmp_path / "log")
        assert len(aws.lacking_repositories(state, "local")) == made
        assert len(runs) == (1 if made else 0)
        assert all(run["targets"] == aws.REGISTRY_TARGETS and run["extra"] for run in runs)


def test_a_caller_that_is_no_role_is_who_it_is() -> None:
    assert aws.principal_of(f"{IAM}:user/teams/jane") == f"{IAM}:user/teams/jane"


def test_no_error_names_more_than_the_first_authorities(tmp_path: Path) -> None:
    path = tmp_path / "many.pem"
    parts = [Path(authority(tmp_path / f"{n}.pem", f"Authority {n}")).read_text() for n in range(9)]
    path.write_text("".join(parts))
    with pytest.raises(UserError, match="whose authorities are Authority 0, Authority 1, Authority 2: none"):
        aws.check_ca(on_aws(database={"ca": str(path)}).aws or given())


def test_a_preview_knows_which_images_are_built_after_it_and_has_a_stand_in_for_what_never_was(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    environment = stack(monkeypatch, on_aws())
    sources = aws.read_sources(environment.settings.images())
    pinned = {name: source.locked(DIGEST) for name, source in sources.items()}
    pinned["mlflow"] = pinned["mlflow"].model_copy(update={"inputs": DIGEST})
    base = pinned.pop("base")
    monkeypatch.setattr(aws, "read_images", always(pinned))
    unbuilt = aws.unbuilt_images(environment)
    assert unbuilt == {"base": sources["base"].locked(base.inputs), "mlflow": pinned["mlflow"]}
    environment.account.mkdir(parents=True)
    assert "its emulated account has ended" in refused(lambda: aws.unbuilt_images(environment))
