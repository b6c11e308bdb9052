"""moto's server, with the extension loaded into the same process: boto3, Karpenter and plugins see one account."""

import logging

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import BaseWSGIServer, make_server

from . import extension
from .repeats import Repeats

HOST = "127.0.0.1"


def make(port: int = 0) -> BaseWSGIServer:
    """A server that listens and does not serve yet. port 0: the system chooses one."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    extension.load()
    application = DomainDispatcherApplication(create_backend_app)
    return make_server(HOST, port, Repeats(application), threaded=True, request_handler=MotoRequestHandler)
