"""Findings: the things worth telling about an exchange, each under the id of a rule.

The wire carries one code; the journal keeps every finding. `simulator/READINGS.md` lists the rules.
"""

from typing import Literal

import msgspec

OUT_OF_RANGE = float("inf")
"""Stands for a number no float can hold, such as 1e400: valid JSON, and never what a field wants."""

Severity = Literal["error", "warning", "suspicion", "note"]


class Finding(msgspec.Struct, frozen=True, gc=False):
    """One finding.

    `path` says where: a JSON path such as `$.MULTI_MSISDN_LIST[3].COUNTRY_CODE`, or `body`, `headers`, `connection`,
    `answer`, `report`. `got` and `want` say what came and what would be right, as text for people. `heading` is the
    specification's heading that says so. Of its severities, `error` refuses, `warning` is a mistake that passes,
    `suspicion` is what the client's behaviour lets suspect, and `note` is worth knowing but no mistake.
    """

    rule: str
    severity: Severity
    path: str
    got: str
    want: str
    heading: str


_LONGEST_EXCERPT = 80
_MOST_OCTETS = 4 * (_LONGEST_EXCERPT + 1)
"""No character of UTF-8 takes more than four."""


def excerpt(value: object) -> str:
    """A value as a finding quotes it: JSON-like, at most 80 characters and an ellipsis. Absent (UNSET) is `nothing`."""
    if value is msgspec.UNSET:
        return "nothing"
    if isinstance(value, str):
        value = value[: _LONGEST_EXCERPT + 1]
    try:
        text = msgspec.json.encode(value)[:_MOST_OCTETS].decode("utf-8", "replace")
    except (TypeError, ValueError, OverflowError, RecursionError):
        text = repr(value)
    return text if len(text) <= _LONGEST_EXCERPT else f"{text[:_LONGEST_EXCERPT]}…"
