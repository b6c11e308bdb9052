"""MLflow as a service."""

from modules.core.contracts import Consumer, Grant, Route
from modules.core.images import Image
from modules.core.service import Context, Deployed, Login, Service

from .documents import LOGIN_SECRET, USERS_SECRET
from .settings import MlflowSettings


def deploy(context: Context[MlflowSettings]) -> Deployed:
    from .server import Mlflow, tracking

    contract = tracking(context.namespace.name, context.store, context.clients)
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
        models={client: context.consumers[client].models for client in context.clients},
        origins=[context.address] if context.address else [],
        opts=context.opts,
    )
    route = Route(
        name=context.name,
        title=MLFLOW.title,
        servers={context.name: contract.url},
        weights={context.name: 1},
        health="/health",
        login=USERS_SECRET,
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
    login=Login(namespace="mlflow", secret=LOGIN_SECRET, username="username", password="password"),
)
