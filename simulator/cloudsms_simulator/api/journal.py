"""`/messages`, `/requests` and `/reports`: what was kept, in lists that can be searched, and one by one.

A message is there for each SMS_UID that was accepted, with its timeline, segments and one-time password; its state
can be forced. A request is an exchange with its answer and findings; its packet can be sent again, as it was or
corrected. A report has its attempts to push it, what is still due, and can be pushed once more.
"""

from typing import Annotated

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.api.context import (
    ApiContext,
    account_or_nobody,
    exchange_of,
    message_of,
    no_message,
    no_report,
    report_named,
    report_of,
    searched_list,
)
from cloudsms_simulator.api.http import Nothing, json_response, page_of_values, page_response, read_json
from cloudsms_simulator.config.schema import InvalidValueError
from cloudsms_simulator.config.values import state_of_value
from cloudsms_simulator.engine.billing import bill_of_message
from cloudsms_simulator.engine.delivery import Conflict, ForceRequest
from cloudsms_simulator.engine.diagnosis import otp_in
from cloudsms_simulator.journal.views import JournalView, PendingListing, pending_of, timeline_of
from cloudsms_simulator.models.durations import read_duration_or_seconds
from cloudsms_simulator.models.journal import ForcedItem, OtpItem
from cloudsms_simulator.protocol.codes import is_final, state_desc
from cloudsms_simulator.services.sending import CannotResend

_STATE = 'the name of a state such as "DELIVERED", or its number'

StateNameOrNumber = Annotated[str | int, msgspec.Meta(description=_STATE)]
ForcedAfter = Annotated[str | float, msgspec.Meta(description='a duration such as "3s" or "PT25H", or seconds')]
ForcedFinal = Annotated[bool | None, msgspec.Meta(description="true or false: whether nothing follows")]
ForcedAgain = Annotated[
    bool, msgspec.Meta(description="true or false: whether a final state may be reported once more")
]


class ForcedState(msgspec.Struct, frozen=True):
    """A state to force on a message, now or later; `final` unless it is ENROUTE or IDLE.

    `again` pushes one more report of a message that has its final state, which changes neither the state nor money.
    """

    state: StateNameOrNumber
    after: ForcedAfter = 0.0
    final: ForcedFinal = None
    again: ForcedAgain = False


class MessageHandlers:
    """`/messages` and what is below it."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    async def listing(self, request: Request) -> Response:
        """The messages of one account. `?q=` searches."""
        account = self._context.requested_account(request)
        found = await searched_list(self._context, request, account, "messages")
        return await page_of_values(request, found, JournalView(self._context.store, account))

    async def show(self, request: Request) -> Response:
        """One message, as the list has it."""
        account, message = message_of(self._context, request)
        return json_response(JournalView(self._context.store, account).message(message))

    async def timeline(self, request: Request) -> Response:
        """Everything that happened to a message in order, and what is still to come."""
        account, message = message_of(self._context, request)
        return json_response(timeline_of(self._context.store, account, message, self._context.wall.now()))

    async def segments(self, request: Request) -> Response:
        """The parts of a message as a handset gets them, what they cost, and what forced its alphabet."""
        _, message = message_of(self._context, request)
        return json_response(bill_of_message(message))

    async def otp(self, request: Request) -> Response:
        """The one-time password in a message; 404 when it has none."""
        _, message = message_of(self._context, request)
        code = otp_in(message.sending.text)
        if code is None:
            raise HTTPException(404, f"message {message.uid} has no number of 4 to 8 digits that could be one")
        return json_response(OtpItem(code))

    async def report(self, request: Request) -> Response:
        """Forces a state on a message, now or later; what it came to."""
        account, uid = self._context.requested_account(request), request.path_params["uid"]
        wanted = _forced_state(await read_json(request, ForcedState))
        try:
            forced = await self._context.interventions.force(account, uid, wanted)
        except ValueError as error:
            raise HTTPException(400, f"after: {error}") from error
        if isinstance(forced, Conflict):
            raise HTTPException(409, forced.why)
        message = None if forced is None else self._context.store.message(account, uid)
        if forced is None or message is None:
            raise no_message(self._context, account, uid)
        view, reports = JournalView(self._context.store, account), self._context.store.reports_of(account, uid)
        is_there = forced.number is not None and forced.number <= len(reports)
        return json_response(
            ForcedItem(
                state=forced.state,
                state_name=state_desc(forced.state),
                final=forced.final,
                due_at=forced.due_at,
                dropped=forced.number is None,
                message=view.message(message),
                report=view.report(reports[(forced.number or 0) - 1]) if is_there else None,
            )
        )


def _forced_state(wanted: ForcedState) -> ForceRequest:
    try:
        state = state_of_value(wanted.state)
    except InvalidValueError:
        raise HTTPException(
            400, f"state: got {msgspec.json.encode(wanted.state).decode()[:60]}, want {_STATE}"
        ) from None
    try:
        after = read_duration_or_seconds(wanted.after)
    except ValueError as error:
        shown = f'"{wanted.after[:60]}"' if isinstance(wanted.after, str) else wanted.after
        raise HTTPException(400, f"after: got {shown}, want {error}") from error
    return ForceRequest(state, after, is_final(state) if wanted.final is None else wanted.final, wanted.again)


TrueOrFalse = Annotated[bool, msgspec.Meta(description="true or false")]
OwnerName = Annotated[str | None, msgspec.Meta(description="the name of an account")]


class SendAgain(msgspec.Struct, frozen=True):
    """How to send a packet again; `account` is whose a corrected packet of nobody's is to be."""

    corrected: TrueOrFalse = False
    account: OwnerName = None


class RequestHandlers:
    """`/requests` and what is below it."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    async def listing(self, request: Request) -> Response:
        """The exchanges of one account, or of none with `?account=*`. `?q=` searches."""
        account = account_or_nobody(self._context, request)
        found = await searched_list(self._context, request, account, "requests")
        return await page_of_values(request, found, JournalView(self._context.store, account))

    async def show(self, request: Request) -> Response:
        """One exchange of an account, or of none with `?account=*`."""
        account = account_or_nobody(self._context, request)
        exchange = exchange_of(self._context, account, request.path_params["id"])
        return json_response(await JournalView(self._context.store, account).item(exchange))

    async def send(self, request: Request) -> Response:
        """Sends the packet of an exchange again, as it was or corrected; the exchange that comes of it.

        409 when there is no packet, or none that can be corrected.
        """
        context, owner = self._context, account_or_nobody(self._context, request)
        wanted = await read_json(request, SendAgain)
        exchange = exchange_of(context, owner, request.path_params["id"])
        sender = owner or (context.default_account() if wanted.account is None else context.named(wanted.account))
        if wanted.account not in (None, sender.name):
            want = f'"{sender.name}", whose packet it is'
            raise HTTPException(400, f'account: got "{wanted.account[:60]}", want {want}')
        sent = await context.resubmitter.send(owner, exchange, sender, corrected=wanted.corrected)
        if isinstance(sent, CannotResend):
            raise HTTPException(409, sent.why)
        account, resent = sent
        return json_response(await JournalView(context.store, account).item(resent))


class ReportHandlers:
    """`/reports` and what is below it."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    async def listing(self, request: Request) -> Response:
        """The reports of one account, with their attempts. `?q=` searches."""
        account = self._context.requested_account(request)
        found = await searched_list(self._context, request, account, "reports")
        return await page_of_values(request, found, JournalView(self._context.store, account))

    async def pending(self, request: Request) -> Response:
        """What is still due of the messages of one account, soonest first. `?q=` searches the messages."""
        account = self._context.requested_account(request)
        store = self._context.store
        messages = await searched_list(self._context, request, account, "messages")
        pending = await pending_of(store, account, messages)
        now = store.standing(account).clock.now(self._context.wall.now())
        listing = PendingListing(pending, now, messages.evicted)
        return page_response(request, listing, lambda each: each.report_id, lambda each: each)

    async def show(self, request: Request) -> Response:
        """One report with its attempts."""
        account, report = report_of(self._context, request)
        return json_response(JournalView(self._context.store, account).report(report))

    async def resend(self, request: Request) -> Response:
        """Pushes a report once more now, whatever came of it; the report. 409 while a push of it is on the way."""
        account = self._context.requested_account(request)
        await read_json(request, Nothing)
        report = await self._context.interventions.resend(account, *report_named(request))
        if report is None:
            raise no_report(self._context, account, request.path_params["id"])
        if isinstance(report, Conflict):
            raise HTTPException(409, report.why)
        return json_response(JournalView(self._context.store, account).report(report))
