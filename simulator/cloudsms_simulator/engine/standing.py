"""An account's standing: what moves while its configuration stays.

Reading: R9, R15.
"""

from decimal import Decimal

import msgspec

from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.sms_uid import UidSequence


class Standing(msgspec.Struct, frozen=True):
    """Balance and counters. A change is a new value, so a transaction that fails leaves the old one in place."""

    clock: Clock
    uids: UidSequence
    balance: Decimal | None
    """None: unlimited."""
    dr_serial: int = 0
    """The SERIAL of the last report pushed; 0 before the first."""
    outstanding: int = 0
    """Accepted messages with something left to do."""
    second: datetime | None = None
    """The second of the account's clock in which packets are counted."""
    packets: int = 0
    rules_since: datetime | None = None
    """When the account's rules were put to use, on its clock; None: when the clock was set going."""
