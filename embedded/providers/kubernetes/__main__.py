from embedded.providers.base.light import skip_sdk

skip_sdk()

from embedded.providers.base import serve  # noqa: E402

from .provider import Kubernetes  # noqa: E402

serve(Kubernetes())
