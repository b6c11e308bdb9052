"""MLflow as a service."""

from modules.core.contracts import Consumer, Grant, Route
from modules.core.images import Image
from modules.core.service import GATEWAY_LOGIN, Context, Deployed, Service

from .settings import MlflowSettings


def deploy(context: Context[MlflowSettings]) -> Deployed:
    from .server import Mlflow, tracking

    contract = tracking(context.namespace.name, context.store)
    Mlflow(
        context.name,
        settings=context.settings,
        labels=context.labels,
        cluster=context.cluster,
        contract=contract,
        store=context.store,
        database=context.database,
        identity=context.identity,
        registry=context.registry,
        image=context.images["mlflow"],
        namespace=context.namespace.ready,
        clients=context.clients,
        components=context.client_components,
        origins=[context.address] if context.address else [],
        opts=context.opts,
    )
    route = Route(
        name=context.name,
        title=MLFLOW.title,
        servers={context.name: contract.url},
        weights={context.name: 1},
        health="/health",
        login=True,
    )
    return Deployed(provides=(contract,), routes=(route,))


MLFLOW = Service[MlflowSettings](
    name="mlflow",
    title="Experiments and the model registry",
    settings=MlflowSettings,
    deploy=deploy,
    needs=Consumer(
        buckets={"artifacts": Grant(write=("mlflow/",))}, database=True, connections=15, accounts=("mlflow",)
    ),
    routed=True,
    images=(
        Image(
            name="mlflow",
            budget_mb=450,
            containerfile="modules/mlflow/Containerfile",
            files=("modules/mlflow/files/*.py", "modules/mlflow/files/*.dist-info/*"),
            group="mlflow",
            package="mlflow",
            prune=("docker", "matplotlib", "pyarrow", "scikit-learn", "scipy", "skops"),
        ),
    ),
    login=GATEWAY_LOGIN,
)
