"""The table of the admin port's endpoints: which handler serves which path. An endpoint needs a row here.

The OpenAPI document is made of this table. What a row does not say follows from the handler's docstring, from the
Structs of body and answer, and from the query. Rows are tried in their order.
"""

from collections.abc import Sequence

from cloudsms_simulator.api.accounts import (
    AccountHandlers,
    Advance,
    ClockHandlers,
    Resume,
    RunUntilIdle,
)
from cloudsms_simulator.api.context import ApiContext
from cloudsms_simulator.api.http import Nothing
from cloudsms_simulator.api.journal import ForcedState, MessageHandlers, ReportHandlers, RequestHandlers, SendAgain
from cloudsms_simulator.api.operation import (
    Awaited,
    AwaitedOfAnybody,
    OfAccount,
    OfAnybody,
    OfExchange,
    OfSome,
    Operation,
    Paged,
    RawContent,
    Searched,
    SearchedOfAnybody,
)
from cloudsms_simulator.api.rules import FaultHandlers, Open, RuleHandlers, ScenarioHandlers, Switch, Use, Validate
from cloudsms_simulator.api.server import DocsHandlers, InfoHandlers, MetricsHandlers, ProbeHandlers, StateHandlers
from cloudsms_simulator.api.tools import (
    AnswerBody,
    ExplainBody,
    ExplainHandlers,
    SegmentHandlers,
    SegmentsBody,
    SendBody,
    SendHandlers,
    Sequenced,
    SinkHandlers,
)
from cloudsms_simulator.api.waits import EventHandlers, Expected, VerifyHandlers, WaitHandlers, Wanted
from cloudsms_simulator.config.account_body import account_change_schema, credit_schema, new_account_schema
from cloudsms_simulator.config.schema import Definitions, Schema
from cloudsms_simulator.engine.billing import TextBill
from cloudsms_simulator.models.account import (
    AccountItem,
    ClockItem,
    LedgerItem,
    RuleItem,
    ScenarioPage,
    SinkItem,
    TroubleItem,
    UsedItem,
    Verdict,
)
from cloudsms_simulator.models.explanation import Explanation
from cloudsms_simulator.models.journal import (
    Bare,
    ClockSet,
    ForcedItem,
    Happened,
    MessageItem,
    OtpItem,
    PendingItem,
    ReportItem,
    RequestItem,
    SentItem,
    TimelineItem,
    Verified,
    VerifyProblem,
    WaitProblem,
)
from cloudsms_simulator.models.server import STATE_VERSION, Certs, Info, Page, Probe, ReadingsItem
from cloudsms_simulator.push.receiver import SinkAnswer
from cloudsms_simulator.services.info import own_version

_SINK = (SinkItem[SinkAnswer], SinkItem[Sequenced])
_STATE: Schema = {
    "type": "object",
    "description": "Everything there is, as GET gives it and PUT takes it. It holds whole AUTH_KEYs.",
    "properties": {
        "version": {"const": STATE_VERSION},
        "requests": {"type": "integer", "minimum": 0},
        "accounts": {"type": "array", "items": {"type": "object"}, "minItems": 1},
        "nobody": {"type": "object"},
    },
    "required": ["version", "accounts", "nobody"],
}
_EVENTS = RawContent(
    "text/event-stream",
    {"type": "string", "description": "Server-sent events; `data` is JSON, by the name of the event as told here."},
    {
        "request": Happened[RequestItem],
        "message": Happened[MessageItem],
        "report": Happened[ReportItem],
        "clock": ClockSet,
        "reset": Bare,
        "gap": Bare,
    },
)
_HTML = RawContent("text/html")
_FILE = RawContent("text/javascript")
_METRICS = RawContent("text/plain")


def routes_of(context: ApiContext) -> list[Operation]:
    """Every route, in the order in which they are tried."""
    probes, accounts = ProbeHandlers(context), AccountHandlers(context, context.accounts)
    messages, requests, reports = MessageHandlers(context), RequestHandlers(context), ReportHandlers(context)
    clocks, sinks = ClockHandlers(context), SinkHandlers(context, context.sink)
    info, state = InfoHandlers(context.info, context.certs), StateHandlers(context.state)
    scenarios, rules, faults = ScenarioHandlers(context), RuleHandlers(context), FaultHandlers(context)
    waits, verify = WaitHandlers(context, context.waits), VerifyHandlers(context, context.waits)
    events, explain, segments = (
        EventHandlers(context, context.events),
        ExplainHandlers(context, context.explainer),
        SegmentHandlers(context),
    )
    metrics, send = MetricsHandlers(context), SendHandlers(context)
    docs = DocsHandlers(lambda root: _document(routes, root))
    # fmt: off
    routes = [
        Operation("/livez", probes.livez, tag="server", query=None, answers={200: Probe}),
        Operation("/readyz", probes.readyz, tag="server", query=None, answers={200: Probe, 503: Probe}),
        Operation("/metrics", metrics.show, tag="server", query=None, answers={200: _METRICS}),

        Operation("/api/v1/accounts", accounts.listing, query=Paged, answers={200: Page[AccountItem]}),
        Operation("/api/v1/accounts", accounts.create, methods=["POST"], body=new_account_schema,
                  answers={201: AccountItem}, problems=[409]),
        Operation("/api/v1/accounts/{name}", accounts.show, answers={200: AccountItem}),
        Operation("/api/v1/accounts/{name}", accounts.change, methods=["PATCH"], body=account_change_schema,
                  answers={200: AccountItem}, problems=[409, 503]),
        Operation("/api/v1/accounts/{name}", accounts.delete, methods=["DELETE"], body=Nothing,
                  answers={204: None}, problems=[409]),
        Operation("/api/v1/accounts/{name}/credit", accounts.credit, methods=["POST"], body=credit_schema,
                  answers={200: LedgerItem}, problems=[409]),
        Operation("/api/v1/accounts/{name}/ledger", accounts.ledger, query=Paged, answers={200: Page[LedgerItem]}),
        Operation("/api/v1/accounts/{name}/reset", accounts.reset, methods=["POST"], body=Nothing,
                  answers={200: AccountItem}, problems=[409, 503]),

        Operation("/api/v1/messages", messages.listing, query=Searched, answers={200: Page[MessageItem]}),
        Operation("/api/v1/requests", requests.listing, query=SearchedOfAnybody, answers={200: Page[RequestItem]}),
        Operation("/api/v1/reports", reports.listing, query=Searched, answers={200: Page[ReportItem]}),
        Operation("/api/v1/messages/wait", waits.messages, query=Awaited,
                  answers={200: Page[MessageItem], 408: WaitProblem[MessageItem]}, problems=[409, 503]),
        Operation("/api/v1/messages/wait", waits.messages, methods=["POST"], query=OfAccount, body=Wanted,
                  answers={200: Page[MessageItem], 408: WaitProblem[MessageItem]}, problems=[409, 503]),
        Operation("/api/v1/requests/wait", waits.requests, query=AwaitedOfAnybody,
                  answers={200: Page[RequestItem], 408: WaitProblem[RequestItem]}, problems=[409, 503]),
        Operation("/api/v1/requests/wait", waits.requests, methods=["POST"], query=OfAnybody, body=Wanted,
                  answers={200: Page[RequestItem], 408: WaitProblem[RequestItem]}, problems=[409, 503]),
        Operation("/api/v1/reports/wait", waits.reports, query=Awaited,
                  answers={200: Page[ReportItem], 408: WaitProblem[ReportItem]}, problems=[409, 503]),
        Operation("/api/v1/reports/wait", waits.reports, methods=["POST"], query=OfAccount, body=Wanted,
                  answers={200: Page[ReportItem], 408: WaitProblem[ReportItem]}, problems=[409, 503]),
        Operation("/api/v1/requests/verify", verify.requests, methods=["POST"], query=OfAnybody, body=Expected,
                  answers={200: Verified, 409: VerifyProblem[RequestItem]}),
        Operation("/api/v1/messages/{uid}", messages.show, query=OfAccount, answers={200: MessageItem}),
        Operation("/api/v1/messages/{uid}/timeline", messages.timeline, query=OfAccount, answers={200: TimelineItem}),
        Operation("/api/v1/messages/{uid}/segments", messages.segments, query=OfAccount, answers={200: TextBill}),
        Operation("/api/v1/messages/{uid}/otp", messages.otp, query=OfAccount, answers={200: OtpItem}),
        Operation("/api/v1/messages/{uid}/report", messages.report, methods=["POST"], query=OfAccount,
                  body=ForcedState, answers={200: ForcedItem}, problems=[409, 503]),
        Operation("/api/v1/requests/{id}", requests.show, query=OfAnybody, answers={200: RequestItem}),
        Operation("/api/v1/requests/{id}/send", requests.send, methods=["POST"], query=OfAnybody, body=SendAgain,
                  answers={200: RequestItem}, problems=[409]),
        Operation("/api/v1/reports/pending", reports.pending, query=Searched, answers={200: Page[PendingItem]}),
        Operation("/api/v1/reports/{id}", reports.show, query=OfAccount, answers={200: ReportItem}),
        Operation("/api/v1/reports/{id}/resend", reports.resend, methods=["POST"], query=OfAccount, body=Nothing,
                  answers={200: ReportItem}, problems=[409, 503]),
        Operation("/api/v1/send", send.send, methods=["POST"], query=OfAccount, body=SendBody,
                  answers={200: SentItem}),
        Operation("/api/v1/events", events.stream, query=OfSome, answers={200: _EVENTS}),

        Operation("/api/v1/explain", explain.show, query=OfExchange, answers={200: Explanation}),
        Operation("/api/v1/explain", explain.ask, methods=["POST"], query=OfAnybody, body=ExplainBody,
                  answers={200: Explanation}),
        Operation("/api/v1/segments", segments.count, methods=["POST"], query=OfAccount, body=SegmentsBody,
                  answers={200: TextBill}),

        Operation("/api/v1/clock", clocks.show, query=OfAccount, answers={200: ClockItem}),
        Operation("/api/v1/clock/freeze", clocks.freeze, methods=["POST"], query=OfAccount, body=Nothing,
                  answers={200: ClockItem}, problems=[409, 503]),
        Operation("/api/v1/clock/advance", clocks.advance, methods=["POST"], query=OfAccount, body=Advance,
                  answers={200: ClockItem}, problems=[409, 503]),
        Operation("/api/v1/clock/resume", clocks.resume, methods=["POST"], query=OfAccount, body=Resume,
                  answers={200: ClockItem}, problems=[409, 503]),
        Operation("/api/v1/clock/run-until-idle", clocks.run_until_idle, methods=["POST"], query=OfAccount,
                  body=RunUntilIdle, answers={200: ClockItem}, problems=[409, 503]),

        Operation("/api/v1/scenarios", scenarios.listing, query=OfAccount, answers={200: ScenarioPage}),
        Operation("/api/v1/scenarios/schema", scenarios.schema,
                  answers={200: RawContent("application/schema+json", {"type": "object"})}),
        Operation("/api/v1/scenarios/validate", scenarios.validate, methods=["POST"], body=Validate,
                  answers={200: Verdict}),
        Operation("/api/v1/scenarios/use", scenarios.use, methods=["POST"], query=OfAccount, body=Use,
                  answers={200: UsedItem}, problems=[409, 503]),
        Operation("/api/v1/scenarios/stop", scenarios.stop, methods=["POST"], query=OfAccount, body=Nothing,
                  answers={200: UsedItem}, problems=[409, 503]),

        Operation("/api/v1/rules", rules.listing, query=OfAccount, answers={200: Page[RuleItem]}),
        Operation("/api/v1/rules", rules.add, methods=["POST"], query=OfAccount, body=_rule,
                  answers={200: RuleItem}),
        Operation("/api/v1/rules", rules.clear, methods=["DELETE"], query=OfAccount, body=Nothing,
                  answers={200: Page[RuleItem]}),
        Operation("/api/v1/rules/unused", rules.unused, query=OfAccount, answers={200: Page[RuleItem]}),
        Operation("/api/v1/rules/{id}", rules.switch, methods=["POST"], query=OfAccount, body=Switch,
                  answers={200: RuleItem}),
        Operation("/api/v1/rules/{id}", rules.remove, methods=["DELETE"], query=OfAccount, body=Nothing,
                  answers={200: Page[RuleItem]}, problems=[409]),
        Operation("/api/v1/faults", faults.listing, query=OfAccount, answers={200: Page[RuleItem]}),
        Operation("/api/v1/faults", faults.add, methods=["POST"], query=OfAccount, body=_fault,
                  answers={200: RuleItem}),
        Operation("/api/v1/faults", faults.clear, methods=["DELETE"], query=OfAccount, body=Nothing,
                  answers={200: Page[RuleItem]}),
        Operation("/api/v1/faults/tls", faults.troubles, answers={200: Page[TroubleItem]}),
        Operation("/api/v1/faults/tls", faults.open, methods=["POST"], body=Open,
                  answers={200: TroubleItem}, problems=[503]),
        Operation("/api/v1/faults/{id}", faults.switch, methods=["POST"], query=OfAccount, body=Switch,
                  answers={200: RuleItem}),
        Operation("/api/v1/faults/{id}", faults.remove, methods=["DELETE"], query=OfAccount, body=Nothing,
                  answers={200: Page[RuleItem]}, problems=[409]),

        Operation("/api/v1/sink", sinks.show, query=OfAccount, answers={200: _SINK}),
        Operation("/api/v1/sink", sinks.answer, methods=["PUT"], query=OfAccount, body=AnswerBody,
                  answers={200: _SINK}),
        Operation("/api/v1/sink", sinks.clear, methods=["DELETE"], query=OfAccount, body=Nothing,
                  answers={200: _SINK}),

        Operation("/api/v1/state", state.take, tag="server", answers={200: RawContent("application/json", _STATE)}),
        Operation("/api/v1/state", state.put, tag="server", methods=["PUT"], body=_state,
                  answers={204: None}, problems=[409, 503]),
        Operation("/api/v1/info", info.info, tag="server", answers={200: Info}),
        Operation("/api/v1/readings", info.readings, tag="server", answers={200: ReadingsItem}),
        Operation("/api/v1/certs", info.certs, tag="server", answers={200: Certs}),
        Operation("/api/v1/reset", accounts.reset_all, tag="server", methods=["POST"], body=Nothing,
                  answers={200: Page[AccountItem]}, problems=[409, 503]),
        Operation("/api/v1/openapi.json", docs.openapi, tag="server", query=None,
                  answers={200: RawContent("application/json", {"type": "object"})}),
        Operation("/api/v1/docs", docs.docs, tag="server", query=None, answers={200: _HTML}),
        Operation("/vendored/{path:path}", docs.vendored, tag="server", query=None, answers={200: _FILE}),
    ]
    # fmt: on
    return routes


def _document(routes: Sequence[Operation], root: str) -> bytes:
    from cloudsms_simulator.api.openapi import openapi_document

    return openapi_document(routes, own_version(), root)


def _rule(definitions: Definitions) -> Schema:
    # Imports PyYAML, which only readers of the OpenAPI document need.
    from cloudsms_simulator.config.rule_schema import RULE

    return {**RULE.schema_in(definitions), "examples": [RULE.example]}


def _fault(definitions: Definitions) -> Schema:
    from cloudsms_simulator.config.rule_schema import FAULT

    return {**FAULT.schema_in(definitions), "examples": [FAULT.example]}


def _state(definitions: Definitions) -> Schema:
    return _STATE
