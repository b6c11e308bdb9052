from embedded.providers.base.light import skip_sdk

skip_sdk()

from .host import serve  # noqa: E402

serve()
