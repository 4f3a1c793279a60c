"""Late: what is made when it is first wanted, so that a start does not wait for what it imports.

An import takes up to a tenth of a second. In a thread it takes as long, but whoever sends meanwhile is served.
"""

import asyncio
import importlib
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Late(Generic[T]):
    """What `make` makes, once, out of a `module` that is imported before."""

    def __init__(self, module: str, make: Callable[[], T]) -> None:
        self._module = module
        self._make = make
        self._made: T | None = None

    async def get(self) -> T:
        """It, made by now. Everybody gets the same, however many want it at first."""
        if self._made is None:
            await asyncio.to_thread(importlib.import_module, self._module)
        if self._made is None:
            self._made = self._make()
        return self._made
