"""Any body up to the limit, in a well-formed request, gets HTTP 200 with a valid ANSWER, and no traceback.

`make fuzz` runs this for five minutes.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
from corpus import BODIES
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.config.account_schema import AccountSettings
from cloudsms_simulator.engine.account import DEFAULT_AUTH_KEY, Blacklist

KNOWN = {1, 2, 3, 4, 5, *(0x10000000 + code for code in (1, 3, 4, 5, 6, 7, 0xD, 0xE, 0xF, 0x10))}
KEYS = {"spec": DEFAULT_AUTH_KEY, "observed": "observed-key"}
SPEC_KEYS = ["METHOD", "TYPE", "SERIAL", "TIME", "RESULT_CODE", "RESULT_DESC", "DETAIL_LIST"]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.sampled_from(
        ["", " ", "852", "67000011", "67xxxx11", "2021-01-01", "SMS_SEND_REQUEST", "REQUEST", "中文", *KEYS.values()]
    ),
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
)
destinations = st.lists(
    st.one_of(
        st.fixed_dictionaries(
            {
                "COUNTRY_CODE": st.sampled_from([852, 65, 86, 1, 44]) | values,
                "DEST_MSISDN": st.from_regex("[0-9]{1,12}", fullmatch=True) | values,
            }
        ),
        values,
    ),
    max_size=5,
)
FIELDS = {
    "METHOD": "SMS_SEND_REQUEST",
    "TYPE": "REQUEST",
    "SERIAL": 7,
    "TIME": "2026-11-22 12:00:00",
    "AUTH_KEY": DEFAULT_AUTH_KEY,
    "ROUTE_ID": "VerifyCode_516",
    "ORIGINAL_ADDR": "Shop",
    "SIGNATURE": "Shop",
    "SIGNATURE_TYPE": 1,
    "PRIORITY": 0,
    "REPEAT": 0,
    "SMS_CONTENT": "Your code is 123345",
    "VERSION": "2021-01-01",
    "CUSTOMER_BODY": {"order": 1},
    "MULTI_MSISDN_LIST": [{"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}],
}


@st.composite
def packets(draw: st.DrawFn) -> bytes:
    """A packet in order, with a few fields replaced, left out, or added."""
    packet = FIELDS | {"AUTH_KEY": draw(st.sampled_from([*KEYS.values()] * 4 + ["nobody's"]))}
    packet |= {"SMS_CONTENT": draw(st.text(min_size=1, max_size=700)), "MULTI_MSISDN_LIST": draw(destinations)}
    for name in draw(st.lists(st.sampled_from([*FIELDS, "uip_head", "SENDER_ID"]), max_size=3, unique=True)):
        if draw(st.booleans()):
            packet[name] = draw(values)
        else:
            packet.pop(name, None)
    return json.dumps(packet, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")


hostile = st.builds(lambda attack, size: attack.make(size), st.sampled_from(BODIES), st.integers(0, 20_000))


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A packet that something happened to on its way: bytes changed, left out, cut off, or doubled."""
    packet = draw(packets() | hostile)
    start = draw(st.integers(0, len(packet)))
    end = draw(st.integers(start, min(start + 8, len(packet))))
    return draw(
        st.sampled_from(
            [packet[:start], packet[start:], packet[:start] + packet[end:], packet[:end] + packet[start:], packet * 2]
        )
        | st.builds(lambda bytes_: packet[:start] + bytes_ + packet[end:], st.binary(max_size=8))
    )


bodies = st.one_of(
    packets(),
    hostile,
    damaged(),
    st.binary(max_size=2000),
    values.map(lambda value: json.dumps(value).encode()),
    st.text(alphabet='{}[]",:\\u0dD89 \t\n-+.eE1tfn').map(str.encode),
)


class Conversation:
    """A client on one keep-alive connection to a platform with both profiles, on an event loop of its own."""

    def __init__(self, loop: asyncio.AbstractEventLoop, client: object, caplog: pytest.LogCaptureFixture) -> None:
        self._loop = loop
        self._client = client
        self._caplog = caplog

    def post(self, body: bytes) -> object:
        """The answer; whatever was logged meanwhile must not be an error."""
        answer = self._loop.run_until_complete(self._client.post(body))
        records = [
            record.getMessage() for record in self._caplog.records if record.exc_info or record.levelname == "ERROR"
        ]
        self._caplog.clear()
        assert records == []
        return answer


@pytest.fixture(scope="module")
def open_platform(platform: Callable[..., object]) -> Iterator[tuple[asyncio.AbstractEventLoop, object]]:
    loop = asyncio.new_event_loop()
    # Something of everything that a destination can be refused for.
    limits = {
        "prices": {852: Decimal("0.05"), 65: Decimal("0.06"), 86: Decimal("0.01")},
        "blacklist": Blacklist(numbers=("65812*",), words=("casino", "\0")),
        "pending_limit": 500,
        "directions": frozenset({852, 65}),
    }
    accounts = (
        AccountSettings(**limits),
        AccountSettings(name="observed", auth_key=KEYS["observed"], profile="observed", **limits),
    )
    begun = platform(plain=True, accounts=accounts, journal_messages=1000)
    here = loop.run_until_complete(begun.__aenter__())
    connection = here.client()
    client = loop.run_until_complete(connection.__aenter__())
    yield loop, client
    loop.run_until_complete(connection.__aexit__(None, None, None))
    loop.run_until_complete(begun.__aexit__(None, None, None))
    loop.close()


@pytest.mark.fuzz
def test_any_body_gets_a_valid_answer(open_platform, caplog: pytest.LogCaptureFixture) -> None:
    conversation = Conversation(*open_platform, caplog)

    @given(bodies)
    def every_body(body: bytes) -> None:
        answer = conversation.post(body)
        assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
        packet = answer.json
        assert packet["RESULT_CODE"] in KNOWN - {2, 0x1000000E}
        assert (packet["METHOD"], packet["TYPE"]) == ("SMS_SEND_REQUEST", "ANSWER")
        assert 0 <= packet["SERIAL"] <= 65535
        if answer.body.startswith(b'{"'):
            assert list(packet) == SPEC_KEYS
        for item in packet.get("DETAIL_LIST", []):
            assert 0 <= item["COUNTRY_CODE"] <= 9999
            assert len(item["DEST_MSISDN"].encode()) <= 32
            assert (len(item["SMS_UID"]), item["RESULT_CODE"] in KNOWN) == (30, True)

    every_body()
