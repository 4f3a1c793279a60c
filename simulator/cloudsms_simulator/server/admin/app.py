"""The admin API's application: which path is whose, who is let in, and what an error looks like."""

from collections.abc import Iterable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from cloudsms_simulator.server.admin.accounts import Accounts
from cloudsms_simulator.server.admin.clocks import Clocks
from cloudsms_simulator.server.admin.guard import Guard
from cloudsms_simulator.server.admin.messages import Messages
from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.admin.probes import Probes
from cloudsms_simulator.server.admin.problems import on_called_off, on_http_exception, on_slip
from cloudsms_simulator.server.admin.reports import Reports
from cloudsms_simulator.server.admin.requests import Requests
from cloudsms_simulator.server.turns import CalledOffError


def admin_app(office: Office, names: Iterable[str], token: str | None) -> Starlette:
    """The ASGI application of the admin port; `names` are the hosts it may be called by, without ports."""
    probes, accounts, clocks = Probes(office), Accounts(office), Clocks(office)
    messages, requests, reports = Messages(office), Requests(office), Reports(office)
    return Starlette(
        routes=[
            Route("/livez", probes.livez),
            Route("/readyz", probes.readyz),
            Route("/api/v1/accounts", accounts.listing),
            Route("/api/v1/accounts/{name}/reset", accounts.reset, methods=["POST"]),
            Route("/api/v1/messages", messages.listing),
            Route("/api/v1/requests", requests.listing),
            Route("/api/v1/reports", reports.listing),
            Route("/api/v1/clock", clocks.show),
            Route("/api/v1/clock/freeze", clocks.freeze, methods=["POST"]),
            Route("/api/v1/clock/advance", clocks.advance, methods=["POST"]),
            Route("/api/v1/clock/resume", clocks.resume, methods=["POST"]),
            Route("/api/v1/clock/run-until-idle", clocks.run_until_idle, methods=["POST"]),
            Route("/api/v1/reset", accounts.reset_all, methods=["POST"]),
        ],
        middleware=[Middleware(Guard, names=frozenset(names), token=token)],
        exception_handlers={
            HTTPException: on_http_exception,
            CalledOffError: on_called_off,
            Exception: on_slip,
        },
    )
