"""Where the pods of a cluster reach the account: AWS's own names lead to an address of their network, by TLS.

On AWS that is what an interface endpoint in the VPC does. The server is one of this process's, with a listener in the
network of the cluster's node: nothing else of this machine is reached from there.
"""

import ssl
import threading
from collections.abc import Iterable, Sequence
from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Protocol

from embedded.cluster import Cluster
from embedded.cluster.certificates import issue, write_private
from embedded.cluster.network import split

from .node_network import add_address, listen

PORT = 443
NAMES = "^(.+[.])?amazonaws[.]com[.]$"
NAME = "aws"
"""Of its certificate's files."""
VALID = timedelta(days=365)
IDLE_SECONDS = 60
"""For how long a connection may say nothing: each holds the node's network."""


class Application(Protocol):
    """Of WSGI."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]: ...


class Entrance:
    """Of one cluster that runs. `region`: whose names its certificate has."""

    def __init__(self, cluster: Cluster, region: str, application: Application) -> None:
        self.cluster, self.region, self.application = cluster, region, application
        (self.address,) = (address for names, address in cluster.spec.names if names == NAMES)

    def start(self) -> None:
        """Return once it answers."""
        from moto.moto_server.werkzeug_app import MotoRequestHandler
        from werkzeug.serving import make_server

        class Handler(MotoRequestHandler):
            timeout = IDLE_SECONDS

        layout = self.cluster.layout
        hosts = host_names(self.region)
        certificate, key = issue(layout, hosts[0], hosts=hosts, valid=VALID)
        write_private(layout.certificate(NAME), certificate.encode())
        write_private(layout.key(NAME), key.encode())
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(layout.certificate(NAME), layout.key(NAME))
        add_address(layout, self.address)
        with listen(layout, self.address, PORT) as listener:
            self._server = make_server(
                self.address,
                PORT,
                self.application,
                threaded=True,
                request_handler=Handler,
                fd=listener.fileno(),
            )
        # In the thread of each connection: one that never says anything keeps nobody waiting.
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._server.ssl_context = context
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def end(self) -> None:
        """Close it: the network of the node is there for as long as it listens."""
        self._server.shutdown()
        self._server.server_close()


def address(network: str, subnets: Sequence[str]) -> IPv4Address:
    """Return the address in a VPC: the last of the first subnet that the cluster on this machine uses for nothing else,
    or else of the VPC itself. Pure."""
    parts = split(network)
    for each in map(IPv4Network, subnets):
        if not any(each.overlaps(used) for used in (parts.pods, parts.services, parts.link)):
            return each[-2]
    return parts.link[0] - 2


def host_names(region: str) -> list[str]:
    """Return the names of AWS's services in a region, and of its buckets, as a certificate has them. Pure."""
    own = [f"*.{region}.amazonaws.com", "*.amazonaws.com"]
    buckets = [f"*.s3.{region}.amazonaws.com", "*.s3.amazonaws.com"]
    return [*own, *buckets, f"api.ecr.{region}.amazonaws.com", "api.pricing.us-east-1.amazonaws.com"]
