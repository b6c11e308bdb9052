"""What the judges of a running account need."""

from tests.embedded.providers.conftest import toolchain

__all__ = ["toolchain"]
