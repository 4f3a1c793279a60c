"""Suspicions: what a client seems to get wrong, judged by what it does around an exchange.

One mistake is one small function and its line in `SUSPECTED`. Moments are those of the account's clock. A client that
takes RESULT_CODE 1 or HTTP 200 for delivery, or compares RESULT_DESC, does nothing that shows it here: of the former
there is no suspicion at all, of the latter only what an accepted message sent again may mean.

Spec: RESULT_CODE and RESULT_DESC. Spec: Response UIP Format. Reading: R24.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

import msgspec

from cloudsms_simulator.engine.exchange import Exchange
from cloudsms_simulator.engine.trace import Trace, trace_of
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.protocol.finding_rules import Told, found
from cloudsms_simulator.protocol.result_codes import RESULT_CODES, ResultCode, desc_of, written

NEIGHBOURS = 100
"""How many exchanges before and behind one are worth handing in, the nearest ones."""
NEIGHBOURING_OCTETS = 64 * 1024
"""How long their bodies may be together, on either side; nothing is suspected of a longer one either."""

_SECONDS = timedelta(seconds=10)
"""Two requests this close are no coincidence."""
_ASKED_FOR = timedelta(minutes=10)
_LATER = frozenset(row.code for row in RESULT_CODES if "10 minutes" in row.solution)
"""Codes upon which the document asks to try again in ten minutes."""
_IN_VAIN = frozenset(
    {
        ResultCode.CHANNEL_NOT_EXIST,
        ResultCode.INVALID_PARAMETER,
        ResultCode.INVALID_CONTEXT,
        ResultCode.UNPRICED_AREA,
        ResultCode.INVALID_VERSION,
    }
)
"""Codes that the same packet gets again."""
_IN_VAIN_WITHIN = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)
"""Who types a password waits longer before asking for another."""
_ENOUGH = 5
"""Requests that all do the same before that is worth a word."""
_SAME_TIME, _FAR_APART = 3, timedelta(minutes=1)
_KEPT_ALIVE = timedelta(seconds=240)
"""A connection that is silent for longer is closed by the platform: the next request needs another."""


class Scene(msgspec.Struct, frozen=True):
    """An exchange among those of the same account, in the order in which they came."""

    before: tuple[Trace, ...]
    one: Trace
    behind: tuple[Trace, ...]
    clock_is_real: bool

    @property
    def everything(self) -> tuple[Trace, ...]:
        """All of them."""
        return (*self.before, self.one, *self.behind)


def suspicions(exchange: Exchange, around: Sequence[Exchange], *, clock_is_real: bool) -> tuple[Finding, ...]:
    """What the exchanges `around` one of the same account, in any order, let suspect about it.

    Nothing of an exchange that is no packet. `clock_is_real` tells whether TIME can be held against when they came.
    """
    if exchange.kind != "uip":
        return ()
    others = sorted((each for each in around if each.kind == "uip" and each.id != exchange.id), key=_number)
    return suspected_in(
        Scene(
            tuple(trace_of(each) for each in others if each.id < exchange.id),
            trace_of(exchange),
            tuple(trace_of(each) for each in others if each.id > exchange.id),
            clock_is_real,
        )
    )


def suspected_in(scene: Scene) -> tuple[Finding, ...]:
    """What a scene lets suspect."""
    return tuple(finding for suspect in SUSPECTED for finding in suspect(scene))


def sent_again_after_an_error(scene: Scene) -> Iterator[Finding]:
    """The same message after a refusal: in vain, before the ten minutes are over, or at once."""
    one = scene.one
    for earlier in reversed(scene.before):
        gap = one.at - earlier.at
        if gap >= _IN_VAIN_WITHIN:
            return
        if not one.repeats(earlier):
            continue
        for number, code in earlier.codes.items():
            if code is ResultCode.OK or number not in one.codes:
                continue
            got = Told(
                f"{number} again {_spoken(gap)} after request {earlier.id} was refused {written(code)} {desc_of(code)}"
            )
            if code in _LATER:
                if gap < _ASKED_FOR:
                    yield found("resent-too-soon", "body", got, "ten minutes' patience")
                    return
            elif code in _IN_VAIN:
                if one.codes[number] is code and one.resends(earlier):
                    yield found("resent-unchanged", "body", got, "the packet mended, or no other attempt")
                    return
            elif gap < _SECONDS and one.resends(earlier):
                yield found("resent-at-once", "body", got, "a pause, and a limit to the attempts")
                return


def sent_twice(scene: Scene) -> Iterator[Finding]:
    """The same message within seconds although it had been accepted."""
    one = scene.one
    for earlier in reversed(scene.before):
        gap = one.at - earlier.at
        if gap >= _SECONDS:
            return
        if not one.repeats(earlier):
            continue
        twice = [number for number in one.accepted if number in earlier.accepted]
        if twice:
            got = Told(f"the same text to {_named(twice)} {_spoken(gap)} after request {earlier.id} was accepted")
            want = (
                "one request for each message; RESULT_CODE 1, the integer and not RESULT_DESC, says that it was taken"
            )
            yield found("sent-twice", "body", got, want)
            return


def otp_sent_twice(scene: Scene) -> Iterator[Finding]:
    """The same one-time password to the same number in another text, within a minute."""
    one = scene.one
    if one.password is None:
        return
    for earlier in reversed(scene.before):
        gap = one.at - earlier.at
        if gap >= _MINUTE:
            return
        if one.password != earlier.password or one.content == earlier.content:
            continue
        twice = [number for number in one.accepted if number in earlier.accepted]
        if twice:
            got = Told(f"{one.password} to {_named(twice)} again {_spoken(gap)} after request {earlier.id}")
            yield found("otp-sent-twice", "$.SMS_CONTENT", got, "a new password for each message, and one message each")
            return


def batch_sent_again(scene: Scene) -> Iterator[Finding]:
    """A batch of which some was refused comes again with what was accepted."""
    one = scene.one
    if not one.is_mixed:
        return
    for later in scene.behind:
        again = [number for number in one.accepted if number in later.codes]
        if (
            later.at - one.at < _ASKED_FOR
            and later.repeats(one)
            and again
            and any(n in later.codes for n in one.refused)
        ):
            first = next(iter(one.codes.values()))
            read = (
                "DETAIL_LIST[0]" if first is not ResultCode.OK and one.code is ResultCode.OK else "the top-level code"
            )
            got = Told(f"request {later.id} has {_named(again)} again, though accepted: perhaps only {read} is read")
            yield found("batch-sent-again", "answer", got, "again only what its own item in DETAIL_LIST refuses")
            return


def batch_refusals_ignored(scene: Scene) -> Iterator[Finding]:
    """Destinations that were to be tried again in ten minutes were not, within twice that, though the client went on.

    Nothing is said of a client that sends so much that twenty minutes are more than the neighbours of a request.
    """
    one = scene.one
    waiting = [number for number in one.refused if one.codes[number] in _LATER]
    if not one.is_mixed or one.code is not ResultCode.OK or not waiting:
        return
    went_on = any(each.at - one.at >= 2 * _ASKED_FOR and each.program == one.program for each in scene.behind)
    if went_on and not any(number in later.numbers for later in scene.behind for number in waiting):
        got = Told(f"{_named(waiting)} never came again: perhaps only the top-level code, or DETAIL_LIST[0], is read")
        yield found("batch-refusals-ignored", "answer", got, "a look at every item of DETAIL_LIST")


def never_a_customer_body(scene: Scene) -> Iterator[Finding]:
    """No request around has a CUSTOMER_BODY."""
    packets = [each for each in scene.everything if each.is_packet]
    if scene.one.is_packet and len(packets) >= _ENOUGH and not any(each.customer_body for each in packets):
        want = 'an object of your own, such as {"id": "order-1"}, so that a report names what it is about'
        yield found("customer-body-never", "$.CUSTOMER_BODY", Told(f"none in {len(packets)} requests"), want)


def a_connection_each(scene: Scene) -> Iterator[Finding]:
    """Every request of a program came on a TLS connection of its own, though the one before could have served it.

    It could when its request was over before the new connection was opened, and was not longer ago than a silent
    connection is kept. Requests that are sent side by side, or are far apart, need connections of their own.
    """
    if scene.one.connection is None or scene.one.connection.tls is None:
        return
    used = [scene.one.connection.id]
    for line in (reversed(scene.before), scene.behind):
        last = scene.one
        for each in line:
            if each.program != last.program or each.connection is None or each.connection.tls is None:
                continue
            first, second = (each, last) if each.id < last.id else (last, each)
            if not _could_be_reused(first, second):
                break
            used.append(each.connection.id)
            last = each
    if len(used) >= _ENOUGH and len(set(used)) == len(used):
        got = Told(f"{len(used)} requests on {len(used)} TLS connections")
        yield found(
            "connection-per-request", "connection", got, "one connection kept alive: a handshake costs far more"
        )


def _could_be_reused(first: Trace, second: Trace) -> bool:
    """Whether the connection of one request was free, and still open, when the next request came.

    By the wall, where it is known, and by the account's clock: whoever moved that says that time has passed.
    """
    if second.at - first.at >= _KEPT_ALIVE:
        return False
    before, then = first.connection, second.connection
    if before is None or then is None or before.used_at is None or then.opened_at is None or then.used_at is None:
        return True
    return before.id == then.id or (then.opened_at >= before.used_at and then.used_at - before.used_at < _KEPT_ALIVE)


def time_stands_still(scene: Scene) -> Iterator[Finding]:
    """TIME is the same in requests far apart."""
    if not scene.clock_is_real or not scene.one.time:
        return
    same = [each.at for each in scene.everything if each.time == scene.one.time]
    if len(same) >= _SAME_TIME and same[-1] - same[0] >= _FAR_APART:
        got = Told(f"{scene.one.time} in {len(same)} requests within {_spoken(same[-1] - same[0])}")
        yield found("time-stands-still", "$.TIME", got, "the moment of each request, not of the program's start")


SUSPECTED: tuple[Callable[[Scene], Iterator[Finding]], ...] = (
    sent_again_after_an_error,
    sent_twice,
    otp_sent_twice,
    batch_sent_again,
    batch_refusals_ignored,
    never_a_customer_body,
    a_connection_each,
    time_stands_still,
)


def _number(exchange: Exchange) -> int:
    return exchange.id


def _named(numbers: Sequence[str]) -> str:
    return numbers[0] if len(numbers) == 1 else f"{numbers[0]} and {len(numbers) - 1} more"


def _spoken(gap: timedelta) -> str:
    seconds = gap.total_seconds()
    return f"{seconds:.3g} s" if seconds < 60 else f"{round(seconds / 60)} min"
