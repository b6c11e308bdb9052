"""What a type needs beyond its declared calls. Each is a function of the live resource, by the name in the table."""

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

MODULES = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
HOOKS: dict[str, Callable[[Any], Any]] = {
    name: function
    for module in MODULES
    for name, function in vars(module).items()
    if callable(function) and not name.startswith("_") and getattr(function, "__module__", "") == module.__name__
}
