"""Typography: values as a person reads them on a page."""

import json
import unicodedata
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from urllib.parse import quote

import msgspec
from markupsafe import Markup, escape

from cloudsms_simulator.engine.money import Money
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.states import name_of
from cloudsms_simulator.server.inbox.regions import REGIONS

_PICTURES = {code: chr(0x2400 + code) for code in range(32) if chr(code) not in "\n\t"} | {0x7F: "\u2421"}
_DIRECTIONS = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_TURNS = {code: f"\\u{code:04x}" for code in _DIRECTIONS}
"""Characters that turn the direction of what follows, as JSON spells them."""
_REGIONAL_INDICATOR = 0x1F1E6 - ord("A")


def visible(text: str) -> str:
    """A text whose control characters, NUL among them, are pictures of themselves: no page can hold the real ones."""
    return text.translate(_PICTURES)


def as_code(text: str) -> str:
    """A text in which nothing hides or turns what stands beside it: `visible`, and the like for directions."""
    return visible(text).translate(_TURNS)


def between_tags(text: str) -> Markup:
    """A text inside an element, never in an attribute: JSON is full of quotes, which need no escaping there."""
    return Markup(text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))  # noqa: S704


def clock_time(moment: datetime) -> str:
    """`12:34:56`."""
    return moment.strftime("%H:%M:%S")


def full_time(moment: datetime) -> str:
    """`2026-11-22 12:34:56.789`, or without the fraction when there is none."""
    text = moment.strftime("%Y-%m-%d %H:%M:%S")
    return f"{text}.{moment.microsecond // 1000:03d}" if moment.microsecond else text


def span(seconds: float) -> str:
    """A time that passes, in its two largest units: `25 h`, `1 m 5 s`, `3.25 s`, `2 ms`."""
    if seconds < 0:
        return f"-{span(-seconds)}"
    if seconds < 1:
        return "0 s" if seconds == 0 else f"{seconds * 1000:.3g} ms"
    if seconds < 60:
        return f"{seconds:.3g} s"
    whole = timedelta(seconds=round(seconds))
    hours, rest = divmod(int(whole.total_seconds()), 3600)
    parts = [(hours, "h"), (rest // 60, "m"), (rest % 60, "s")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number)


def amount(value: Money | Decimal | str) -> str:
    """Money with every digit, those of thousands apart: `USD 1,000.0475`."""
    return f"{value.currency} {value.amount:,f}" if isinstance(value, Money) else str(value)


def state_name(state: int | None) -> str:
    """`DELIVERED`; nothing where there is no state yet."""
    return "" if state is None else name_of(state)


def flag(country_code: int) -> str:
    """The flag of the country, nothing where there is none."""
    return "".join(chr(_REGIONAL_INDICATOR + ord(each)) for each in REGIONS.get(country_code, ""))


def region(country_code: int) -> str:
    """The ISO 3166 code of the country, for a browser to name it; nothing where there is none."""
    return REGIONS.get(country_code, "")


def pretty(body: str) -> str:
    """JSON laid out over lines, its numbers and escapes as they were written; anything else as it is."""
    try:
        return msgspec.json.format(body.encode(), indent=2).decode()
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return body


def decoded(raw: bytes) -> str:
    """JSON that is kept as octets."""
    return bytes(raw).decode()


def in_path(name: str) -> str:
    """A name as a part of an address."""
    return quote(name, safe="")


def tojson_plain(value: object) -> str:
    """A value as JSON in the text of a page, which escapes it as any other."""
    return json.dumps(value, ensure_ascii=False)


def as_json(value: object) -> Markup:
    """A value as JSON in an attribute of a page."""
    return escape(json.dumps(value, ensure_ascii=False))


def character_name(character: str) -> str:
    """`U+2019 RIGHT SINGLE QUOTATION MARK`."""
    return f"U+{ord(character):04X} {unicodedata.name(character, 'without a name')}"


FILTERS: Mapping[str, object] = {
    "visible": visible,
    "as_code": as_code,
    "between_tags": between_tags,
    "clock_time": clock_time,
    "full_time": full_time,
    "span": span,
    "amount": amount,
    "flag": flag,
    "region": region,
    "pretty": pretty,
    "state_name": state_name,
    "decoded": decoded,
    "in_path": in_path,
    "tojson_plain": tojson_plain,
    "as_json": as_json,
    "character_name": character_name,
}
"""By the name that templates call them."""
