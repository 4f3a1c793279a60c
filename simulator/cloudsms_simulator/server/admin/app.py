"""The admin API's application: which path is whose, who is let in, and what an error looks like."""

from collections.abc import Iterable, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route

from cloudsms_simulator.server.account_keeper import AccountConflictError
from cloudsms_simulator.server.admin.account_verbs import AccountVerbs, on_account_conflict
from cloudsms_simulator.server.admin.accounts import Accounts
from cloudsms_simulator.server.admin.clocks import Clocks
from cloudsms_simulator.server.admin.events import EventStreams
from cloudsms_simulator.server.admin.explain import Explain
from cloudsms_simulator.server.admin.facts import Facts
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
from cloudsms_simulator.server.admin.segments import Segments
from cloudsms_simulator.server.admin.sink import Sinks
from cloudsms_simulator.server.admin.state import States
from cloudsms_simulator.server.admin.verify import Verify
from cloudsms_simulator.server.admin.waits import WaitPoints
from cloudsms_simulator.server.problems import SettingsError
from cloudsms_simulator.server.turns import CalledOffError


def admin_app(office: Office, names: Iterable[str], token: str | None, pages: Sequence[BaseRoute] = ()) -> Starlette:
    """The ASGI application of the admin port; `names` are the hosts it may be called by, without ports.

    `pages` are routes beside those of the API.
    """
    probes, accounts, clocks = Probes(office), Accounts(office), Clocks(office)
    messages, requests, reports = Messages(office), Requests(office), Reports(office)
    verbs, sinks = AccountVerbs(office, office.keeper), Sinks(office, office.sink)
    facts, states = Facts(office.info, office.certs), States(office.state)
    scenarios, rules, faults = Scenarios(office), Rules(office), Faults(office)
    waits, verify, events = (
        WaitPoints(office, office.waits),
        Verify(office, office.waits),
        EventStreams(office, office.events),
    )
    explain, segments = Explain(office, office.explainer), Segments(office)
    return Starlette(
        routes=[
            Route("/livez", probes.livez),
            Route("/readyz", probes.readyz),
            Route("/api/v1/accounts", accounts.listing),
            Route("/api/v1/accounts", verbs.create, methods=["POST"]),
            Route("/api/v1/accounts/{name}", verbs.show),
            Route("/api/v1/accounts/{name}", verbs.change, methods=["PATCH"]),
            Route("/api/v1/accounts/{name}", verbs.delete, methods=["DELETE"]),
            Route("/api/v1/accounts/{name}/credit", verbs.credit, methods=["POST"]),
            Route("/api/v1/accounts/{name}/ledger", verbs.ledger),
            Route("/api/v1/accounts/{name}/reset", accounts.reset, methods=["POST"]),
            Route("/api/v1/messages", messages.listing),
            Route("/api/v1/requests", requests.listing),
            Route("/api/v1/reports", reports.listing),
            Route("/api/v1/messages/wait", waits.messages, methods=["GET", "POST"]),
            Route("/api/v1/requests/wait", waits.requests, methods=["GET", "POST"]),
            Route("/api/v1/reports/wait", waits.reports, methods=["GET", "POST"]),
            Route("/api/v1/requests/verify", verify.requests, methods=["POST"]),
            Route("/api/v1/messages/{uid}", messages.show),
            Route("/api/v1/messages/{uid}/timeline", messages.timeline),
            Route("/api/v1/messages/{uid}/segments", messages.segments),
            Route("/api/v1/messages/{uid}/otp", messages.otp),
            Route("/api/v1/messages/{uid}/report", messages.report, methods=["POST"]),
            Route("/api/v1/requests/{id}", requests.show),
            Route("/api/v1/reports/pending", reports.pending),
            Route("/api/v1/reports/{id}", reports.show),
            Route("/api/v1/reports/{id}/resend", reports.resend, methods=["POST"]),
            Route("/api/v1/events", events.stream),
            Route("/api/v1/explain", explain.show),
            Route("/api/v1/explain", explain.ask, methods=["POST"]),
            Route("/api/v1/segments", segments.count, methods=["POST"]),
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
            Route("/api/v1/sink", sinks.show),
            Route("/api/v1/sink", sinks.answer, methods=["PUT"]),
            Route("/api/v1/sink", sinks.clear, methods=["DELETE"]),
            Route("/api/v1/state", states.take),
            Route("/api/v1/state", states.put, methods=["PUT"]),
            Route("/api/v1/info", facts.info),
            Route("/api/v1/readings", facts.readings),
            Route("/api/v1/certs", facts.certs),
            Route("/api/v1/reset", accounts.reset_all, methods=["POST"]),
            *pages,
        ],
        middleware=[Middleware(Guard, names=frozenset(names), token=token)],
        exception_handlers={
            HTTPException: on_http_exception,
            SettingsError: on_settings_error,
            AccountConflictError: on_account_conflict,
            CalledOffError: on_called_off,
            Exception: on_slip,
        },
    )
