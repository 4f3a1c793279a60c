"""The control client: everything the admin API can do, as typed methods of `Client` and `AsyncClient`.

    with Client("http://127.0.0.1:61816") as client:
        client.messages.wait("to:852*")

`Client` blocks, `AsyncClient` is awaited. A method is an `operation` (`operation`), written once as a `Call`, or as
a generator of calls, and without any input or output. It stands on a resource, such as `client.messages`
(`resources`), which has a driver; the driver (`transport`) runs the calls over connections (`http`) and blocks or
is awaited, and so decides the type of what the method gives back. Answers are read into Structs (`models`); what
goes wrong is an `ApiError` (`errors`). Importing this package imports none of its modules; the first use of one of its
names does."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudsms_simulator.client.client import ADMIN_URL as ADMIN_URL
    from cloudsms_simulator.client.client import Api, AsyncClient, Client
    from cloudsms_simulator.client.errors import (
        ApiError,
        Close,
        RefusedError,
        SilentError,
        UnreachableError,
        UnreadableError,
        VerifyError,
        WaitError,
    )
    from cloudsms_simulator.client.transport import Event

_HOMES = {
    "ADMIN_URL": "client",
    "Api": "client",
    "ApiError": "errors",
    "AsyncClient": "client",
    "Client": "client",
    "Close": "errors",
    "Event": "transport",
    "RefusedError": "errors",
    "SilentError": "errors",
    "UnreachableError": "errors",
    "UnreadableError": "errors",
    "VerifyError": "errors",
    "WaitError": "errors",
}
__all__ = [
    "Api",
    "ApiError",
    "AsyncClient",
    "Client",
    "Close",
    "Event",
    "RefusedError",
    "SilentError",
    "UnreachableError",
    "UnreadableError",
    "VerifyError",
    "WaitError",
]


# There is no __dir__ that lists them: whoever looks at all that modules have, as freezegun does, would load them.
def __getattr__(name: str) -> object:
    """A public name, imported when it is first asked for. AttributeError for any other."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
