"""Pages made of Jinja2 templates: in the language of the page, with the filters that templates use. Imports Jinja2.

- `Templates.page` renders a template of the folder `templates/` with a Content-Security-Policy that runs nothing
  but the scripts of `static/`. Values are escaped and AUTH_KEYs in them masked where they are written. Templates
  are compiled once in a process, in a thread.
- `FILTERS` write values for people: times, money, states, flags of countries, JSON, and texts whose control
  characters and direction marks are made visible, so that no text can hide or turn what stands beside it.
- `REGIONS` maps country calling codes to ISO 3166 codes, `HK` for 852. Countries that share a code are shown as the
  largest of them: 1 is the United States, 7 Russia, 44 the United Kingdom. A development test compares the table
  with the package `phonenumbers`; the wire knows calling codes only.
"""

import asyncio
import json
import re
import secrets
import unicodedata
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import CodeType
from urllib.parse import quote

import jinja2
import msgspec
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse, Response

from cloudsms_simulator.engine.money import Money
from cloudsms_simulator.inbox.page_context import (
    COOKIE_AGE,
    LANGUAGE_TAGS,
    LANGUAGES,
    Language,
    PageContext,
    translations_of,
)
from cloudsms_simulator.models.server import Json
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol.codes import state_desc
from cloudsms_simulator.protocol.masking import KeyRing, hide_in_text

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""The Content-Security-Policy of every page: nothing from elsewhere, no script and no style in a page itself."""
PAGE_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with none at all a form would say that it is from nowhere (Origin: null)
    "Cache-Control": "no-store",
}
TEMPLATES_FOLDER = Path(__file__).with_name("templates")

_TEMPLATE_REFERENCE = re.compile(r'"(\w+\.html)"')
"""The name of another template, as a template includes or extends it."""


class Templates:
    """Renders pages. `edition` is the version of the static files, so that a browser does not use those of another.

    `keys` returns the AUTH_KEYs of all accounts, which are masked in every value on a page.
    """

    def __init__(self, edition: str, keys: Callable[[], KeyRing] = KeyRing) -> None:
        hidden = partial(_masked, keys)
        self._environments = {language: _environment(language, hidden) for language in LANGUAGES}
        self._run = secrets.token_hex(4)
        """Distinguishes this run's requests from those of earlier runs, whose numbers began at 1 too."""
        self._edition = edition
        self._loaded: set[str] = set()

    async def load(self, template: str) -> None:
        """Compiles a template and all that it is made of, in a thread, as that takes a tenth of a second.

        A template that was not loaded is compiled when it is first rendered.
        """
        if template not in self._loaded:
            await asyncio.to_thread(self._compile, template)
            self._loaded.add(template)

    def page(self, template: str, page: PageContext, status: int = 200, /, **values: object) -> Response:
        """The answer with a template rendered: a page, or a piece of one. `values` are for the template."""
        html = self._environments[page.language].get_template(template)
        text = html.render(visit=page, run=self._run, edition=self._edition, tag=LANGUAGE_TAGS[page.language], **values)
        response = HTMLResponse(text, status, PAGE_HEADERS)
        for name, value in page.chosen.items():
            response.set_cookie(name, value, max_age=COOKIE_AGE, path=f"{page.root}/", samesite="strict")
        return response

    def _compile(self, template: str) -> None:
        environment = self._environments[LANGUAGES[0]]
        found, seen = [template], {template}
        while found:
            name = found.pop()
            environment.get_template(name)
            others = set(_TEMPLATE_REFERENCE.findall((TEMPLATES_FOLDER / name).read_text(encoding="utf-8"))) - seen
            found += others
            seen |= others


class _MemoryBytecodeCache(jinja2.BytecodeCache):
    """Bytecode of templates, which is the same in every language and for every server of a process."""

    def __init__(self) -> None:
        self._code: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        """Gives a bucket the bytecode of its template, if it is here."""
        bucket.code = self._code.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        """Keeps the bytecode in a bucket."""
        if bucket.code is not None:
            self._code[bucket.key, bucket.checksum] = bucket.code


_BYTECODE_CACHE = _MemoryBytecodeCache()


def _masked(keys: Callable[[], KeyRing], value: object) -> object:
    """A value that a template is about to write, with AUTH_KEYs masked."""
    if not isinstance(value, str):
        return value
    hidden = hide_in_text(value, keys())
    return value if hidden == value else type(value)(hidden)


def _environment(language: Language, hidden: Callable[[object], object]) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES_FOLDER),
        bytecode_cache=_BYTECODE_CACHE,
        autoescape=True,
        finalize=hidden,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    translations = translations_of(language)
    environment.install_gettext_callables(translations.get, translations.plural, newstyle=True)  # type: ignore[attr-defined]
    environment.filters.update(FILTERS)
    return environment


# The filters of the templates

_CONTROL_PICTURES = {code: chr(0x2400 + code) for code in range(32) if chr(code) not in "\n\t"} | {0x7F: "\u2421"}
_DIRECTIONS = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_DIRECTION_ESCAPES = {code: f"\\u{code:04x}" for code in _DIRECTIONS}
"""Characters that turn the direction of what follows, as JSON spells them."""
_REGIONAL_INDICATOR = 0x1F1E6 - ord("A")


def visible(text: str) -> str:
    """A text whose control characters, NUL among them, are pictures of themselves: no page can hold the real ones."""
    return text.translate(_CONTROL_PICTURES)


def as_code(text: str) -> str:
    """A text without control characters or direction marks, so that it cannot hide or turn what is around it."""
    return visible(text).translate(_DIRECTION_ESCAPES)


def between_tags(text: str) -> Markup:
    """A text inside an element, never in an attribute: JSON is full of quotes, which need no escaping there."""
    return Markup(text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))  # noqa: S704


def clock_time(moment: datetime) -> str:
    """A moment as `12:34:56`."""
    return moment.strftime("%H:%M:%S")


def full_time(moment: datetime) -> str:
    """A moment as `2026-11-22 12:34:56.789`, or without the fraction when there is none."""
    text = moment.strftime("%Y-%m-%d %H:%M:%S")
    return f"{text}.{moment.microsecond // 1000:03d}" if moment.microsecond else text


def span(seconds: float) -> str:
    """A duration in seconds, in its largest units: `25 h`, `1 m 5 s`, `3.25 s`, `2 ms`."""
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
    """Money with every digit, and commas between thousands: `USD 1,000.0475`."""
    return f"{value.currency} {value.amount:,f}" if isinstance(value, Money) else str(value)


def state_name(state: int | None) -> str:
    """The name of a state, such as `DELIVERED`; empty where there is no state yet."""
    return "" if state is None else state_desc(state)


def flag(country_code: int) -> str:
    """The flag of a country by its calling code; empty where there is none."""
    return "".join(chr(_REGIONAL_INDICATOR + ord(each)) for each in REGIONS.get(country_code, ""))


def region(country_code: int) -> str:
    """The ISO 3166 code of a country, from which a browser makes its name; empty where there is none."""
    return REGIONS.get(country_code, "")


def pretty(body: str) -> str:
    """JSON indented over lines, its numbers and escapes as they were written; anything else as it is."""
    try:
        return msgspec.json.format(body.encode(), indent=2).decode()
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return body


def text_of_json(value: Json) -> str:
    """A JSON object of an item, as the API writes it."""
    return msgspec.json.encode(value).decode()


def in_path(name: str) -> str:
    """A name as a part of a path, percent-encoded."""
    return quote(name, safe="")


def text_json(value: object) -> str:
    """A value as JSON for the text of a page, which is escaped as any other text."""
    return json.dumps(value, ensure_ascii=False)


def attribute_json(value: object) -> Markup:
    """A value as JSON, escaped for an attribute."""
    return escape(json.dumps(value, ensure_ascii=False))


def character_name(character: str) -> str:
    """The code point and name of a character: `U+2019 RIGHT SINGLE QUOTATION MARK`."""
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
    "text_of_json": text_of_json,
    "in_path": in_path,
    "tojson_plain": text_json,
    "as_json": attribute_json,
    "character_name": character_name,
}
"""The filters by the names that templates use."""


# The flags of countries

# fmt: off
REGIONS: Mapping[int, str] = {
    1: "US", 7: "RU", 20: "EG", 27: "ZA", 30: "GR", 31: "NL", 32: "BE", 33: "FR", 34: "ES", 36: "HU", 39: "IT",
    40: "RO", 41: "CH", 43: "AT", 44: "GB", 45: "DK", 46: "SE", 47: "NO", 48: "PL", 49: "DE", 51: "PE", 52: "MX",
    53: "CU", 54: "AR", 55: "BR", 56: "CL", 57: "CO", 58: "VE", 60: "MY", 61: "AU", 62: "ID", 63: "PH", 64: "NZ",
    65: "SG", 66: "TH", 81: "JP", 82: "KR", 84: "VN", 86: "CN", 90: "TR", 91: "IN", 92: "PK", 93: "AF", 94: "LK",
    95: "MM", 98: "IR", 211: "SS", 212: "MA", 213: "DZ", 216: "TN", 218: "LY", 220: "GM", 221: "SN", 222: "MR",
    223: "ML", 224: "GN", 225: "CI", 226: "BF", 227: "NE", 228: "TG", 229: "BJ", 230: "MU", 231: "LR", 232: "SL",
    233: "GH", 234: "NG", 235: "TD", 236: "CF", 237: "CM", 238: "CV", 239: "ST", 240: "GQ", 241: "GA", 242: "CG",
    243: "CD", 244: "AO", 245: "GW", 246: "IO", 247: "AC", 248: "SC", 249: "SD", 250: "RW", 251: "ET", 252: "SO",
    253: "DJ", 254: "KE", 255: "TZ", 256: "UG", 257: "BI", 258: "MZ", 260: "ZM", 261: "MG", 262: "RE", 263: "ZW",
    264: "NA", 265: "MW", 266: "LS", 267: "BW", 268: "SZ", 269: "KM", 290: "SH", 291: "ER", 297: "AW", 298: "FO",
    299: "GL", 350: "GI", 351: "PT", 352: "LU", 353: "IE", 354: "IS", 355: "AL", 356: "MT", 357: "CY", 358: "FI",
    359: "BG", 370: "LT", 371: "LV", 372: "EE", 373: "MD", 374: "AM", 375: "BY", 376: "AD", 377: "MC", 378: "SM",
    380: "UA", 381: "RS", 382: "ME", 383: "XK", 385: "HR", 386: "SI", 387: "BA", 389: "MK", 420: "CZ", 421: "SK",
    423: "LI", 500: "FK", 501: "BZ", 502: "GT", 503: "SV", 504: "HN", 505: "NI", 506: "CR", 507: "PA", 508: "PM",
    509: "HT", 590: "GP", 591: "BO", 592: "GY", 593: "EC", 594: "GF", 595: "PY", 596: "MQ", 597: "SR", 598: "UY",
    599: "CW", 670: "TL", 672: "NF", 673: "BN", 674: "NR", 675: "PG", 676: "TO", 677: "SB", 678: "VU", 679: "FJ",
    680: "PW", 681: "WF", 682: "CK", 683: "NU", 685: "WS", 686: "KI", 687: "NC", 688: "TV", 689: "PF", 690: "TK",
    691: "FM", 692: "MH", 850: "KP", 852: "HK", 853: "MO", 855: "KH", 856: "LA", 880: "BD", 886: "TW", 960: "MV",
    961: "LB", 962: "JO", 963: "SY", 964: "IQ", 965: "KW", 966: "SA", 967: "YE", 968: "OM", 970: "PS", 971: "AE",
    972: "IL", 973: "BH", 974: "QA", 975: "BT", 976: "MN", 977: "NP", 992: "TJ", 993: "TM", 994: "AZ", 995: "GE",
    996: "KG", 998: "UZ",
}
# fmt: on
"""ISO 3166 codes by calling code. Services that belong to no country (800 freephone, 881 satellites) have none."""
