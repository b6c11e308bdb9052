from embedded.providers.base import serve

from .provider import Random

serve(Random())
