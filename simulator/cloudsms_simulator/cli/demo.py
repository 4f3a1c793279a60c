"""`cloudsms-simulator demo`: the platform, a customer, and the customer's server for reports, on this machine alone."""

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
import msgspec

from cloudsms_simulator.cli.exit_codes import CommandError, ExitCode

if TYPE_CHECKING:
    import httpx2

    from cloudsms_simulator.protocol.customer import SendAnswer
    from cloudsms_simulator.server.receiver import ReceivedReport, Receiver
    from cloudsms_simulator.server.simulator import Simulator

DEADLINE = 20.0
"""Seconds for the whole story; it takes five."""

_DOCUMENTS_TEXT = "Your verification code is 123345, please do not disclose it to others."


class Scene(msgspec.Struct, frozen=True):
    """One request of the story: what it shows, to whom, and what."""

    title: str
    numbers: tuple[str, ...]
    text: str
    signature: str | None = None
    right_key: bool = True


STORY: tuple[Scene, ...] = (
    Scene("The document's single SMS, signed", ("85267000011",), _DOCUMENTS_TEXT, "CloudSMS"),
    Scene("The document's bulk SMS: two numbers in one request", ("85267000011", "85267000028"), _DOCUMENTS_TEXT),
    Scene(
        "A long Chinese text: UCS-2, more segments",
        ("8613800138000",),
        "【云短信】尊敬的客户,您的订单已经发货,预计三天内送达。请保持手机畅通,快递员会在送货前与您联系。"
        "如需更改收货时间或者地址,请登录官方网站或者拨打客户服务热线办理,感谢您的支持与理解。",
    ),
    Scene("A wrong AUTH_KEY: refused", ("85267000011",), _DOCUMENTS_TEXT, right_key=False),
    Scene("A landline in Singapore: accepted, then LOCAL_REJECTED by report", ("6561234567",), _DOCUMENTS_TEXT),
)


@click.command
def demo() -> None:
    """Show the platform at work, with mutual TLS in both directions.

    Starts a platform and a customer's server for reports on free ports of this machine, sends five requests, shows each
    answer, its segments, price and delivery reports, and leaves nothing running. Ends 0, or 1 when a report is missing.
    """
    from cloudsms_simulator.server.event_loop import new_event_loop

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        try:
            runner.run(_play())
        except TimeoutError:
            raise CommandError(f"not every report came within {DEADLINE:g} s", ExitCode.FAILED) from None


async def _play() -> None:
    from cloudsms_simulator.server.listener import Listener
    from cloudsms_simulator.server.listening_socket import open_socket
    from cloudsms_simulator.server.receiver import Receiver
    from cloudsms_simulator.server.settings import Settings
    from cloudsms_simulator.server.simulator import Simulator
    from cloudsms_simulator.server.tls import receiver_context, tls_facts

    sock = open_socket("127.0.0.1", 0)
    callback = f"https://localhost:{sock.getsockname()[1]}/"
    simulator = Simulator(Settings(port=0, admin_port=0, mtls="required", callback_url=callback))
    receiver = Receiver()
    listener = Listener(receiver, sock, tls=receiver_context(simulator.files, "required"), tls_facts=tls_facts)
    await simulator.start()
    await listener.start()
    try:
        async with asyncio.timeout(DEADLINE):
            await _tell(simulator, receiver, callback)
    finally:
        await simulator.stop()
        await listener.stop()


async def _tell(simulator: "Simulator", receiver: "Receiver", callback: str) -> None:
    import httpx2

    from cloudsms_simulator.server.tls import push_context

    ready, files = simulator.ready, simulator.files
    click.echo(f"Platform           {ready.url}")
    click.echo(f"Customer's server  {callback}  (both ask for a certificate)")
    context = push_context((files.customer_cert, files.customer_key), (files.ca,), system=False)
    async with httpx2.AsyncClient(verify=context, trust_env=False) as client:
        for number, scene in enumerate(STORY, 1):
            click.echo(f"\n{number}. {scene.title}")
            before = receiver.received
            answer = await _send(client, simulator, scene, number)
            for line in _answer_lines(simulator, answer):
                click.echo(f"   {line}")
            expected = before + sum(item.result_code == 1 for item in answer.detail_list)
            await receiver.wait_for(expected)
            for report in receiver.reports[before:]:
                click.echo(f"   {_report_line(report)}")
    await simulator.pusher.idle()
    for line in _ending(simulator):
        click.echo(line)


async def _send(client: "httpx2.AsyncClient", simulator: "Simulator", scene: Scene, serial: int) -> "SendAnswer":
    from cloudsms_simulator.protocol.customer import SendRequest, encode_request, read_answer, split_number
    from cloudsms_simulator.protocol.timestamps import wire_time

    ready = simulator.ready
    destinations = tuple(filter(None, map(split_number, scene.numbers)))
    request = SendRequest(
        serial=serial,
        time=wire_time(simulator.wall.now()),
        auth_key=ready.auth_key if scene.right_key else "a-key-nobody-has",
        route_id=ready.route_id,
        multi_msisdn_list=destinations,
        sms_content=scene.text,
        signature=msgspec.UNSET if scene.signature is None else scene.signature,
        signature_type=msgspec.UNSET if scene.signature is None else 3,
        customer_body=msgspec.Raw(b'{"order":%d}' % serial),
    )
    click.echo(f"   request  to {', '.join(f'+{number}' for number in scene.numbers)}: {_shortened(scene.text)}")
    response = await client.post(ready.url, content=encode_request(request))
    answer = read_answer(response.content)
    if answer is None:
        raise CommandError(f"the platform answered HTTP {response.status_code} and no packet", ExitCode.FAILED)
    return answer


def _answer_lines(simulator: "Simulator", answer: "SendAnswer") -> Iterator[str]:
    from cloudsms_simulator.engine.money import Money
    from cloudsms_simulator.protocol.result_codes import ResultCode, written

    account = simulator.directory.named("default")
    assert account is not None
    yield f"answer   {written(ResultCode(answer.result_code))} {answer.result_desc}"
    if not answer.accepted:
        yield from _why(simulator)
    for item in answer.detail_list:
        message = simulator.store.message(account, item.sms_uid)
        if message is None:
            yield f"         +{item.country_code}{item.dest_msisdn}: {item.result_desc}, no message, no charge"
            continue
        if message.reason is not None:
            yield f"         +{item.country_code}{item.dest_msisdn}: SMS_UID {item.sms_uid}, free: {message.reason}"
            continue
        segmentation, sending = message.sending.segmentation, message.sending
        price, cost = Money(message.price, sending.currency), Money(message.cost, sending.currency)
        segments = f"{segmentation.segments} segment{'s' if segmentation.segments > 1 else ''}"
        yield (
            f"         +{item.country_code}{item.dest_msisdn}: SMS_UID {item.sms_uid}, DCS {segmentation.dcs}, "
            f"{segments} x {price} = {cost}"
        )


def _why(simulator: "Simulator") -> Iterator[str]:
    """The errors in the latest request that belonged to no account."""
    refused = next(iter(simulator.store.exchanges(None)), None)
    for finding in () if refused is None else refused.findings or ():
        if finding.severity == "error":
            yield f"why      {finding.rule} at {finding.path}: got {finding.got}, want {finding.want}"


def _report_line(report: "ReceivedReport") -> str:
    return (
        f"report   +{report.country_code}{report.msisdn}: {report.state} {report.state_name}, SERIAL {report.serial}, "
        f"reached {report.report_time[-8:]}, CUSTOMER_BODY {report.customer_body}"
    )


def _ending(simulator: "Simulator") -> Iterator[str]:
    from cloudsms_simulator.engine.money import Money

    account = simulator.directory.named("default")
    assert account is not None
    yield ""
    answered = sum(report.outcome == "answered" for report in simulator.store.reports(account))
    balance = simulator.store.standing(account).balance
    left = "unlimited" if balance is None else Money(balance, account.currency).rounded()
    yield f"{answered} reports were pushed and answered; {left} of 1,000.00 is left. Nothing is left running."
    yield "Next: `cloudsms-simulator serve`, and the README."


def _shortened(text: str) -> str:
    return f'"{text}"' if len(text) <= 60 else f'"{text[:57]}…"'
