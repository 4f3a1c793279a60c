"""The explanation of one exchange, past or hypothetical, as the admin API shows it.

It has the code and what the document says of it, what decided, the findings, the text with its segments and price,
each destination with its charge and the reports to expect, and the smallest correction that makes the packet pass.

Reading: R24.
"""

from decimal import Decimal

import msgspec

from cloudsms_simulator.engine.billing import TextBill, bill_of_packet
from cloudsms_simulator.engine.explanation import (
    Charge,
    Decider,
    ExpectedReport,
    ExplainedExchange,
    charges,
    decider_of,
    decider_of_message,
    decider_of_refusal,
    expected_reports,
)
from cloudsms_simulator.engine.money import Money
from cloudsms_simulator.engine.records import ExchangeKind, Message, Sending
from cloudsms_simulator.models.journal import Code, code_item
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol import packet
from cloudsms_simulator.protocol.candidate import Candidate, candidate_of
from cloudsms_simulator.protocol.checks import list_is_an_array
from cloudsms_simulator.protocol.codes import ResultCode, row_of
from cloudsms_simulator.protocol.correction import Change, Uncorrected
from cloudsms_simulator.protocol.customer import DestinationAnswer
from cloudsms_simulator.protocol.findings import Finding


class FaultItem(msgspec.Struct, frozen=True):
    """What befalls the answer; `delay_s` and `processed` are known of a packet that was not sent yet, else None."""

    fault: str
    rule: str
    delay_s: float | None
    processed: bool | None


class DestinationItem(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of MULTI_MSISDN_LIST. Without a message there is no SMS_UID worth keeping, no charge and no report."""

    index: int
    to: str
    country_code: int
    msisdn: str
    uid: str | None
    code: Code
    decided_by: Decider
    rejection: str | None
    """Why it is rejected locally."""
    charge: Charge | None
    reports: tuple[ExpectedReport, ...]


class CorrectionItem(msgspec.Struct, frozen=True, kw_only=True):
    """The smallest change that makes a packet pass; `request` and `curl` are not there when there is no packet."""

    request: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    """The corrected packet; `$CLOUDSMS_AUTH_KEY` stands for the key."""
    curl: str | None
    changes: tuple[Change, ...]
    uncorrected: tuple[Uncorrected, ...]
    """What cannot be corrected by itself."""
    code: Code | None
    """What the corrected packet would be answered now."""
    passes: bool
    """Whether it would be accepted whole, and nothing of it rejected locally."""


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one exchange."""

    request_id: int | None
    """None: it never came; what it says is what would happen to it as the account's next request."""
    account: str | None
    kind: ExchangeKind
    at: datetime
    http_status: int | None
    code: Code | None
    meaning: str
    """What the document says the code means, and what to do."""
    summary: str
    decided_by: Decider
    fault: FaultItem | None
    findings: tuple[Finding, ...]
    text: TextBill | None
    """The signed text; its price is that of the destinations if they have one price."""
    total: Money | None
    """What all messages cost; None without any."""
    callback: str | None
    destinations: tuple[DestinationItem, ...]
    correction: CorrectionItem | None
    """None when there is nothing to correct."""


def explanation_item(explained: ExplainedExchange, correction: CorrectionItem | None) -> Explanation:
    """Makes the explanation of an exchange; `correction` is None when there is nothing to correct."""
    exchange, account = explained.exchange, explained.account
    decided_by = decider_of(exchange, explained.findings, explained.messages)
    costs = [message.cost for message in explained.messages]
    return Explanation(
        request_id=exchange.id if explained.reply is None else None,
        account=exchange.account,
        kind=exchange.kind,
        at=exchange.received_at,
        http_status=exchange.http_status,
        code=None if exchange.code is None else code_item(exchange.code),
        meaning=_meaning(exchange.code),
        summary=_summary(explained, decided_by),
        decided_by=decided_by,
        fault=_fault(explained),
        findings=explained.findings,
        text=_text(explained),
        total=Money(sum(costs, Decimal(0)), explained.messages[0].sending.currency) if costs else None,
        callback=None if account is None else account.callback.url,
        destinations=_destinations(explained),
        correction=correction,
    )


def _meaning(code: ResultCode | None) -> str:
    if code is None:
        return ""
    row = row_of(code)
    return f"{row.description} {row.solution}".strip()


def _summary(explained: ExplainedExchange, decided_by: Decider) -> str:
    exchange = explained.exchange
    why = f"{decided_by.by} {decided_by.name}".strip()
    if exchange.code is None:
        what = f"HTTP {exchange.http_status}" if exchange.http_status is not None else "no answer"
        return f"{what}, because of {why}: {decided_by.about}"
    if exchange.code is not ResultCode.OK:
        return f"refused, because of {why}: {decided_by.about}"
    destinations = explained.items
    refused = sum(item.result_code != ResultCode.OK for item in destinations)
    rejected = sum(message.reason is not None for message in explained.messages)
    parts = [f"{len(explained.messages) - rejected} accepted"]
    parts += [f"{rejected} rejected locally"] if rejected else []
    parts += [f"{refused} refused"] if refused else []
    return ", ".join(parts)


def _fault(explained: ExplainedExchange) -> FaultItem | None:
    exchange = explained.exchange
    if exchange.fault is None:
        return None
    fault = None if explained.reply is None else explained.reply.trouble
    if fault is None:
        return FaultItem(exchange.fault, exchange.rule or "", None, None)
    return FaultItem(exchange.fault, fault.rule, fault.delay.total_seconds(), fault.processed)


def _text(explained: ExplainedExchange) -> TextBill | None:
    candidate = candidate_of(packet.decode(explained.exchange.body), explained.account, explained.profile)
    return bill_of_packet(candidate.packet, explained.profile, _price(explained, candidate))


def _price(explained: ExplainedExchange, candidate: Candidate) -> Money | None:
    """Returns the price of a segment, if it is the same for every destination; else None."""
    if explained.account is None:
        return None
    list_is_an_array(candidate)
    prices = {explained.account.price(each.country_code) for each in candidate.destinations}
    price = prices.pop() if len(prices) == 1 else None
    return None if price is None else Money(price, explained.account.currency)


def _destinations(explained: ExplainedExchange) -> tuple[DestinationItem, ...]:
    charged = charges(explained.messages, explained.entries)
    is_pushed = explained.account is not None and explained.account.callback.url is not None
    found = {message.index: _accepted(message, charged[message.uid], is_pushed) for message in explained.messages}
    for index, item in enumerate(explained.items):
        if index not in found:
            found[index] = _refused(explained, index, item)
    return tuple(found[index] for index in sorted(found))


def _accepted(message: Message, charge: Charge, is_pushed: bool) -> DestinationItem:
    return DestinationItem(
        index=message.index,
        to=f"{message.country_code}{message.msisdn}",
        country_code=message.country_code,
        msisdn=message.msisdn,
        uid=message.uid,
        code=code_item(ResultCode.OK),
        decided_by=decider_of_message(message),
        rejection=message.reason,
        charge=charge,
        reports=expected_reports(message, is_pushed=is_pushed),
    )


def _refused(explained: ExplainedExchange, index: int, item: DestinationAnswer) -> DestinationItem:
    alone = isinstance(explained.exchange, Sending)
    return DestinationItem(
        index=index,
        to=f"{item.country_code}{item.dest_msisdn}",
        country_code=item.country_code,
        msisdn=item.dest_msisdn,
        uid=None,
        code=code_item(ResultCode(item.result_code)),
        decided_by=decider_of_refusal(explained.findings, index)
        if alone
        else decider_of(explained.exchange, explained.findings, explained.messages),
        rejection=None,
        charge=None,
        reports=(),
    )
