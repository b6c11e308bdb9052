from embedded.providers.light import skip_unused

skip_unused()

from .host import serve  # noqa: E402

serve()
