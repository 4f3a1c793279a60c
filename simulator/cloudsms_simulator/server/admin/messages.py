"""Messages: one for each SMS_UID that was accepted, with what happened to it, and how its fate is forced."""

from typing import Annotated

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.engine.intervening import Conflict, Wish
from cloudsms_simulator.engine.otp import otp_in
from cloudsms_simulator.engine.text_bill import bill_of_message
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.states import is_final, name_of
from cloudsms_simulator.server.admin.bodies import read_json
from cloudsms_simulator.server.admin.lookups import message_of, no_message
from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.admin.pages import json_response, page_of_values
from cloudsms_simulator.server.admin.searching import matching
from cloudsms_simulator.server.durations import read_amount
from cloudsms_simulator.server.items import MessageItem, ReportItem
from cloudsms_simulator.server.kept import Kept
from cloudsms_simulator.server.kinds import UnfitError
from cloudsms_simulator.server.switches import read_state
from cloudsms_simulator.server.timeline_item import timeline_of

_STATE = 'the name of a state such as "DELIVERED", or its number'

State = Annotated[str | int, msgspec.Meta(description=_STATE)]
After = Annotated[str | float, msgspec.Meta(description='a duration such as "3s" or "PT25H", or seconds')]
Final = Annotated[bool | None, msgspec.Meta(description="true or false: whether nothing follows")]
Again = Annotated[bool, msgspec.Meta(description="true or false: whether a final state may be reported once more")]


class ForcedState(msgspec.Struct, frozen=True):
    """A state to force on a message, now or later; `final` unless it is ENROUTE or IDLE.

    `again` pushes one more report of a message that has its final state, which changes neither the state nor money.
    """

    state: State
    after: After = 0.0
    final: Final = None
    again: Again = False


class OtpItem(msgspec.Struct, frozen=True):
    """The one-time password in a text."""

    code: str


class ForcedItem(msgspec.Struct, frozen=True, kw_only=True):
    """What a forced state came to: when it is due, the message, and its report as soon as there is one.

    `dropped`: it would come after the expiry at 25 h, and never does.
    """

    state: int
    state_name: str
    final: bool
    due_at: datetime
    dropped: bool
    message: MessageItem
    report: ReportItem | None


class Messages:
    """`/messages` and what is below it."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def listing(self, request: Request) -> Response:
        """The messages of one account. `?q=` searches."""
        account = self._office.asked(request)
        found = await matching(self._office, request, account, "messages")
        return await page_of_values(request, found, Kept(self._office.store, account))

    async def show(self, request: Request) -> Response:
        """One message, as the list has it."""
        account, message = message_of(self._office, request)
        return json_response(Kept(self._office.store, account).message(message))

    async def timeline(self, request: Request) -> Response:
        """Everything that happened to a message in order, and what is still to come."""
        account, message = message_of(self._office, request)
        return json_response(timeline_of(self._office.store, account, message, self._office.wall.now()))

    async def segments(self, request: Request) -> Response:
        """The parts of a message as a handset gets them, what they cost, and what forced its alphabet."""
        _, message = message_of(self._office, request)
        return json_response(bill_of_message(message))

    async def otp(self, request: Request) -> Response:
        """The one-time password in a message; 404 when it has none."""
        _, message = message_of(self._office, request)
        code = otp_in(message.sending.text)
        if code is None:
            raise HTTPException(404, f"message {message.uid} has no number of 4 to 8 digits that could be one")
        return json_response(OtpItem(code))

    async def report(self, request: Request) -> Response:
        """Forces a state on a message, now or later; what it came to."""
        account, uid = self._office.asked(request), request.path_params["uid"]
        wish = _wish(await read_json(request, ForcedState))
        try:
            forced = await self._office.interventions.force(account, uid, wish)
        except ValueError as error:
            raise HTTPException(400, f"after: {error}") from error
        if isinstance(forced, Conflict):
            raise HTTPException(409, forced.why)
        message = None if forced is None else self._office.store.message(account, uid)
        if forced is None or message is None:
            raise no_message(self._office, account, uid)
        kept, reports = Kept(self._office.store, account), self._office.store.reports_of(account, uid)
        is_there = forced.number is not None and forced.number <= len(reports)
        return json_response(
            ForcedItem(
                state=forced.state,
                state_name=name_of(forced.state),
                final=forced.final,
                due_at=forced.due_at,
                dropped=forced.number is None,
                message=kept.message(message),
                report=kept.report(reports[(forced.number or 0) - 1]) if is_there else None,
            )
        )


def _wish(said: ForcedState) -> Wish:
    try:
        state = read_state(said.state)
    except UnfitError:
        raise HTTPException(400, f"state: got {msgspec.json.encode(said.state).decode()[:60]}, want {_STATE}") from None
    try:
        after = read_amount(said.after)
    except ValueError as error:
        shown = f'"{said.after[:60]}"' if isinstance(said.after, str) else said.after
        raise HTTPException(400, f"after: got {shown}, want {error}") from error
    return Wish(state, after, is_final(state) if said.final is None else said.final, said.again)
