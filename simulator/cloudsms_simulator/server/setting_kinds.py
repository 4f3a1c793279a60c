"""The kinds of values that settings have: a port, a size, a duration, an address, a choice of words."""

import ipaddress
import re
from datetime import timedelta
from decimal import Decimal
from urllib.parse import urlsplit

from cloudsms_simulator.engine.clock import FASTEST, SLOWEST
from cloudsms_simulator.server.durations import WANTED, read_duration
from cloudsms_simulator.server.kinds import Kind, ListKind, PathKind, Scalar, Schema, UnfitError
from cloudsms_simulator.server.problems import suggestion
from cloudsms_simulator.server.server_item import ClockMode
from cloudsms_simulator.server.toml_file import TomlValue

_ON = frozenset({"on", "true", "yes", "1"})
_OFF = frozenset({"off", "false", "no", "0"})
_SIZES = {"": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_SIZE = re.compile(r"([0-9]{1,15}) ?([KMG]iB)?", re.IGNORECASE)
_HOST_NAME = re.compile(r"(?=.{1,253}$)(\*\.)?[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_][a-z0-9_-]{0,62})*", re.IGNORECASE)
_LARGEST = 2**63 - 1
_TEXT: Schema = {"type": "string", "minLength": 1}
_DURATION: Schema = {
    "type": "string",
    "pattern": r"^\s*(([0-9]+(\.[0-9]+)?(d|h|ms|us|m|s))+|[Pp][0-9.,WwDdTtHhMmSs]+)\s*$",
}


def read_text(value: TomlValue) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not value:
        raise UnfitError
    return value


def read_number(value: TomlValue) -> Decimal:
    """A number, exactly as written; nothing infinite."""
    if not isinstance(value, int | Decimal) or isinstance(value, bool) or not Decimal(value).is_finite():
        raise UnfitError
    return Decimal(value)


def whole_number(low: int, high: int = _LARGEST, want: str = "", metavar: str = "N") -> Kind:
    """A kind: a whole number from low to high, both included."""

    def read(value: TomlValue) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise UnfitError
        return value

    words = want or f"a whole number from {low} to {high}" if high < _LARGEST else f"a whole number, {low} or more"
    most: Schema = {"maximum": high} if high < _LARGEST else {}
    schema: Schema = {"type": "integer", "minimum": low, **most}
    return Scalar(want=words, read=read, parse=parse_whole, metavar=metavar, example=low, schema=schema)


def parse_whole(text: str) -> TomlValue:
    """A whole number as written in a flag; `0x05` is one too."""
    if not re.fullmatch(r"[0-9]{1,20}|0x[0-9a-fA-F]{1,16}", text.strip()):
        raise UnfitError
    return int(text, 16 if "x" in text else 10)


def parse_list(text: str) -> TomlValue:
    """The entries between commas; blanks around them do not count."""
    return [entry.strip() for entry in text.split(",")]


def choice(*words: str) -> Scalar:
    """A kind: one of some words."""
    listed = " or ".join(filter(None, (", ".join(f'"{word}"' for word in words[:-1]), f'"{words[-1]}"')))

    def read(value: TomlValue) -> str:
        if value in words:
            return str(value)
        raise UnfitError(listed + (suggestion(value, words) if isinstance(value, str) else ""))

    return Scalar(want=listed, read=read, metavar="|".join(words), example=words[0], schema={"enum": list(words)})


def _on_or_off(value: TomlValue) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("on", "off"):
        return value == "on"
    raise UnfitError


def _parse_on_or_off(text: str) -> TomlValue:
    word = text.strip().lower()
    if word not in _ON | _OFF:
        raise UnfitError
    return word in _ON


def _size(value: TomlValue) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _LARGEST:
        return value
    found = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if found is None or int(found[1]) == 0:
        raise UnfitError
    return int(found[1]) * next(size for unit, size in _SIZES.items() if unit.lower() == (found[2] or "").lower())


def size_text(octets: int) -> str:
    """A size in its largest whole unit: `64MiB`, `1000`."""
    unit, size = next((unit, size) for unit, size in reversed(_SIZES.items()) if octets % size == 0)
    return f"{octets // size}{unit}"


def read_delay(value: TomlValue) -> timedelta:
    """A duration with its unit."""
    if not isinstance(value, str):
        raise UnfitError(f'{WANTED}; did you mean "{value}s"?' if isinstance(value, int | Decimal) else WANTED)
    try:
        return read_duration(value)
    except ValueError as error:
        raise UnfitError(str(error)) from None


def _positive_duration(value: TomlValue) -> timedelta:
    found = read_delay(value)
    if not found:
        raise UnfitError("a duration longer than nothing")
    return found


def _host(value: TomlValue) -> str:
    text = read_text(value)
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        if _HOST_NAME.fullmatch(text):
            return text
    raise UnfitError


def _host_or_range(value: TomlValue) -> str:
    text = read_text(value)
    if text == "*":
        return text
    return str(_network(text)) if "/" in text else _host(text)


def _network(value: TomlValue) -> object:
    text = read_text(value)
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        pass
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise UnfitError from None
    raise UnfitError(f'a network without host bits; did you mean "{network}"?')


def _url(value: TomlValue) -> str:
    text = read_text(value)
    if any(letter.isspace() for letter in text):
        raise UnfitError
    split = urlsplit(text)
    if split.scheme not in ("http", "https") or not split.hostname or split.port == 0:
        raise UnfitError
    return text


def _clock(value: TomlValue) -> ClockMode:
    if value in ("real", "frozen"):
        return "real" if value == "real" else "frozen"
    rate = read_number(value)
    if not SLOWEST <= rate <= FASTEST:
        raise UnfitError
    return float(rate)


def _parse_clock(text: str) -> TomlValue:
    return Decimal(text) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text.strip()) else text


def _token(value: TomlValue) -> str:
    text = read_text(value)
    if not text.isascii() or not text.isprintable() or " " in text:
        raise UnfitError
    return text


PORT = whole_number(0, 65535, "a port from 0 to 65535, 0 being any free one", "PORT")
COUNT = whole_number(1)
AMOUNT = whole_number(0)
SIZE = Scalar(
    want='a number of bytes, 1 or more, or a size such as "64MiB"', read=_size, metavar="BYTES", example="64MiB"
)
ON_OFF = Scalar(
    want="true or false",
    read=_on_or_off,
    parse=_parse_on_or_off,
    metavar="on|off",
    example=True,
    schema={"enum": [True, False, "on", "off"]},
)
TEXT = Scalar(want="a text that is not empty", read=read_text, schema=_TEXT)
DURATION = Scalar(want=WANTED, read=read_delay, metavar="DURATION", example="3s", schema=_DURATION)
POSITIVE_DURATION = Scalar(want=WANTED, read=_positive_duration, metavar="DURATION", example="3s", schema=_DURATION)
HOST = Scalar(want="an IP address or a host name", read=_host, metavar="HOST", example="127.0.0.1")
URL = Scalar(
    want='an address such as "https://localhost:59999/"',
    read=_url,
    metavar="URL",
    example="https://localhost:59999/",
    schema={"type": "string", "pattern": r"^https?://\S+$"},
)
CLOCK = Scalar(
    want=f'"real", "frozen", or how many times as fast as real time, such as 3600, from {SLOWEST} to {FASTEST:,.0f}',
    read=_clock,
    parse=_parse_clock,
    metavar="real|frozen|RATE",
    example="frozen",
    schema={
        "anyOf": [{"enum": ["real", "frozen"]}, {"type": "number", "exclusiveMinimum": 0, "maximum": int(FASTEST)}]
    },
)
TOKEN = Scalar(
    want="a word of printable ASCII without blanks",
    read=_token,
    metavar="TOKEN",
    example="choose-a-long-word",
    secret=True,
)
PATH = PathKind(want="a path", metavar="PATH", example="path")
FILE = PathKind(want="the path of a file", metavar="FILE", example="ca.pem", exists=True)
FOLDER = PathKind(want="the path of a folder", metavar="DIR", example="certs")
HOSTS = ListKind(
    want='a list of host names, addresses and networks, such as ["sms.test", "10.0.0.5"]',
    item=Scalar(want='an IP address, a host name, a network such as "10.0.0.0/8", or "*"', read=_host_or_range),
    parse=parse_list,
    metavar="HOST,…",
    example=["sms.test"],
)
NETWORKS = ListKind(
    want='a list of networks, such as ["127.0.0.0/8", "::1"]',
    item=Scalar(want='a network such as "10.0.0.0/8" or an address', read=_network, schema=_TEXT),
    parse=parse_list,
    metavar="CIDR,…",
    example=["127.0.0.0/8", "::1"],
)
