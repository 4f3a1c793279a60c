"""What the tests of the specification's tables share: the smallest packet in order, and the platform to send it to."""

from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec
import pytest

from cloudsms_simulator.engine.account import DEFAULT_AUTH_KEY, Account, AccountDirectory, AccountState
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.platform import Platform
from cloudsms_simulator.engine.transaction import Arrival, Transaction
from cloudsms_simulator.protocol.answer import UidSequence
from cloudsms_simulator.protocol.profile import SPEC
from cloudsms_simulator.protocol.timestamps import HONG_KONG

NOON = datetime(2021, 10, 1, 12, 0, 0, tzinfo=HONG_KONG)
ACCOUNT = Account()

Packet = dict[str, object]


@pytest.fixture(scope="session")
def packet() -> Callable[..., Packet]:
    """Makes the smallest packet in order, with fields changed or, as UNSET, taken away."""

    def make(**changes: object) -> Packet:
        smallest: Packet = {
            "METHOD": "SMS_SEND_REQUEST",
            "TYPE": "REQUEST",
            "SERIAL": 1,
            "TIME": "2021-10-01 12:00:00",
            "AUTH_KEY": DEFAULT_AUTH_KEY,
            "ROUTE_ID": "VerifyCode_516",
            "MULTI_MSISDN_LIST": [{"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}],
            "SMS_CONTENT": "Hello",
            "VERSION": "2021-01-01",
        }
        return {name: value for name, value in (smallest | changes).items() if value is not msgspec.UNSET}

    return make


@pytest.fixture(scope="session")
def send() -> Callable[..., bytes]:
    """Sends a packet, or a body as it is, to a platform of one account at noon; returns the answer's bytes."""

    def receive(sent: Mapping[str, object] | bytes, account: Account = ACCOUNT) -> bytes:
        body = sent if isinstance(sent, bytes) else msgspec.json.encode(sent)
        platform = Platform(AccountDirectory([account]), SPEC)
        standing = AccountState(Clock.frozen(NOON), UidSequence(node=0x81BFFF), None)
        identified = platform.identify(body)
        transaction = Transaction(identified.account, standing, 1)
        answer = platform.receive(transaction, platform.check(identified, body), Arrival(body), NOON).body
        assert answer is not None
        return answer

    return receive


@pytest.fixture(scope="session")
def codes(send: Callable[..., bytes]) -> Callable[..., list[int]]:
    """The result codes a packet gets: the top level's, then each destination's."""

    def receive(sent: Mapping[str, object] | bytes, account: Account = ACCOUNT) -> list[int]:
        answer = msgspec.json.decode(send(sent, account))
        return [answer["RESULT_CODE"], *(item["RESULT_CODE"] for item in answer["DETAIL_LIST"])]

    return receive
