"""The story of a test: what its report shows when it fails. The exchanges, what was found in them, and the timeline."""

from collections.abc import Iterator

from cloudsms_simulator.client import Api
from cloudsms_simulator.client_drivers import BlockingHttp
from cloudsms_simulator.client_items import Message, Request
from cloudsms_simulator.client_message_items import Timeline
from cloudsms_simulator.protocol.control_characters import escaped
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.protocol.moments import datetime

_MOST = 20
_MOST_OF_NOBODY = 5
_LONGEST_BODY = 400

Event = tuple[datetime, int, list[str]]
"""When it was, what comes first of things at one moment, and what is told of it."""


def story_of(api: Api[BlockingHttp], since: datetime) -> str:
    """What happened to an account, and from a moment of the wall on to what belongs to no account.

    It is for a terminal: control characters of what customers wrote are escaped.
    """
    account = api.accounts.show(api.account)
    clock = api.clock.show()
    spent = account.balance
    lines = [f'account "{account.name}", clock {clock.mode} at {clock.now.isoformat()}, balance {spent}']
    lines.append(f"seed {account.seed}, scenario {account.scenario or 'none'}, rules {account.rules}")
    if clock.next_due_at is not None:
        lines.append(f"next due at {clock.next_due_at.isoformat()}")
    requests = api.requests.page(limit=_MOST)
    messages = api.messages.page(limit=_MOST)
    events: list[Event] = [(each.received_at, 2 * each.id, list(_request(each))) for each in reversed(requests.items)]
    for message in reversed(messages.items):
        timeline = api.messages.timeline(message.uid)
        events.append((message.accepted_at, 2 * message.request_id + 1, list(_message(message, timeline))))
    for _, _, told in sorted(events, key=lambda event: event[:2]):
        lines += told
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


def _request(request: Request) -> Iterator[str]:
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
        yield f"    {_finding(finding)}"


def _message(message: Message, timeline: Timeline) -> Iterator[str]:
    """A message with what became of it; what its request shows already is not told again."""
    state = message.state_name or "no state yet"
    why = f" ({message.reason})" if message.reason else ""
    cost = f"{message.segments} × {message.price}"
    yield f"{_time(message.accepted_at)} message {message.uid} to {message.to}: {message.text!r}, {cost}, {state}{why}"
    for entry in timeline.items:
        if entry.request_id is None and entry.kind != "priced":
            yield f"    {_time(entry.at)} {_shown(entry.text)}"


def _finding(finding: Finding) -> str:
    return f"{finding.severity} {finding.rule}: {finding.path}: got {finding.got}, want {finding.want}"


def _shown(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= _LONGEST_BODY else f"{one_line[:_LONGEST_BODY]}…"


def _time(moment: datetime) -> str:
    return moment.strftime("%m-%d %H:%M:%S.%f")[:-3]
