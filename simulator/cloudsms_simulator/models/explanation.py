"""The explanation of one exchange, past or hypothetical, as the admin API shows it.

It has the code and what the document says of it, what decided, the findings, the text with its segments and price,
each destination with its charge and the reports to expect, and the smallest correction that makes the packet pass.

Reading: R24.
"""

import msgspec

from cloudsms_simulator.engine.billing import TextBill
from cloudsms_simulator.engine.explanation import (
    Charge,
    Decider,
    ExpectedReport,
)
from cloudsms_simulator.engine.money import Money
from cloudsms_simulator.engine.records import ExchangeKind
from cloudsms_simulator.models.journal import Code
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol.correction import Change, Uncorrected
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
