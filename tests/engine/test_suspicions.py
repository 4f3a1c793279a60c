"""Suspicions: what a client does around an exchange, and what that lets suspect. Reading: R24."""

from datetime import datetime, timedelta

import msgspec
import pytest

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.diagnosis import NEIGHBOURS, SUSPECTED, suspicions
from cloudsms_simulator.engine.records import ConnectionFacts, Exchange, TlsFacts
from cloudsms_simulator.protocol.findings import FINDING_RULES, Finding

BUSY, INTERCEPTED, UNKNOWN, ORDINARY = "67555103", "67555206", "67555102", "67000011"
TLS = TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", None)


class Client:
    """Sends one packet after the other; how long it waits before each is said."""

    def __init__(self, world) -> None:
        self.world = world(Account(rate_limit=None))

    def send(self, *msisdns: str, after: float = 0, **fields: object) -> None:
        self.world.now += timedelta(seconds=after)
        destinations = tuple((852, msisdn) for msisdn in msisdns or (ORDINARY,))
        self.world.receive(self.world.packet(*destinations, **{"CUSTOMER_BODY": {}} | fields))

    @property
    def exchanges(self) -> list[Exchange]:
        """The oldest first."""
        return list(self.world.store.exchanges(self.world.accounts[0]))[::-1]

    def suspected(self, place: int = -1, *, clock_is_real: bool = False) -> tuple[Finding, ...]:
        exchanges = self.exchanges
        return suspicions(exchanges[place], exchanges, clock_is_real=clock_is_real)

    def rules(self, place: int = -1, **how: bool) -> list[str]:
        return [finding.rule for finding in self.suspected(place, **how)]


@pytest.fixture
def client(world) -> Client:
    return Client(world)


def test_a_client_that_does_everything_right_is_not_suspected(client: Client) -> None:
    for minute in range(8):
        client.send(after=60, TIME=f"2026-11-22 12:{minute:02}:00", SMS_CONTENT=f"code {minute}")
    assert [client.rules(place, clock_is_real=True) for place in range(8)] == [[]] * 8


def test_a_wrong_packet_sent_again_as_it_was_mends_nothing(client: Client) -> None:
    client.send(VERSION="1")
    client.send(VERSION="1", after=90)
    (finding,) = client.suspected()
    assert finding == Finding(
        "resent-unchanged",
        "suspicion",
        "body",
        "85267000011 again 2 min after request 1 was refused 0x10000010 Invalid_Version",
        "the packet mended, or no other attempt",
        "RESULT_CODE and RESULT_DESC",
    )
    assert client.rules(0) == []


def test_a_packet_that_was_mended_is_what_is_wanted(client: Client) -> None:
    client.send(VERSION="1")
    client.send(after=1)
    assert client.rules() == []


def test_a_wrong_packet_again_the_next_day_is_another_attempt(client: Client) -> None:
    client.send(SERIAL=0)
    client.send(SERIAL=0, after=3601)
    assert client.rules() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"VERSION": "2"},
        {"ROUTE_ID": ""},
        {"SERIAL": 70_000},
        {"MULTI_MSISDN_LIST": [{"COUNTRY_CODE": "+852", "DEST_MSISDN": ORDINARY}]},
    ],
)
def test_a_packet_that_is_mended_step_by_step_is_not_the_same_again(client: Client, wrong: dict[str, object]) -> None:
    client.send(VERSION="1")
    client.send(after=1, **{"VERSION": "1"} | wrong)
    assert client.rules() == []


def test_serial_and_time_of_a_packet_sent_again_may_differ(client: Client) -> None:
    client.send(VERSION="1", SERIAL=1, TIME="2026-11-22 12:00:00")
    client.send(VERSION="1", SERIAL=2, TIME="2026-11-22 12:00:01", after=1)
    assert client.rules() == ["resent-unchanged"]


def test_a_wrong_entry_of_a_batch_sent_again_alone_mends_nothing(client: Client) -> None:
    wrong, right = {"COUNTRY_CODE": 999, "DEST_MSISDN": "1"}, {"COUNTRY_CODE": 852, "DEST_MSISDN": ORDINARY}
    client.send(MULTI_MSISDN_LIST=[wrong, right])
    client.send(MULTI_MSISDN_LIST=[wrong], after=60)
    assert client.rules() == ["resent-unchanged"]


def test_two_texts_that_are_empty_are_no_message_sent_again(client: Client) -> None:
    client.send(SMS_CONTENT="")
    client.send(SMS_CONTENT="", after=1)
    assert client.rules() == []


def test_equal_alarms_about_different_events_are_not_one_message_twice(client: Client) -> None:
    for event in range(3):
        client.send(SMS_CONTENT="Pump 4711 is down", CUSTOMER_BODY={"event": event}, after=1)
    client.send(SMS_CONTENT="Pump 4711 is up", CUSTOMER_BODY={"event": 3}, after=1)
    assert [client.rules(place) for place in range(4)] == [[]] * 4
    client.send(SMS_CONTENT="Pump 4711 is up", CUSTOMER_BODY={"event": 3}, after=1)
    assert client.rules() == ["sent-twice"]


@pytest.mark.parametrize("number", [BUSY, INTERCEPTED, "67555205", "67555214"])
def test_ten_minutes_are_to_pass_where_the_document_asks_for_them(client: Client, number: str) -> None:
    client.send(number)
    client.send(number, after=599)
    assert client.rules() == ["resent-too-soon"]
    client.send(number, after=600)
    assert client.rules() == []


def test_other_errors_want_a_pause(client: Client) -> None:
    client.send(UNKNOWN)
    client.send(UNKNOWN, after=0.25)
    (finding,) = client.suspected()
    assert (finding.rule, finding.got) == (
        "resent-at-once",
        f"852{UNKNOWN} again 0.25 s after request 1 was refused 0x02 Unknown_error",
    )
    client.send(UNKNOWN, after=10)
    assert client.rules() == []


@pytest.mark.parametrize("change", [{"SMS_CONTENT": "another"}, {"SIGNATURE": "S"}])
def test_another_text_is_no_second_attempt(client: Client, change: dict[str, object]) -> None:
    client.send(BUSY)
    client.send(BUSY, **change)
    assert client.rules() == []


def test_the_same_code_to_the_same_number_within_seconds_is_told(client: Client) -> None:
    client.send(ORDINARY, "67000012")
    client.send("67000012", after=9.5)
    (finding,) = client.suspected()
    assert (finding.rule, finding.got) == (
        "sent-twice",
        "the same text to 85267000012 9.5 s after request 1 was accepted",
    )
    client.send("67000012", after=10)
    assert client.rules() == []


def test_the_same_password_in_another_text_is_told(client: Client) -> None:
    client.send(SMS_CONTENT="Your code is 4711")
    client.send(SMS_CONTENT="4711 is your code", after=59)
    (finding,) = client.suspected()
    assert (finding.rule, finding.path, finding.got) == (
        "otp-sent-twice",
        "$.SMS_CONTENT",
        f"4711 to 852{ORDINARY} again 59 s after request 1",
    )


@pytest.mark.parametrize(
    ("number", "text", "after"),
    [
        (ORDINARY, "Your PIN is 4712", 1),
        ("67000012", "Your PIN is 4711", 1),
        (ORDINARY, "Your PIN is 4711", 60),
        (ORDINARY, "No password", 1),
        (BUSY, "Your PIN is 4711", 1),
    ],
)
def test_another_password_another_number_and_a_minute_later_are_no_second_time(
    client: Client, number: str, text: str, after: float
) -> None:
    client.send(SMS_CONTENT="Your code is 4711")
    client.send(number, SMS_CONTENT=text, after=after)
    assert client.rules() == []


@pytest.mark.parametrize("magic", ["67555405", "67555406"])
def test_who_never_got_an_answer_may_send_again(client: Client, magic: str) -> None:
    client.send(magic)
    client.send(magic, after=1)
    assert client.rules() == []


def test_a_batch_sent_again_whole_lets_suspect_what_is_read(client: Client) -> None:
    client.send(BUSY, ORDINARY)
    client.send(BUSY, ORDINARY, after=30)
    (finding,) = client.suspected(0)
    assert (finding.rule, finding.path, finding.got) == (
        "batch-sent-again",
        "answer",
        "request 2 has 85267000011 again, though accepted: perhaps only DETAIL_LIST[0] is read",
    )


def test_only_what_was_refused_again_is_what_is_wanted(client: Client) -> None:
    client.send(ORDINARY, BUSY, "67000012")
    client.send(BUSY, after=601)
    assert client.rules(0) == []


def test_a_top_level_error_read_alone_sends_everything_again(world) -> None:
    profile = msgspec.structs.replace(Account().profile, mixed_batch="first_error")
    client = Client(lambda *_accounts: world(Account(profile=profile)))
    client.send(ORDINARY, BUSY)
    client.send(ORDINARY, BUSY, after=30)
    assert "perhaps only the top-level code is read" in client.suspected(0)[0].got


def test_refusals_of_a_batch_that_nobody_looks_at_are_told(client: Client) -> None:
    client.send(ORDINARY, BUSY, INTERCEPTED)
    for number in range(2):
        client.send(f"6700002{number}", after=600)
    (finding,) = client.suspected(0)
    assert (finding.rule, finding.got) == (
        "batch-refusals-ignored",
        "85267555103 and 1 more never came again: perhaps only the top-level code, or DETAIL_LIST[0], is read",
    )


def test_who_may_still_come_back_to_a_refusal_is_not_suspected(client: Client) -> None:
    client.send(ORDINARY, BUSY)
    for number in range(20):
        client.send(f"670000{number:02}", after=59)
    assert client.rules(0) == []
    client.send(BUSY, after=10)
    client.send("67000029", after=600)
    assert client.rules(0) == []


def test_who_sends_too_much_to_be_followed_for_twenty_minutes_is_not_suspected(client: Client) -> None:
    client.send(ORDINARY, BUSY)
    for number in range(NEIGHBOURS):
        client.send(f"67{number:06}", after=1)
    client.send(BUSY, after=600)
    client.send("67000029", after=900)
    nearest = client.exchanges[: NEIGHBOURS + 1]
    assert suspicions(nearest[0], nearest, clock_is_real=False) == ()


def test_no_customer_body_at_all_is_told_once_there_are_five_requests(client: Client) -> None:
    for number in range(5):
        assert number == 0 or client.rules() == []
        client.send(f"6700002{number}", CUSTOMER_BODY=...)
    (finding,) = client.suspected()
    assert (finding.rule, finding.got) == ("customer-body-never", "none in 5 requests")
    client.send("67000029")
    assert client.rules(0) == []


def connected(client: Client, *ids: int, tls: TlsFacts | None = TLS, after: float = 1) -> list[Exchange]:
    """Requests on connections, each opened just before its first request, some time after the one before."""
    seen: dict[int, ConnectionFacts] = {}
    exchanges = []
    for number, each in enumerate(ids):
        client.send(f"6700{number:04}", after=after)
        now = client.world.now
        opened = now - timedelta(milliseconds=5)
        connection = seen.setdefault(each, ConnectionFacts(each, "127.0.0.1", 50_000 + each, tls, opened, now))
        exchanges.append(msgspec.structs.replace(client.exchanges[-1], connection=connection))
    return exchanges


@pytest.mark.parametrize(
    ("ids", "tls", "rules"),
    [
        ((1, 2, 3, 4, 5), TLS, ["connection-per-request"]),
        ((1, 2, 3, 4), TLS, []),
        ((1, 2, 3, 4, 4), TLS, []),
        ((1, 2, 3, 4, 5), None, []),
    ],
)
def test_a_new_tls_connection_for_each_request_is_told(
    client: Client, ids: tuple[int, ...], tls: TlsFacts | None, rules: list[str]
) -> None:
    exchanges = connected(client, *ids, tls=tls)
    for one in exchanges:
        assert [each.rule for each in suspicions(one, exchanges, clock_is_real=True)] == rules


def test_a_client_that_sends_every_ten_minutes_cannot_keep_a_connection(client: Client) -> None:
    exchanges = connected(client, *range(1, 9), after=600)
    assert [suspicions(one, exchanges, clock_is_real=False) for one in exchanges] == [()] * 8


def test_on_a_clock_that_stands_the_wall_tells_how_long_a_connection_was_silent(client: Client, noon: datetime) -> None:
    slow = [msgspec.structs.replace(each, received_at=noon) for each in connected(client, *range(1, 9), after=600)]
    assert [suspicions(one, slow, clock_is_real=False) for one in slow] == [()] * 8
    quick = [msgspec.structs.replace(each, received_at=noon) for each in connected(client, *range(11, 16))]
    assert [each.rule for each in suspicions(quick[4], quick, clock_is_real=False)] == ["connection-per-request"]


def test_requests_sent_side_by_side_need_a_connection_each(client: Client) -> None:
    exchanges = connected(client, *range(1, 9))
    opened = exchanges[0].received_at
    together = [
        msgspec.structs.replace(each, connection=msgspec.structs.replace(each.connection, opened_at=opened))
        for each in exchanges
        if each.connection is not None
    ]
    assert [suspicions(one, together, clock_is_real=True) for one in together[1:]] == [()] * 7


def test_another_hosts_connections_prove_nothing(client: Client) -> None:
    exchanges = connected(client, 1, 2, 3, 4, 5)
    other = msgspec.structs.replace(exchanges[4], connection=ConnectionFacts(5, "10.0.0.1", 1, TLS))
    assert suspicions(exchanges[0], [*exchanges[1:4], other], clock_is_real=True) == ()


def test_programs_that_tell_themselves_apart_are_not_held_against_each_other(client: Client) -> None:
    exchanges = connected(client, 1, 2, 3, 4, 5)
    other = msgspec.structs.replace(exchanges[2], headers=((b"user-agent", b"shop/1"),))
    assert suspicions(exchanges[0], [*exchanges[1:2], other, *exchanges[3:]], clock_is_real=True) == ()


def test_a_time_that_stands_still_is_told_on_a_real_clock_only(client: Client) -> None:
    for number in range(3):
        client.send(f"6700002{number}", after=30)
    (finding,) = client.suspected(clock_is_real=True)
    assert (finding.rule, finding.path, finding.got) == (
        "time-stands-still",
        "$.TIME",
        "2026-11-22 12:00:00 in 3 requests within 1 min",
    )
    assert client.rules() == []


def test_many_requests_of_one_second_share_their_time(client: Client) -> None:
    for number in range(9):
        client.send(f"6700002{number}", after=0.1)
    assert client.rules(clock_is_real=True) == []


def test_what_is_no_packet_is_not_suspected(client: Client, noon: datetime) -> None:
    refused = Exchange(1, None, "handshake", noon, None, (), None, None, b"", None, ())
    assert suspicions(refused, [refused], clock_is_real=True) == ()


def test_every_suspicion_there_is_has_a_rule_and_every_rule_is_raised_here() -> None:
    rules = {rule.id for rule in FINDING_RULES.values() if rule.severity == "suspicion"}
    assert len(SUSPECTED) == 8
    assert rules == {
        "resent-unchanged",
        "resent-too-soon",
        "resent-at-once",
        "sent-twice",
        "otp-sent-twice",
        "batch-sent-again",
        "batch-refusals-ignored",
        "connection-per-request",
        "time-stands-still",
    }
