"""Importing: modules that are first wanted while requests are served.

An import takes up to a tenth of a second. In a thread it takes as long, but whoever sends meanwhile is served.
"""

import asyncio
import importlib
import sys


async def imported(name: str) -> None:
    """Returns when the module of that name is imported."""
    if name not in sys.modules:
        await asyncio.to_thread(importlib.import_module, name)
