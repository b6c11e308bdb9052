from embedded.providers.light import skip_unused

skip_unused()

from embedded.providers.base import serve  # noqa: E402
from embedded.providers.base.engine import inform  # noqa: E402

from .provider import Aws  # noqa: E402

serve(Aws(inform=inform))
