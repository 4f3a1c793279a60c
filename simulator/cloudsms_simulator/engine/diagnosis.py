"""Diagnosis: what is worked out from kept exchanges only when somebody looks: answers, findings, suspicions, passwords.

Traffic in order pays neither for keeping its answers nor for finding its mistakes: `answer_of` writes the answer of an
accepted exchange again, and `findings_of` finds everything worth telling about one.

`suspicions` are what a client seems to get wrong, judged by what it does around an exchange. One mistake is one small
function and its line in `SUSPECTED`, over an `ExchangeWindow` of `ExchangeSummary`s: an exchange as it is held
against others, with what was sent to whom, and what each was told. Moments are those of the account's clock. A client
that takes RESULT_CODE 1 or HTTP 200 for delivery, or compares RESULT_DESC, does nothing that shows it here: of the
former there is no suspicion at all, of the latter only what an accepted message sent again may mean.

`otp_in` finds the one-time password of a text: the digits that somebody is to type in.

Spec: Request UIP Format. Spec: Response UIP Format. Spec: RESULT_CODE and RESULT_DESC. Spec: Examples, SMS request
(OTP). Reading: R14, R17, R20, R24.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.faults import Fault
from cloudsms_simulator.engine.records import MOST_FINDINGS, ConnectionFacts, Exchange, Message, Sending
from cloudsms_simulator.engine.rules import destinations_of
from cloudsms_simulator.expressions import lazy_pattern
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol.answer import AllAccepted, encode_accepted
from cloudsms_simulator.protocol.candidate import candidate_of, present
from cloudsms_simulator.protocol.checks import diagnose
from cloudsms_simulator.protocol.codes import RESULT_CODES, ResultCode, desc_of, hex_code
from cloudsms_simulator.protocol.customer import read_answer
from cloudsms_simulator.protocol.findings import Finding, Told, found
from cloudsms_simulator.protocol.mistakes import Circumstances
from cloudsms_simulator.protocol.packet import (
    ABSENT,
    HIGHEST_SERIAL,
    TIME_OCTETS,
    decode,
    entries_of,
    members_of,
    utf8_octets,
    value_of,
)
from cloudsms_simulator.protocol.profile import SPEC
from cloudsms_simulator.protocol.segmentation import DOCUMENT_BYTES

# Answers and findings, worked out again.

_SURPLUS = found(
    "surplus-bytes",
    "connection",
    Told("bytes after the body that are no request"),
    "Content-Length in octets, not characters",
)


def answer_of(exchange: Exchange, messages: tuple[Message, ...]) -> bytes | None:
    """Returns the bytes that were answered; None when nothing was. `messages` are those of the exchange, in order.

    The answer of an accepted exchange is not kept: it is written again from its messages.
    """
    if exchange.answer is not None or exchange.fault is not None or not isinstance(exchange, Sending) or not messages:
        return exchange.answer
    return encode_accepted(
        AllAccepted(exchange.serial, exchange.received_at, messages, exchange.uids, exchange.profile)
    )


def findings_of(
    exchange: Exchange,
    messages: tuple[Message, ...],
    account: Account | None,
    *,
    clock_is_real: bool,
    longest: int | None = None,
) -> tuple[Finding, ...]:
    """Returns every finding on an exchange, those on its messages included.

    Of an accepted one whose kept body has more than `longest` octets the mistakes are not worked out; a finding says
    that there may be some.
    """
    findings = list(exchange.findings or ())
    if exchange.findings is None and longest is not None and len(exchange.kept_body) > longest:
        got, want = f"{len(exchange.kept_body)} octets", f"at most {longest}, or a look at this request alone"
        findings.append(found("not-looked-through", "body", Told(got), want))
    elif exchange.findings is None:
        candidate = candidate_of(decode(exchange.body), account, SPEC)
        around = Circumstances(exchange.body, exchange.headers, exchange.received_at, clock_is_real)
        findings += diagnose(candidate, around)[:MOST_FINDINGS]
    for message in messages:
        if message.reason is not None:
            path = f"$.MULTI_MSISDN_LIST[{message.index}]"
            findings.append(found("local-rejected", path, Told(message.reason), "a message the account may send"))
    if exchange.fault is not None:
        got, want = f'{exchange.fault}, as "{exchange.rule}" says', "a client that copes with it"
        findings.append(found("scripted-fault", "answer", Told(got), want))
    if exchange.surplus:
        findings.append(_SURPLUS)
    return tuple(findings)


# What one exchange says, as far as it is held against others.

_ANSWER_ARRIVES = frozenset({None, "DELAY", *(fault.value for fault in Fault if fault.effect.whole)})
"""Faults of an exchange in spite of which the client has the answer."""
_LIST = "MULTI_MSISDN_LIST"
_CODES = {int(code): code for code in ResultCode}


class ClientProgram(msgspec.Struct, frozen=True):
    """What tells the programs of one customer apart, as far as that shows: address, User-Agent, client certificate."""

    host: str
    user_agent: bytes
    certificate: str


class ExchangeSummary(msgspec.Struct, frozen=True):
    """One exchange as it is held against others: what was sent to whom, and what each destination was answered.

    Of an answer that never came, or came spoilt, the client knows no code, so `codes` is empty.
    """

    id: int
    at: datetime
    """On the account's clock."""
    connection: ConnectionFacts | None
    program: ClientProgram
    code: ResultCode | None
    is_packet: bool
    body: bytes
    content: str
    """SMS_CONTENT with SIGNATURE, "" if there is none."""
    password: str | None
    """The one-time password that the text announces."""
    customer_body: bytes
    """CUSTOMER_BODY as it was written, empty if there is none."""
    time: str
    numbers: tuple[str, ...]
    """Country code and number of each destination, in the order of the list."""
    codes: Mapping[str, ResultCode]
    """By country code and number, in the order of the list; of a number that is there twice, the last."""

    @property
    def accepted(self) -> list[str]:
        """The numbers that were accepted."""
        return [number for number, code in self.codes.items() if code is ResultCode.OK]

    @property
    def refused(self) -> list[str]:
        """The numbers that were refused."""
        return [number for number, code in self.codes.items() if code is not ResultCode.OK]

    @property
    def is_mixed(self) -> bool:
        """Whether some destinations of the batch were accepted and some refused."""
        return bool(self.accepted) and bool(self.refused)

    def repeats(self, earlier: "ExchangeSummary") -> bool:
        """Tells whether it says the same as an earlier one, about the same thing: another CUSTOMER_BODY is another."""
        return bool(self.content) and self.content == earlier.content and self.customer_body == earlier.customer_body

    def resends(self, earlier: "ExchangeSummary") -> bool:
        """Tells whether it is an earlier packet again, to all of its destinations or to some.

        Then nothing but SERIAL and TIME has changed, and those only from one that is in order to another.
        """
        if not self.repeats(earlier):
            return False
        members, before = _members_of(self.body), _members_of(earlier.body)
        mine, theirs = members.pop(_LIST, ABSENT), before.pop(_LIST, ABSENT)
        return members == before and (mine == theirs or _entries_of(mine) <= _entries_of(theirs))


def exchange_summary_of(exchange: Exchange) -> ExchangeSummary:
    """Reads the summary of an exchange out of its kept bytes."""
    body = exchange.body
    candidate = candidate_of(decode(body), None, SPEC)
    packet = candidate.packet
    numbers = tuple([destination.number for destination in destinations_of(candidate)])
    content, signature, time = packet.sms_content, packet.signature, packet.time
    said = content if isinstance(content, str) else ""
    return ExchangeSummary(
        exchange.id,
        exchange.received_at,
        exchange.connection,
        program_of(exchange),
        exchange.code,
        candidate.decoded.form == "object",
        body,
        f"{signature or ''}\n{said}" if said else "",
        otp_in(said) if announces_otp(said) else None,
        bytes(packet.customer_body) if present(packet.customer_body) else b"",
        time if isinstance(time, str) else "",
        numbers,
        _codes_of(exchange, numbers),
    )


def program_of(exchange: Exchange) -> ClientProgram:
    """Returns the program that an exchange came from, as far as address, User-Agent and certificate tell it."""
    connection = exchange.connection
    tls = None if connection is None else connection.tls
    agent = next((value for name, value in exchange.headers if name.lower() == b"user-agent"), b"")
    certificate = "" if tls is None or tls.peer is None else tls.peer.fingerprint_sha256
    return ClientProgram("" if connection is None else connection.host, agent, certificate)


def _members_of(body: bytes) -> dict[str, msgspec.Raw]:
    """Returns the members of a packet without a SERIAL and a TIME that are in order: those change with each request."""
    members = dict(members_of(body) or {})
    serial, time = (
        value_of(members.get("SERIAL", ABSENT)),
        value_of(members.get("TIME", ABSENT)),
    )
    if type(serial) is int and 1 <= serial <= HIGHEST_SERIAL:
        del members["SERIAL"]
    if isinstance(time, str) and 0 < utf8_octets(time) <= TIME_OCTETS:
        del members["TIME"]
    return members


def _entries_of(destinations: msgspec.Raw) -> frozenset[bytes]:
    return frozenset(bytes(entry) for entry in entries_of(destinations) or [])


def _codes_of(exchange: Exchange, numbers: Sequence[str]) -> Mapping[str, ResultCode]:
    if exchange.code is None or exchange.fault not in _ANSWER_ARRIVES:
        return {}
    answer = None if exchange.answer is None else read_answer(exchange.answer)
    if answer is None or len(answer.detail_list) != len(numbers):
        return dict.fromkeys(numbers, exchange.code)
    told = (_CODES.get(item.result_code, exchange.code) for item in answer.detail_list)
    return dict(zip(numbers, told, strict=True))


# Suspicions: one function each.

NEIGHBOURS = 100
"""So many exchanges before one, and so many after it, are worth handing in: the nearest ones."""
NEIGHBOURING_OCTETS = 64 * 1024
"""Octets that their bodies may have together, on either side; nothing is suspected of a longer one either."""

_SECONDS = timedelta(seconds=10)
"""Two requests this close are no coincidence."""
_ASKED_FOR = timedelta(minutes=10)
_LATER = frozenset(row.code for row in RESULT_CODES if "10 minutes" in row.solution)
"""Codes upon which the document asks to try again in ten minutes."""
_IN_VAIN = frozenset(
    {
        ResultCode.CHANNEL_NOT_EXIST,
        ResultCode.INVALID_PARAMETER,
        ResultCode.INVALID_CONTEXT,
        ResultCode.UNPRICED_AREA,
        ResultCode.INVALID_VERSION,
    }
)
"""Codes that the same packet gets again."""
_IN_VAIN_WITHIN = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)
"""Somebody who types a password waits longer before asking for another."""
_ENOUGH = 5
"""So many requests have to do the same before a finding says so."""
_SAME_TIME, _FAR_APART = 3, timedelta(minutes=1)
_KEPT_ALIVE = timedelta(seconds=240)
"""A connection that is silent for longer is closed by the platform: the next request needs another."""


class ExchangeWindow(msgspec.Struct, frozen=True):
    """An exchange among those of the same account, in the order in which they came."""

    before: tuple[ExchangeSummary, ...]
    one: ExchangeSummary
    behind: tuple[ExchangeSummary, ...]
    clock_is_real: bool

    @property
    def everything(self) -> tuple[ExchangeSummary, ...]:
        """All exchanges of the window, in order."""
        return (*self.before, self.one, *self.behind)


def suspicions(exchange: Exchange, around: Sequence[Exchange], *, clock_is_real: bool) -> tuple[Finding, ...]:
    """Returns what the exchanges `around` one of the same account, in any order, let suspect about it.

    Empty for an exchange that is no packet. `clock_is_real` tells whether TIME can be held against when they came.
    """
    if exchange.kind != "uip":
        return ()
    others = sorted((each for each in around if each.kind == "uip" and each.id != exchange.id), key=_number)
    return suspected_in(
        ExchangeWindow(
            tuple(exchange_summary_of(each) for each in others if each.id < exchange.id),
            exchange_summary_of(exchange),
            tuple(exchange_summary_of(each) for each in others if each.id > exchange.id),
            clock_is_real,
        )
    )


def _number(exchange: Exchange) -> int:
    return exchange.id


def suspected_in(window: ExchangeWindow) -> tuple[Finding, ...]:
    """Returns what a window of exchanges lets suspect about the one in its middle."""
    return tuple(finding for suspect in SUSPECTED for finding in suspect(window))


def sent_again_after_an_error(window: ExchangeWindow) -> Iterator[Finding]:
    """The same message after a refusal: in vain, before the ten minutes are over, or at once."""
    one = window.one
    for earlier in reversed(window.before):
        gap = one.at - earlier.at
        if gap >= _IN_VAIN_WITHIN:
            return
        if not one.repeats(earlier):
            continue
        for number, code in earlier.codes.items():
            if code is ResultCode.OK or number not in one.codes:
                continue
            got = Told(
                f"{number} again {_spoken(gap)} after request {earlier.id} was refused {hex_code(code)} {desc_of(code)}"
            )
            if code in _LATER:
                if gap < _ASKED_FOR:
                    yield found("resent-too-soon", "body", got, "ten minutes' patience")
                    return
            elif code in _IN_VAIN:
                if one.codes[number] is code and one.resends(earlier):
                    yield found("resent-unchanged", "body", got, "the packet mended, or no other attempt")
                    return
            elif gap < _SECONDS and one.resends(earlier):
                yield found("resent-at-once", "body", got, "a pause, and a limit to the attempts")
                return


def sent_twice(window: ExchangeWindow) -> Iterator[Finding]:
    """The same message within seconds although it had been accepted."""
    one = window.one
    for earlier in reversed(window.before):
        gap = one.at - earlier.at
        if gap >= _SECONDS:
            return
        if not one.repeats(earlier):
            continue
        twice = [number for number in one.accepted if number in earlier.accepted]
        if twice:
            got = Told(f"the same text to {_named(twice)} {_spoken(gap)} after request {earlier.id} was accepted")
            want = (
                "one request for each message; RESULT_CODE 1, the integer and not RESULT_DESC, says that it was taken"
            )
            yield found("sent-twice", "body", got, want)
            return


def otp_sent_twice(window: ExchangeWindow) -> Iterator[Finding]:
    """The same one-time password to the same number in another text, within a minute."""
    one = window.one
    if one.password is None:
        return
    for earlier in reversed(window.before):
        gap = one.at - earlier.at
        if gap >= _MINUTE:
            return
        if one.password != earlier.password or one.content == earlier.content:
            continue
        twice = [number for number in one.accepted if number in earlier.accepted]
        if twice:
            got = Told(f"{one.password} to {_named(twice)} again {_spoken(gap)} after request {earlier.id}")
            yield found("otp-sent-twice", "$.SMS_CONTENT", got, "a new password for each message, and one message each")
            return


def batch_sent_again(window: ExchangeWindow) -> Iterator[Finding]:
    """A batch of which some destinations were refused comes again with those that were accepted."""
    one = window.one
    if not one.is_mixed:
        return
    for later in window.behind:
        again = [number for number in one.accepted if number in later.codes]
        if (
            later.at - one.at < _ASKED_FOR
            and later.repeats(one)
            and again
            and any(n in later.codes for n in one.refused)
        ):
            first = next(iter(one.codes.values()))
            read = (
                "DETAIL_LIST[0]" if first is not ResultCode.OK and one.code is ResultCode.OK else "the top-level code"
            )
            got = Told(f"request {later.id} has {_named(again)} again, though accepted: perhaps only {read} is read")
            yield found("batch-sent-again", "answer", got, "again only what its own item in DETAIL_LIST refuses")
            return


def batch_refusals_ignored(window: ExchangeWindow) -> Iterator[Finding]:
    """Destinations that were to be tried again in ten minutes were not, within twice that, though the client went on.

    Nothing is said of a client that sends so much that twenty minutes are more than the neighbours of a request.
    """
    one = window.one
    waiting = [number for number in one.refused if one.codes[number] in _LATER]
    if not one.is_mixed or one.code is not ResultCode.OK or not waiting:
        return
    went_on = any(each.at - one.at >= 2 * _ASKED_FOR and each.program == one.program for each in window.behind)
    if went_on and not any(number in later.numbers for later in window.behind for number in waiting):
        got = Told(f"{_named(waiting)} never came again: perhaps only the top-level code, or DETAIL_LIST[0], is read")
        yield found("batch-refusals-ignored", "answer", got, "a look at every item of DETAIL_LIST")


def never_a_customer_body(window: ExchangeWindow) -> Iterator[Finding]:
    """No request around has a CUSTOMER_BODY."""
    packets = [each for each in window.everything if each.is_packet]
    if window.one.is_packet and len(packets) >= _ENOUGH and not any(each.customer_body for each in packets):
        want = 'an object of your own, such as {"id": "order-1"}, so that a report names what it is about'
        yield found("customer-body-never", "$.CUSTOMER_BODY", Told(f"none in {len(packets)} requests"), want)


def a_connection_each(window: ExchangeWindow) -> Iterator[Finding]:
    """Every request of a program came on a TLS connection of its own, though the one before could have served it.

    It could when its request was over before the new connection was opened, and was not longer ago than a silent
    connection is kept. Requests that are sent side by side, or are far apart, need connections of their own.
    """
    if window.one.connection is None or window.one.connection.tls is None:
        return
    used = [window.one.connection.id]
    for line in (reversed(window.before), window.behind):
        last = window.one
        for each in line:
            if each.program != last.program or each.connection is None or each.connection.tls is None:
                continue
            first, second = (each, last) if each.id < last.id else (last, each)
            if not _could_be_reused(first, second):
                break
            used.append(each.connection.id)
            last = each
    if len(used) >= _ENOUGH and len(set(used)) == len(used):
        got = Told(f"{len(used)} requests on {len(used)} TLS connections")
        yield found(
            "connection-per-request", "connection", got, "one connection kept alive: a handshake costs far more"
        )


def _could_be_reused(first: ExchangeSummary, second: ExchangeSummary) -> bool:
    """Tells whether the connection of one request was free, and still open, when the next request came.

    Both clocks count: the wall's, where its moments are known, and the account's, since whoever moved that one says
    that time has passed.
    """
    if second.at - first.at >= _KEPT_ALIVE:
        return False
    before, then = first.connection, second.connection
    if before is None or then is None or before.used_at is None or then.opened_at is None or then.used_at is None:
        return True
    return before.id == then.id or (then.opened_at >= before.used_at and then.used_at - before.used_at < _KEPT_ALIVE)


def time_stands_still(window: ExchangeWindow) -> Iterator[Finding]:
    """TIME is the same in requests far apart."""
    if not window.clock_is_real or not window.one.time:
        return
    same = [each.at for each in window.everything if each.time == window.one.time]
    if len(same) >= _SAME_TIME and same[-1] - same[0] >= _FAR_APART:
        got = Told(f"{window.one.time} in {len(same)} requests within {_spoken(same[-1] - same[0])}")
        yield found("time-stands-still", "$.TIME", got, "the moment of each request, not of the program's start")


SUSPECTED: tuple[Callable[[ExchangeWindow], Iterator[Finding]], ...] = (
    sent_again_after_an_error,
    sent_twice,
    otp_sent_twice,
    batch_sent_again,
    batch_refusals_ignored,
    never_a_customer_body,
    a_connection_each,
    time_stands_still,
)


def _named(numbers: Sequence[str]) -> str:
    return numbers[0] if len(numbers) == 1 else f"{numbers[0]} and {len(numbers) - 1} more"


def _spoken(gap: timedelta) -> str:
    seconds = gap.total_seconds()
    return f"{seconds:.3g} s" if seconds < 60 else f"{round(seconds / 60)} min"


# The one-time password of a text.

_FEWEST, _MOST = 4, 8
_OTP_WORD = lazy_pattern(
    r"code|(?<![a-z])(?:otp|pin)(?![a-z])"
    r"|(?:验证|驗證|认证|認證|認証|校验|校驗|动态|動態|确认|確認)(?:密?[码碼]|コード|番号|番號)"
    r"|暗証番号|ワンタイムパスワード|一次性密[码碼]|인증\s?번호",
    re.IGNORECASE,
)
_NUMBER = lazy_pattern(r"(?<!\d)\d++(?:(?P<between>[ \u00a0\u2009\u202f‐‑–-])\d++(?:(?P=between)\d++)*+)?")
"""A number, or several with one and the same blank or hyphen between them."""
_RUN = lazy_pattern(r"\d++")
_CONTEXT = 24
"""Characters before a number, and behind it, that may say what it is."""

# What stands right before a number, or right behind it, when it is no password.
_NOT_AFTER = lazy_pattern(
    r"(?:[*＊•●#]{2}|(?<![a-z])x[x*]+)[\s-]*$"
    r"|(?:尾[号號数數码碼]|[末后後][四4][位码碼]|末尾|下\s?[4４四]\s?[桁けた])[为為是:：]?\s*$"
    r"|(?:ending|ends)(?: (?:in|with|on))?:?\s*$|last (?:4|four)(?: digits)?(?: are| is)?:?\s*$"
    r"|[$¥￥€£]\s*$|(?<![a-z])(?:HKD|USD|CNY|RMB|TWD|JPY|EUR|GBP|SGD|NT|HK)\$?\s*$"
    r"|\+(?:\d[\d\s-]*)?$|\d[./]\d{1,2}[./]$",
    re.IGNORECASE,
)
_NOT_BEFORE = lazy_pattern(
    r"[*＊•●]{2}|xx|\s?[元円圆圓年]|\s?(?:HKD|USD|CNY|RMB|TWD|JPY|EUR|GBP|SGD)(?![a-z])|[./-]\d{1,2}[./月-]\d",
    re.IGNORECASE,
)

# What makes a number doubtful: it counts only where the text has no better one.
_YEAR = lazy_pattern(r"(?:19|20)\d\d")
_SAYS_SO_BEFORE = lazy_pattern(
    r"(?:(?<![a-z])(?:is|are)|[:：=是为為は])[\s\"'「『【\[(]*$|(?:code|otp|pin|[码碼])\W*$", re.IGNORECASE
)
_SAYS_SO_BEHIND = lazy_pattern(r"[\s\"'」』】\])]*(?:is(?![a-z])|[是为為は])(?!\W*\d)", re.IGNORECASE)
_TO_CALL = lazy_pattern(
    r"(?:(?<![a-z])(?:call|dial|tel|phone|hotline|whatsapp)|致[电電]|[电電][话話]|[热熱][线線]|客服|查[询詢])\W*$",
    re.IGNORECASE,
)


class _Number(msgspec.Struct, frozen=True):
    digits: str
    doubtful: bool


def otp_in(text: str) -> str | None:
    """The 4 to 8 digits of a text that are to be typed in, as ASCII digits and nothing else; None without any.

    That is the first number of 4 to 8 digits after a word for it (code, OTP, PIN, 验证码, 驗證碼, 認証コード and the
    like, in any case; `code` counts within a word too, such as passcode), else the first of the text. Two groups of
    three or four digits, or three of two, that a blank or a hyphen parts are one number: `873-319`. Digits of any
    script count. The visible end of an account number (`**** 1234`, 尾号6789), a date, an amount and a telephone
    number with its country are none; a year, and a number to call, only where there is nothing else.

    Only as much of a text is looked at as ten segments can hold. Time is linear in it.
    """
    text = text[:DOCUMENT_BYTES]
    word = _OTP_WORD.search(text)
    doubtful: list[str] = []
    for begin in (0,) if word is None else (word.end(), 0):
        for each in _numbers_in(text, begin):
            if not each.doubtful:
                return each.digits
            doubtful.append(each.digits)
    return doubtful[0] if doubtful else None


def announces_otp(text: str) -> bool:
    """Whether a text says that it has a one-time password, by a word such as code or 验证码; digits alone do not."""
    return _OTP_WORD.search(text) is not None


def _numbers_in(text: str, begin: int) -> Iterator[_Number]:
    """The numbers of a text from a place on that may be passwords, in order."""
    for number in _NUMBER.finditer(text, begin):
        runs = list(_RUN.finditer(text, *number.span()))
        if len(runs) == 1 or _is_one(runs, number["between"]):
            yield from _judged_number(text, number.start(), number.end())
        elif len(runs) == 2 or (number["between"].isspace() and {len(run[0]) for run in runs} != {4}):
            # More than two with hyphens are a date or a telephone number, three fours the number of a card.
            for run in runs:
                yield from _judged_number(text, run.start(), run.end())


def _is_one(runs: Sequence[re.Match[str]], between: str) -> bool:
    """Tells whether groups of digits are written for one number. `26-11-30` is a date."""
    sizes = [len(run[0]) for run in runs]
    return sizes in ([3, 3], [4, 4]) or (sizes == [2, 2, 2] and between.isspace())


def _judged_number(text: str, start: int, end: int) -> Iterator[_Number]:
    digits = "".join(str(unicodedata.decimal(each)) for each in text[start:end] if each.isdecimal())
    if not _FEWEST <= len(digits) <= _MOST:
        return
    before, behind = text[max(0, start - _CONTEXT) : start], text[end : end + _CONTEXT]
    if _NOT_AFTER.search(before) or _NOT_BEFORE.match(behind):
        return
    is_year = _YEAR.fullmatch(digits) and not (_SAYS_SO_BEFORE.search(before) or _SAYS_SO_BEHIND.match(behind))
    yield _Number(digits, bool(is_year or _TO_CALL.search(before)))
