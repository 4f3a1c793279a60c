"""The admin API's application: its routes, who is let in, and what an error looks like."""

from collections.abc import Iterable, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from cloudsms_simulator.server.account_keeper import AccountConflictError
from cloudsms_simulator.server.admin.account_verbs import on_account_conflict
from cloudsms_simulator.server.admin.gate import Gate
from cloudsms_simulator.server.admin.guard import Guard
from cloudsms_simulator.server.admin.names import Names
from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.admin.problems import on_called_off, on_http_exception, on_settings_error, on_slip
from cloudsms_simulator.server.admin.routes import routes_of
from cloudsms_simulator.server.admin.veil import Veil
from cloudsms_simulator.server.problems import SettingsError
from cloudsms_simulator.server.turns import CalledOffError


def admin_app(office: Office, names: Iterable[str], gate: Gate, pages: Sequence[BaseRoute] = ()) -> Starlette:
    """The ASGI application of the admin port; `names` are the hosts it may be called by, as `Names` has them.

    `pages` are routes beside those of the API.
    """
    return Starlette(
        routes=[*routes_of(office), *pages],
        middleware=[
            Middleware(Veil, keys=lambda: office.directory.keys),
            Middleware(Guard, names=Names(names), gate=gate, asks=bool(pages)),
        ],
        exception_handlers={
            HTTPException: on_http_exception,
            SettingsError: on_settings_error,
            AccountConflictError: on_account_conflict,
            CalledOffError: on_called_off,
            Exception: on_slip,
        },
    )
