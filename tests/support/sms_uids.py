"""SMS_UIDs taken apart, the way a customer who looks closely would."""

import re
from datetime import datetime, timedelta

import msgspec

from cloudsms_simulator.protocol.answer import UidStyle
from cloudsms_simulator.protocol.timestamps import EPOCH

_UID_SHAPE = re.compile("([0-9A-F]{13})X(?:([0-9A-F]{4})|([0-9A-F]{3})H)([0-9A-F]{12})")


class SmsUid(msgspec.Struct, frozen=True):
    """An SMS_UID taken apart; `node` is all 12 hex digits of it."""

    instant: datetime
    counter: int
    style: UidStyle
    node: str


def read_uid(uid: str) -> SmsUid | None:
    """Takes an SMS_UID apart; None when it is not written like one."""
    found = _UID_SHAPE.fullmatch(uid)
    if found is None:
        return None
    four, three = found[2], found[3]
    return SmsUid(
        EPOCH + timedelta(microseconds=int(found[1], 16)),
        int(four or three, 16),
        "x3h" if four is None else "x4",
        found[4],
    )
