"""A local CloudSMS platform: byte-true answers, billed segments, delivery reports over mutual TLS, a clock of its own.

Importing this package costs nothing; what it offers is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudsms_simulator.config.settings import Settings
    from cloudsms_simulator.simulator import Simulator

__all__ = ["Settings", "Simulator"]

_HOMES = {
    "Settings": "cloudsms_simulator.config.settings",
    "Simulator": "cloudsms_simulator.simulator",
}


# There is no __dir__ that lists them: whoever looks at all that modules have, as freezegun does, would load them.
def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "Simulator":
        # It imports its admin API when that is first called; where tests freeze the time, that may be too late.
        import_module("cloudsms_simulator.inbox.app")
    return getattr(import_module(_HOMES[name]), name)
