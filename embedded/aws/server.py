"""moto's server, with the extension loaded into the same process: boto3, Karpenter and plugins see one account."""

import logging
from collections.abc import Mapping

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import BaseWSGIServer, make_server

from . import extension
from .prices import Prices
from .repeats import Repeats

HOST = "127.0.0.1"


def make(port: int = 0, prices: Mapping[str, float] | None = None) -> BaseWSGIServer:
    """A server that listens and does not serve yet. port 0: the system chooses one. prices: of instance types, US
    dollars an hour."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    extension.load()
    application = DomainDispatcherApplication(create_backend_app)
    account = Repeats(Prices(application, prices or {}))
    return make_server(HOST, port, account, threaded=True, request_handler=MotoRequestHandler)
