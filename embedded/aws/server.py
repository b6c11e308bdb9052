"""moto's server, with the extension loaded into the same process: boto3, Karpenter and plugins see one account."""

import logging
from collections.abc import Mapping
from types import MappingProxyType

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app

from . import extension
from .bodies import Bodies
from .callers import OwnersServer
from .clusters import Clusters
from .databases import Databases
from .entrance import Application
from .extension import ecr, eks_addons, eks_planes, rds_servers
from .extension.authorization import PodRequests
from .images import Images
from .prices import Prices
from .records import Records
from .repeats import Repeats

HOST = "127.0.0.1"


def make(
    port: int = 0, clusters: Clusters | None = None, prices: Mapping[str, float] = MappingProxyType({})
) -> OwnersServer:
    """A server that listens and does not serve yet, to no other user of this machine than root and its own. port 0: the
    system chooses one. clusters: where those of EKS run, with databases in their networks and images that they run;
    None: all are records, whose endpoints nothing answers at. prices: of instance types, US dollars an hour."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    extension.load()
    application = Prices(DomainDispatcherApplication(create_backend_app), prices)
    if clusters:
        eks_planes.use(clusters, for_pods(application))
        rds_servers.use(Databases(clusters))
        images = Images(clusters.machine)
        images.start()
        ecr.use(images)
        eks_addons.use(images)
    return OwnersServer(HOST, port, Repeats(Records(application)), MotoRequestHandler)


def for_pods(application: Application) -> Application:
    """Return what pods reach of an account: what they may, and within bounds."""
    return PodRequests(Bodies(application))
