"""A receiver, called as an ASGI server calls it."""

import asyncio
from collections.abc import Coroutine
from datetime import datetime, timedelta

import msgspec
import pytest
from patience import DEADLINE
from starlette.types import Message, Scope

from cloudsms_simulator.engine.records import PeerCertificate, TlsFacts
from cloudsms_simulator.models.account import ReceivedReport
from cloudsms_simulator.protocol.codes import RESULT_CODES, ResultCodeRow
from cloudsms_simulator.protocol.delivery_report import DeliveryReport, audit, encode_report
from cloudsms_simulator.protocol.timestamps import HONG_KONG
from cloudsms_simulator.push.receiver import KEPT_BY_DEFAULT, Behaviour, Receiver, behaviour_of

NOW = datetime(2021, 9, 13, 12, 0, 0, tzinfo=HONG_KONG)
GONE: Message = {"type": "http.disconnect"}
UID = "5A3B394096E50X01D1FA163E81BFFF"
REPORT = DeliveryReport(
    serial=7,
    time=NOW,
    report_time=NOW,
    source_msisdn="CloudSMS",
    sms_uid=UID,
    country_code=852,
    dest_msisdn="67000011",
    state=2,
    customer_body=b'{ "n": 0.10 }',
)


class Response(msgspec.Struct):
    """What the receiver sent."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


def run(story: Coroutine[None, None, None]) -> None:
    async def within_a_minute() -> None:
        async with asyncio.timeout(DEADLINE):
            await story

    asyncio.run(within_a_minute())


async def deliver(
    receiver: Receiver, incoming: list[Message], *, path: str = "/", method: str = "POST", tls: object = None
) -> list[Message]:
    scope: Scope = {"type": "http", "method": method, "path": path, "headers": [], "extensions": {"tls": tls}}
    messages = iter(incoming)
    sent: list[Message] = []

    async def receive() -> Message:
        return next(messages)

    async def send(message: Message) -> None:
        sent.append(message)

    await receiver(scope, receive, send)
    return sent


async def post(
    receiver: Receiver, *pieces: bytes, path: str = "/", method: str = "POST", tls: object = None
) -> Response:
    last = len(pieces) - 1
    incoming = [
        {"type": "http.request", "body": piece, "more_body": index < last} for index, piece in enumerate(pieces)
    ]
    start, content = await deliver(receiver, incoming, path=path, method=method, tls=tls)
    return Response(start["status"], dict(start["headers"]), content["body"])


def test_a_report_is_kept_and_answered_in_every_point_as_it_should_be() -> None:
    async def story() -> None:
        receiver = Receiver()

        response = await post(receiver, encode_report(REPORT))

        assert audit(7, response.status, response.body) == ()
        assert response.headers[b"content-type"] == b"application/json"
        assert response.headers[b"content-length"] == b"%d" % len(response.body)
        (report,) = receiver.reports
        assert report == ReceivedReport(
            at=report.at,
            uid=UID,
            state=2,
            state_name="DELIVERED",
            country_code=852,
            msisdn="67000011",
            source="CloudSMS",
            serial=7,
            time="2021-09-13 12:00:00",
            report_time="2021-09-13 12:00:00",
            customer_body='{ "n": 0.10 }',
            certificate=None,
        )
        assert report.at.tzinfo is HONG_KONG

    run(story())


def test_a_report_without_customer_body_has_none() -> None:
    async def story() -> None:
        receiver = Receiver()

        await post(receiver, encode_report(msgspec.structs.replace(REPORT, customer_body=None)))

        assert receiver.reports[0].customer_body is None

    run(story())


def test_the_certificate_the_platform_showed_is_kept() -> None:
    async def story() -> None:
        receiver = Receiver()
        peer = PeerCertificate("CN=CloudSMS platform", "CN=CA", "1F", NOW, NOW, "AB:CD", ("localhost",))

        await post(receiver, encode_report(REPORT), tls=TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", peer))
        await post(receiver, encode_report(REPORT), tls=TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", None))

        assert [report.certificate for report in receiver.reports] == ["CN=CloudSMS platform", None]

    run(story())


@pytest.mark.parametrize(
    ("answer", "rules"),
    [
        ("ok", []),
        ("none", ["dr-answer-empty"]),
        ("wrong-serial", ["dr-answer-serial"]),
        ("not-json", ["dr-answer-not-json"]),
        ("http-500", ["dr-http-status"]),
        ("http-503", ["dr-http-status"]),
        ("Busy", ["dr-answer-code"]),
        ("0x10000006", ["dr-answer-code"]),
        ("99", ["dr-answer-code"]),
    ],
)
def test_each_answer_is_wrong_in_the_point_it_is_named_for(answer: str, rules: list[str]) -> None:
    async def story() -> None:
        response = await post(Receiver(behaviour_of(answer)), encode_report(REPORT))

        assert [finding.rule for finding in audit(7, response.status, response.body)] == rules

    run(story())


@pytest.mark.parametrize("row", RESULT_CODES, ids=lambda row: f"{row.code:#x}")
def test_every_result_code_has_a_name_and_a_number(row: ResultCodeRow) -> None:
    assert behaviour_of(hex(row.code)) == behaviour_of(str(int(row.code))) == Behaviour(code=int(row.code))
    assert behaviour_of(row.desc).code == min(each.code for each in RESULT_CODES if each.desc == row.desc)


def test_the_wrong_serial_is_a_possible_one() -> None:
    async def story() -> None:
        response = await post(
            Receiver(behaviour_of("wrong-serial")), encode_report(msgspec.structs.replace(REPORT, serial=65535))
        )

        assert msgspec.json.decode(response.body)["SERIAL"] == 1

    run(story())


@pytest.mark.parametrize("answer", ["", "okk", "http-99", "http-600", "0x123456789", "-1", "4294967296"])
def test_an_unknown_answer_is_told_which_there_are(answer: str) -> None:
    with pytest.raises(ValueError, match="want one of ok, none, wrong-serial, not-json, http-500, or a result code"):
        behaviour_of(answer)


def test_a_mistyped_answer_gets_a_suggestion() -> None:
    with pytest.raises(ValueError, match='did you mean "wrong-serial"'):
        behaviour_of("wrong_serial")


def test_the_behaviour_can_change_between_reports() -> None:
    async def story() -> None:
        receiver = Receiver()
        assert (await post(receiver, encode_report(REPORT))).status == 200

        receiver.behaviour = behaviour_of("http-503")

        assert (await post(receiver, encode_report(REPORT))).status == 503
        assert receiver.received == 2

    run(story())


def test_a_delay_passes_before_the_answer_and_after_the_report_is_kept() -> None:
    async def story() -> None:
        receiver = Receiver(behaviour_of("ok", timedelta(hours=1)))
        answering = asyncio.ensure_future(post(receiver, encode_report(REPORT)))

        await receiver.wait_for(1)

        assert not answering.done()
        answering.cancel()

    run(story())


def test_waiting_ends_when_enough_reports_have_come() -> None:
    async def story() -> None:
        receiver = Receiver()
        waiting = asyncio.ensure_future(receiver.wait_for(2))
        await post(receiver, encode_report(REPORT))
        assert not waiting.done()

        await post(receiver, encode_report(REPORT))

        await waiting
        await receiver.wait_for(1)

    run(story())


def test_one_waiter_that_gave_up_does_not_disturb_another() -> None:
    async def story() -> None:
        receiver = Receiver()
        impatient = asyncio.ensure_future(receiver.wait_for(1))
        patient = asyncio.ensure_future(receiver.wait_for(1))
        await asyncio.sleep(0)
        impatient.cancel()

        await post(receiver, encode_report(REPORT))

        await patient
        assert impatient.cancelled()
        assert receiver.received == 1

    run(story())


def test_who_wants_to_hear_of_reports_hears_of_each_before_its_answer() -> None:
    async def story() -> None:
        heard: list[str] = []
        receiver = Receiver(on_report=lambda report: heard.append(report.uid))

        await post(receiver, encode_report(REPORT))

        assert heard == [UID]

    run(story())


def test_a_body_that_is_no_report_is_answered_with_invalid_context() -> None:
    async def story() -> None:
        heard: list[bytes] = []
        receiver = Receiver(on_unreadable=heard.append)

        response = await post(receiver, b"{}")

        assert (response.status, msgspec.json.decode(response.body)["RESULT_CODE"]) == (200, 0x10000003)
        assert heard == [b"{}"]
        assert (await post(Receiver(), b"{}")).status == 200
        assert receiver.reports == ()

    run(story())


def test_another_path_is_not_found_and_another_method_not_allowed() -> None:
    async def story() -> None:
        receiver = Receiver(path="/dr")

        assert (await post(receiver, encode_report(REPORT), path="/")).status == 404
        refused = await post(receiver, b"", path="/dr", method="GET")
        assert (refused.status, refused.headers[b"allow"]) == (405, b"POST")
        assert (await post(receiver, encode_report(REPORT), path="/dr")).status == 200

    run(story())


def test_a_body_over_64_kib_is_too_large() -> None:
    async def story() -> None:
        receiver = Receiver()

        assert (await post(receiver, b"x" * 65537)).status == 413
        assert receiver.received == 0

    run(story())


def test_the_rest_of_a_body_that_is_too_large_is_not_waited_for() -> None:
    async def story() -> None:
        beginning: Message = {"type": "http.request", "body": b"x" * 65537, "more_body": True}
        assert (await deliver(Receiver(), [beginning]))[0]["status"] == 413

    run(story())


def test_a_body_may_come_in_pieces_and_a_sender_that_hangs_up_gets_no_answer() -> None:
    async def story() -> None:
        receiver = Receiver()
        whole = encode_report(REPORT)
        first, rest = whole[:50], whole[50:]

        assert (await post(receiver, first, rest)).status == 200
        assert await deliver(receiver, [{"type": "http.request", "body": first, "more_body": True}, GONE]) == []
        assert receiver.received == 1

    run(story())


def test_long_reports_are_kept_in_so_many_octets() -> None:
    async def story() -> None:
        receiver = Receiver()
        long = msgspec.structs.replace(REPORT, customer_body=b'{"id":"%b"}' % (b"x" * 60_000))

        for _ in range(200):
            await post(receiver, encode_report(long))

        kept = sum(len(report.customer_body or "") for report in receiver.reports)
        assert 7_000_000 < kept < 8 * 1024 * 1024
        assert receiver.received == 200

    run(story())


def test_the_latest_reports_are_kept_and_all_are_counted() -> None:
    async def story() -> None:
        receiver = Receiver()
        for serial in range(KEPT_BY_DEFAULT + 2):
            receiver._keep(ReceivedReport(NOW, UID, 2, "DELIVERED", 852, "1", "C", serial, "", "", None, None))

        assert receiver.received == KEPT_BY_DEFAULT + 2
        assert (len(receiver.reports), receiver.reports[0].serial) == (KEPT_BY_DEFAULT, 2)

    run(story())
