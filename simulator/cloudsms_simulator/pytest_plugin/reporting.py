"""What a test's failure says: what was wanted and what came close; and what happened to its account, for the report.

`unmet` makes the AssertionError of a wait or an assertion that failed. `failure_report` tells the exchanges of an
account with what was found in them, the timelines of its messages, and requests that belonged to no account
meanwhile. Control characters are escaped, long texts cut.
"""

from collections.abc import Iterable, Iterator, Sequence

from cloudsms_simulator.client.client import Api
from cloudsms_simulator.client.errors import Close
from cloudsms_simulator.client.transport import BlockingHttpDriver
from cloudsms_simulator.models.journal import MessageItem, RequestItem, TimelineItem
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol.findings import Finding
from cloudsms_simulator.protocol.unicode_text import escaped, escaped_lines

_MOST_CLOSE = 5
_LONGEST_TEXT = 80


class UnmetError(AssertionError):
    """What a test waits for or asserts is not so."""

    __module__ = "cloudsms_simulator"
    """Said before each message in pytest's summary, whose lines are short."""


def unmet(first: str, *parts: Iterable[str]) -> UnmetError:
    """The error with these lines, for a terminal: control characters are escaped."""
    return UnmetError("\n".join([escaped_lines(first), *(escaped(line) for part in parts for line in part)]))


def close_lines(closest: Sequence[Close]) -> list[str]:
    """What came close, field by field."""
    if not closest:
        return []
    lines = ["closest:"]
    for each in closest:
        lines.append(f"  {each.name}{_to(each)}")
        for miss in each.misses:
            lines.append(f"    want {miss.term}")
            lines.append(f"     got {'nothing' if miss.got is None else miss.got}")
    return lines


def refused_lines(requests: Sequence[RequestItem]) -> list[str]:
    """Requests that were not answered with OK, and why."""
    lines = ["requests that were refused:"] if requests else []
    for request in requests[:_MOST_CLOSE]:
        code = "no code" if request.code is None else f"{request.code.hex} {request.code.name}"
        lines.append(f"  request {request.id}: {code}")
        lines += [f"    {each.rule}: {each.path}: got {each.got}, want {each.want}" for each in request.findings]
    return lines


def messages_as_lines(messages: Sequence[MessageItem], what: str = "there are") -> list[str]:
    """Messages, one a line."""
    lines = [f"{what}:"] if messages else []
    lines += [f"  {message_as_line(each)}" for each in messages[-_MOST_CLOSE:]]
    return lines


def message_as_line(message: MessageItem) -> str:
    """A message in one line."""
    state = message.state_name or "no state yet"
    return f"{message.uid} to {message.to}: {short_text(message.text)!r}, {state}, {message.cost}"


def short_text(text: str) -> str:
    """A text in one line of bearable length."""
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"


def _to(close: Close) -> str:
    to = close.item.get("to")
    return f" to {to}: {short_text(str(close.item.get('text', '')))!r}" if to else ""


_MOST_EXCHANGES = 20
_MOST_OF_NOBODY = 5
_LONGEST_BODY = 400

ReportEntry = tuple[datetime, int, list[str]]
"""The moment, what decides the order at one moment, and the lines."""


def failure_report(api: Api[BlockingHttpDriver], since: datetime) -> str:
    """What happened to an account, and what came of no account since a moment on the wall.

    It is for a terminal: control characters of what customers wrote are escaped.
    """
    account = api.accounts.show(api.account)
    clock = api.clock.show()
    spent = account.balance
    lines = [f'account "{account.name}", clock {clock.mode} at {clock.now.isoformat()}, balance {spent}']
    lines.append(f"seed {account.seed}, scenario {account.scenario or 'none'}, rules {account.rules}")
    if clock.next_due_at is not None:
        lines.append(f"next due at {clock.next_due_at.isoformat()}")
    requests = api.requests.page(limit=_MOST_EXCHANGES)
    messages = api.messages.page(limit=_MOST_EXCHANGES)
    events: list[ReportEntry] = [
        (each.received_at, 2 * each.id, list(_request(each))) for each in reversed(requests.items)
    ]
    for message in reversed(messages.items):
        timeline = api.messages.timeline(message.uid)
        events.append((message.accepted_at, 2 * message.request_id + 1, list(_message(message, timeline))))
    for _, _, entry_lines in sorted(events, key=lambda event: event[:2]):
        lines += entry_lines
    for name, page in (("requests", requests), ("messages", messages)):
        if page.total > len(page.items):
            lines.append(f"({page.total - len(page.items):,} older {name} are not shown)")
    if not events:
        lines.append("nothing was sent by this account")
    # Other tests may be at work on the same server, and what they have left running sends on with keys that are gone.
    nobody = api.of("*").requests.page(f"after:{since.isoformat()}", limit=_MOST_OF_NOBODY)
    if nobody.items:
        lines.append("of no account, since the test began:")
        for request in reversed(nobody.items):
            lines += _request(request)
        if nobody.total > len(nobody.items):
            lines.append(f"({nobody.total - len(nobody.items):,} older ones are not shown)")
    return "\n".join(map(escaped, lines))


def _request(request: RequestItem) -> Iterator[str]:
    if request.code is not None:
        outcome = f"{request.code.hex} {request.code.name}"
    else:
        outcome = "no answer" if request.http_status is None else f"HTTP {request.http_status}"
    by = "".join(f", {what} {name}" for what, name in (("rule", request.rule), ("fault", request.fault)) if name)
    yield f"{_time(request.received_at)} request {request.id} ({request.kind}) → {outcome}{by}"
    if request.body:
        yield f"    > {_shown(request.body)}"
    if request.answer:
        yield f"    < {_shown(request.answer)}"
    for finding in request.findings:
        yield f"    {_finding_line(finding)}"


def _message(message: MessageItem, timeline: TimelineItem) -> Iterator[str]:
    """A message with what became of it, but for what its request shows already."""
    state = message.state_name or "no state yet"
    why = f" ({message.reason})" if message.reason else ""
    cost = f"{message.segments} × {message.price}"
    yield f"{_time(message.accepted_at)} message {message.uid} to {message.to}: {message.text!r}, {cost}, {state}{why}"
    for entry in timeline.items:
        if entry.request_id is None and entry.kind != "priced":
            yield f"    {_time(entry.at)} {_shown(entry.text)}"


def _finding_line(finding: Finding) -> str:
    return f"{finding.severity} {finding.rule}: {finding.path}: got {finding.got}, want {finding.want}"


def _shown(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= _LONGEST_BODY else f"{one_line[:_LONGEST_BODY]}…"


def _time(moment: datetime) -> str:
    return moment.strftime("%m-%d %H:%M:%S.%f")[:-3]
