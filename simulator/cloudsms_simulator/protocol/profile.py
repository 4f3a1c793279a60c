"""Profiles: which platform is speaking, the one of the document (`spec`) or the one seen on the wire (`observed`).

A `Profile` is a named set of switches: the shape of answers, the style of SMS_UIDs, which values of VERSION count, how
segments are counted, which states stay charged. Each switch can be set alone on top of a profile, for the server or for
an account.

Reading: R1.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from cloudsms_simulator.protocol.codes import ResultCode, State


class StateSet(msgspec.Struct, frozen=True):
    """Some states, or all but some: `{2, 3}` or everything except `{8, 60}`, integers outside the table included."""

    states: frozenset[int]
    all_but: bool = False

    def __contains__(self, state: int) -> bool:
        return (state in self.states) is not self.all_but


class Profile(msgspec.Struct, frozen=True, omit_defaults=True):
    """The switches. The defaults are the profile `spec`, what the document promises."""

    name: str = "spec"
    answer_shape: Literal["document", "wire"] = "document"
    """Order, spacing and keys of an answer."""
    desc_style: Literal["table", "wire"] = "table"
    """`table`: `Channel_not_exist`. `wire`: failures of checks 1 to 9 say `'channel not exist'`, quotes included."""
    uid_style: Literal["x4", "x3h"] = "x4"
    """The counter in an SMS_UID: four hex digits, or three and an `H`."""
    missing_key_code: Literal[0x10000001, 0x05] = 0x10000001
    """What a packet without AUTH_KEY is told."""
    versions: tuple[str, ...] = ("2021-01-01",)
    """Values of VERSION that are accepted."""
    digit_strings: Literal["reject", "accept"] = "reject"
    """An unsigned integer sent as "852": refused, or taken with a warning."""
    trailing_bytes: Literal["reject", "ignore"] = "reject"
    """Bytes after the JSON value: Invalid_context, or a warning."""
    unpriced: Literal["sync", "report"] = "sync"
    """A country without a price: refused with Unpriced_area, or accepted and then LOCAL_REJECTED by report."""
    mixed_batch: Literal["any_ok", "first_error", "all_or_nothing"] = "any_ok"
    """The top-level code when some destinations are accepted and some are not."""
    segmentation: Literal["table", "packed"] = "table"
    """Count segments by length as the tables do, or as a handset needs them, escape and surrogate pairs unsplit."""
    dr_serial_wrap: Literal[128, 65535] = 128
    """The SERIAL of a delivery report counts from 1 to here, then starts again."""
    dr_auth_key: bool = False
    """Whether a delivery report carries AUTH_KEY after METHOD, as the Chinese edition lists it."""
    charged_states: StateSet = StateSet(frozenset({State.REJECTED, State.LOCAL_REJECTED}), all_but=True)
    """States whose messages stay charged; reaching any other refunds the message."""


SPEC = Profile()

OBSERVED = Profile(
    name="observed",
    answer_shape="wire",
    desc_style="wire",
    uid_style="x3h",
    missing_key_code=ResultCode.CHANNEL_NOT_EXIST.value,
    versions=("2021-01-01", "2020-07-12"),
    digit_strings="accept",
    trailing_bytes="ignore",
    unpriced="report",
)

PROFILES: Mapping[str, Profile] = {profile.name: profile for profile in (SPEC, OBSERVED)}
