"""The admin API's application: which path is whose, who is let in, and what an error looks like."""

from collections.abc import Iterable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from cloudsms_simulator.server.admin.accounts import Accounts
from cloudsms_simulator.server.admin.clocks import Clocks
from cloudsms_simulator.server.admin.faults import Faults
from cloudsms_simulator.server.admin.guard import Guard
from cloudsms_simulator.server.admin.messages import Messages
from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.admin.probes import Probes
from cloudsms_simulator.server.admin.problems import on_called_off, on_http_exception, on_settings_error, on_slip
from cloudsms_simulator.server.admin.reports import Reports
from cloudsms_simulator.server.admin.requests import Requests
from cloudsms_simulator.server.admin.rules import Rules
from cloudsms_simulator.server.admin.scenarios import Scenarios
from cloudsms_simulator.server.problems import SettingsError
from cloudsms_simulator.server.turns import CalledOffError


def admin_app(office: Office, names: Iterable[str], token: str | None) -> Starlette:
    """The ASGI application of the admin port; `names` are the hosts it may be called by, without ports."""
    probes, accounts, clocks = Probes(office), Accounts(office), Clocks(office)
    messages, requests, reports = Messages(office), Requests(office), Reports(office)
    scenarios, rules, faults = Scenarios(office), Rules(office), Faults(office)
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
            Route("/api/v1/scenarios", scenarios.listing),
            Route("/api/v1/scenarios/schema", scenarios.schema),
            Route("/api/v1/scenarios/validate", scenarios.validate, methods=["POST"]),
            Route("/api/v1/scenarios/use", scenarios.use, methods=["POST"]),
            Route("/api/v1/scenarios/stop", scenarios.stop, methods=["POST"]),
            Route("/api/v1/rules", rules.listing),
            Route("/api/v1/rules", rules.add, methods=["POST"]),
            Route("/api/v1/rules", rules.clear, methods=["DELETE"]),
            Route("/api/v1/rules/unused", rules.unused),
            Route("/api/v1/rules/{id}", rules.remove, methods=["DELETE"]),
            Route("/api/v1/faults", faults.listing),
            Route("/api/v1/faults", faults.add, methods=["POST"]),
            Route("/api/v1/faults", faults.clear, methods=["DELETE"]),
            Route("/api/v1/faults/tls", faults.troubles),
            Route("/api/v1/faults/tls", faults.open, methods=["POST"]),
            Route("/api/v1/faults/{id}", faults.remove, methods=["DELETE"]),
            Route("/api/v1/reset", accounts.reset_all, methods=["POST"]),
        ],
        middleware=[Middleware(Guard, names=frozenset(names), token=token)],
        exception_handlers={
            HTTPException: on_http_exception,
            SettingsError: on_settings_error,
            CalledOffError: on_called_off,
            Exception: on_slip,
        },
    )
