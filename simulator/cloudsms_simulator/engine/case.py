"""A case: an exchange with all that an explanation of it is made of.

Reading: R24.
"""

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.arrival import Reply
from cloudsms_simulator.engine.billing import LedgerEntry
from cloudsms_simulator.engine.exchange import Exchange
from cloudsms_simulator.engine.message import Message
from cloudsms_simulator.protocol.customer import DestinationAnswer, read_answer
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.protocol.profile import Profile
from cloudsms_simulator.protocol.result_codes import ResultCode


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One exchange. `account` is None for an exchange of nobody's; `reply` is that of a dry run."""

    exchange: Exchange
    account: Account | None
    profile: Profile
    findings: tuple[Finding, ...]
    messages: tuple[Message, ...]
    entries: tuple[LedgerEntry, ...]
    answer: bytes | None
    """As it was decided, not as a fault spoilt it; None when that is not known."""
    reply: Reply | None = None

    @property
    def items(self) -> tuple[DestinationAnswer, ...]:
        """The items of DETAIL_LIST, none if there is no answer."""
        packet = None if self.answer is None else read_answer(self.answer)
        return () if packet is None else packet.detail_list

    @property
    def passes(self) -> bool:
        """Whether everything was accepted, nothing rejected locally, and the answer arrives."""
        codes = [self.exchange.code, *(item.result_code for item in self.items)]
        whole = all(code == ResultCode.OK for code in codes)
        return whole and self.exchange.fault is None and not any(message.reason for message in self.messages)
