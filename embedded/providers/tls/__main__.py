from embedded.providers.base import serve

from .provider import Tls

serve(Tls())
