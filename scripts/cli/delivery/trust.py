"""Which models of a workload are believed by the machine that releases them: those that its check and servers take."""

from modules.core.errors import UserError
from modules.core.naming import namespace as namespace_of
from modules.core.releases import Pin
from scripts.cli.clients.tracking import Run, Version
from scripts.cli.delivery import jobs
from scripts.cli.environment import Environment
from workloads.documents import check_template, statement
from workloads.signing import SIGNATURE, NotTrustedError, Statement, Trust, statement_of

VARIABLES = {"MODEL_PUBLIC_KEY", "MODEL_ROOT"}
"""Of a check's pod."""


def trust_in(environment: Environment, workload: str) -> Trust:
    """Return what the check of a workload's models goes by. Raise UserError where none is deployed that does."""
    namespace, name = namespace_of(environment.stack, workload), check_template(workload)
    variables = jobs.variables_of(jobs.template(environment, namespace, name))
    if VARIABLES - variables.keys():
        raise UserError(
            f"CronJob {namespace}/{name} names no key by which models are known: another version of this repository "
            f"declared it; run `scripts/up {environment.stack}`"
        )
    return Trust(public_key=variables["MODEL_PUBLIC_KEY"], root=variables["MODEL_ROOT"])


def require_version(trust: Trust, version: Version) -> None:
    """Raise UserError for a version that the workload's training did not sign, or whose files are elsewhere."""
    signed = statement_of(version.model, version.run, version.tags)
    _require(trust, signed, version.tags.get(SIGNATURE, ""), f"version {version.number}")


def require_pin(trust: Trust, pin: Pin) -> None:
    """The same of what is pinned."""
    _require(trust, statement(pin), pin.signature, f"version {pin.model_version}")


def require_run(trust: Trust, model: str, run: Run) -> None:
    """The same of the run that made a model of that name."""
    _require(trust, statement_of(model, run.id, run.tags), run.tags.get(SIGNATURE, ""), f"of run {run.id}")


def is_signed(trust: Trust, model: str, made: Run | Version) -> bool:
    """Return whether the workload's training signed the model of a run, or a version of it."""
    run = made.id if isinstance(made, Run) else made.run
    return trust.holds(statement_of(model, run, made.tags), made.tags.get(SIGNATURE, ""))


def _require(trust: Trust, signed: Statement, signature: str, which: str) -> None:
    try:
        trust.require(signed, signature)
    except NotTrustedError as error:
        raise UserError(f"model {signed.model!r} {which} is refused: {error}") from error
