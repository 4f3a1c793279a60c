"""The sink, called over TLS as the platform calls it."""

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta

import aiohttp
import pytest
from patience import DEADLINE

from cloudsms_simulator.engine.account import Callback
from cloudsms_simulator.engine.faults import Identity
from cloudsms_simulator.engine.records import Push, PushResult
from cloudsms_simulator.net.certificates import CertificateFiles, open_certificates
from cloudsms_simulator.net.tls import receiver_context
from cloudsms_simulator.protocol.delivery_report import DeliveryReport, audit, encode_report
from cloudsms_simulator.protocol.timestamps import HONG_KONG
from cloudsms_simulator.push.client import PushClient
from cloudsms_simulator.push.receiver import KEPT_PER_ACCOUNT, Behaviour, Sink, SinkAnswer

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=HONG_KONG)


def report(serial: int = 7) -> bytes:
    return encode_report(
        DeliveryReport(
            serial=serial,
            time=NOW,
            report_time=NOW,
            source_msisdn="CloudSMS",
            sms_uid="5A3B394096E50X01D1FA163E81BFFF",
            country_code=852,
            dest_msisdn="67000011",
            state=2,
            customer_body=None,
        )
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> CertificateFiles:
    return open_certificates(tmp_path_factory.mktemp("certs"))


class Scene:
    """A sink, and the platform's client for pushes."""

    def __init__(self, files: CertificateFiles) -> None:
        self.sink = Sink(lambda: receiver_context(files, "required"))
        self.client = PushClient(files)

    async def push(self, url: str, serial: int = 7, identity: Identity = Identity.VALID) -> PushResult:
        push = Push("default", "5A3B394096E50X01D1FA163E81BFFF", 1, serial, NOW, url, report(serial))
        return await self.client.post(push, Callback(url=url, identity=identity))


@pytest.fixture
def tell(files: CertificateFiles) -> Callable[[Callable[[Scene], Coroutine[None, None, None]]], None]:
    def run(story: Callable[[Scene], Coroutine[None, None, None]]) -> None:
        async def within_a_minute() -> None:
            scene = Scene(files)
            try:
                async with asyncio.timeout(DEADLINE):
                    await story(scene)
            finally:
                await scene.client.close()
                await scene.sink.close()

        asyncio.run(within_a_minute())

    return run


def test_a_report_is_answered_rightly_and_remembered_with_the_platforms_certificate(tell) -> None:
    async def story(scene: Scene) -> None:
        url = await scene.sink.url_of("shop")
        result = await scene.push(url, serial=9)
        assert (result.status, audit(9, 200, result.body)) == (200, ())
        [received] = scene.sink.received("shop")
        assert (received.serial, received.msisdn, received.state_name) == (9, "67000011", "DELIVERED")
        assert "CloudSMS platform" in received.certificate

    tell(story)


def test_its_port_is_opened_when_it_is_asked_for_and_then_stays(tell) -> None:
    async def story(scene: Scene) -> None:
        urls = await asyncio.gather(*(scene.sink.url_of(name) for name in ("a", "b", "a")))
        assert urls[0] == urls[2]
        assert urls[0].startswith("https://127.0.0.1:")
        assert [url.rpartition("/sink/")[2] for url in urls] == ["a", "b", "a"]
        assert len({url.rpartition("/sink/")[0] for url in urls}) == 1

    tell(story)


def test_accounts_do_not_see_each_others_reports_and_answers(tell) -> None:
    async def story(scene: Scene) -> None:
        one, other = await scene.sink.url_of("one"), await scene.sink.url_of("other")
        scene.sink.set_answers("one", [SinkAnswer(answer="Busy")])
        first, second = await scene.push(one), await scene.push(other)
        assert [finding.rule for finding in audit(7, 200, first.body)] == ["dr-answer-code"]
        assert audit(7, 200, second.body) == ()
        assert (scene.sink.total("one"), scene.sink.total("other"), scene.sink.total("third")) == (1, 1, 0)

    tell(story)


def test_answers_in_sequence_end_with_one_that_holds(tell) -> None:
    async def story(scene: Scene) -> None:
        url = await scene.sink.url_of("shop")
        steps = [SinkAnswer(status=503), SinkAnswer(status=418, body="no tea"), SinkAnswer()]
        scene.sink.set_answers("shop", steps)
        left = [scene.sink.answers("shop")]
        results = []
        for _ in range(4):
            results.append(await scene.push(url))
            left.append(scene.sink.answers("shop"))
        assert [result.status for result in results] == [503, 418, 200, 200]
        assert [result.body for result in results[:2]] == [b"", b"no tea"]
        assert left == [tuple(steps), tuple(steps[1:]), (SinkAnswer(),), (SinkAnswer(),), (SinkAnswer(),)]

    tell(story)


def test_a_body_is_sent_as_it_is(tell) -> None:
    async def story(scene: Scene) -> None:
        url = await scene.sink.url_of("shop")
        scene.sink.set_answers("shop", [SinkAnswer(body='{"RESULT_CODE":1}é')])
        assert (await scene.push(url)).body == '{"RESULT_CODE":1}é'.encode()

    tell(story)


def test_what_was_received_is_forgotten_and_the_answer_is_right_again(tell) -> None:
    async def story(scene: Scene) -> None:
        url = await scene.sink.url_of("shop")
        scene.sink.set_answers("shop", [SinkAnswer(status=500)])
        await scene.push(url)
        scene.sink.clear("shop")
        assert (scene.sink.received("shop"), scene.sink.total("shop")) == ((), 0)
        assert scene.sink.answers("shop") == (SinkAnswer(),)
        result = await scene.push(url)
        assert audit(7, result.status, result.body) == ()
        assert await scene.sink.url_of("shop") == url

    tell(story)


def test_an_account_that_is_gone_has_no_sink(tell) -> None:
    async def story(scene: Scene) -> None:
        url = await scene.sink.url_of("shop")
        scene.sink.forget("shop")
        result = await scene.push(url)
        assert result.status == 404
        assert scene.sink.received("shop") == ()

    tell(story)


def test_it_waits_for_reports(tell) -> None:
    async def story(scene: Scene) -> None:
        url = await scene.sink.url_of("shop")
        waiting = asyncio.create_task(scene.sink.wait_for("shop", 2))
        await scene.push(url)
        assert not waiting.done()
        await scene.push(url)
        await waiting

    tell(story)


def test_who_shows_no_good_certificate_is_not_let_in(tell) -> None:
    async def story(scene: Scene) -> None:
        url = await scene.sink.url_of("shop")
        for identity in (Identity.NONE, Identity.EXPIRED, Identity.UNKNOWN_CA):
            result = await scene.push(url, identity=identity)
            assert result.failure is not None
        assert scene.sink.total("shop") == 0

    tell(story)


def test_only_so_many_reports_are_remembered(tell, files: CertificateFiles) -> None:
    async def story(scene: Scene) -> None:
        url = await scene.sink.url_of("shop")
        context = ssl.create_default_context(cafile=str(files.ca))
        context.load_cert_chain(files.customer_cert, files.customer_key)
        async with aiohttp.ClientSession() as session:
            for serial in range(1, KEPT_PER_ACCOUNT + 3):
                async with session.post(url, data=report(serial), ssl=context) as answer:
                    assert answer.status == 200
        assert scene.sink.total("shop") == KEPT_PER_ACCOUNT + 2
        assert [each.serial for each in scene.sink.received("shop")] == list(range(3, KEPT_PER_ACCOUNT + 3))

    tell(story)


def test_it_is_not_opened_once_it_is_closed(tell) -> None:
    async def story(scene: Scene) -> None:
        await scene.sink.close()
        with pytest.raises(RuntimeError, match="the server stops"):
            await scene.sink.url_of("shop")

    tell(story)


# Answers


@pytest.mark.parametrize(
    ("answer", "behaviour"),
    [
        (SinkAnswer(), Behaviour()),
        (SinkAnswer(answer="http-404"), Behaviour("none", 404)),
        (SinkAnswer(answer="http-404", status=405), Behaviour("none", 405)),
        (SinkAnswer(answer="none"), Behaviour("none")),
        (SinkAnswer(status=202), Behaviour(status=202)),
        (SinkAnswer(status=204), Behaviour("none", 204)),
        (SinkAnswer(status=500), Behaviour("none", 500)),
        (SinkAnswer(answer="0x03", delay="250ms"), Behaviour(code=3, delay=timedelta(milliseconds=250))),
        (SinkAnswer(body="x", status=500, delay=1.5), Behaviour("body", 500, delay=timedelta(seconds=1.5), body=b"x")),
        (SinkAnswer(body=""), Behaviour("body", body=b"")),
    ],
)
def test_what_an_answer_means(answer: SinkAnswer, behaviour: Behaviour) -> None:
    assert answer.behaviour() == behaviour


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (SinkAnswer(answer="okay"), 'answer: got "okay", want one of ok, none'),
        (SinkAnswer(answer="Busy", body="x"), 'body: got one beside the answer "Busy", want one of the two'),
        (SinkAnswer(status=204, body="x"), "body: got one, want none with the status 204"),
        (SinkAnswer(delay="soon"), "delay: got soon, want a duration"),
        (SinkAnswer(delay=-1), "delay: got -1, want a duration that is not negative"),
        (SinkAnswer(delay="11m"), "delay: got 11m, want at most 10 minutes"),
    ],
)
def test_an_answer_that_cannot_be_is_told(answer: SinkAnswer, told: str) -> None:
    with pytest.raises(ValueError, match="^" + told.split(", want")[0]) as raised:
        answer.behaviour()
    assert str(raised.value).startswith(told)


def test_a_sequence_with_a_mistake_changes_nothing(tell) -> None:
    async def story(scene: Scene) -> None:
        kept = [SinkAnswer(status=500), SinkAnswer()]
        scene.sink.set_answers("shop", kept)
        with pytest.raises(ValueError, match="answer: got"):
            scene.sink.set_answers("shop", [SinkAnswer(), SinkAnswer(answer="okay")])
        assert scene.sink.answers("shop") == tuple(kept)

    tell(story)
