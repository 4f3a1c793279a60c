"""`cloudsms-simulator demo`: the platform, a customer, and the customer's server for reports, on this machine alone.

A demo plays scenes, each one request: what it shows, to whom it is sent, with what text. `demo` plays `STORY` and
ends; `demo --open` plays a longer one to follow in the inbox, and leaves everything running until Ctrl-C. Everything of
the server is imported when the command runs.
"""

import asyncio
import logging
import os
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from cloudsms_simulator.cli.process import CommandError, ExitCode, go_on_without_output, stop_on_signals

if TYPE_CHECKING:
    import httpx2

    from cloudsms_simulator.client.client import AsyncClient
    from cloudsms_simulator.engine.account import Account
    from cloudsms_simulator.models.account import ReceivedReport
    from cloudsms_simulator.models.journal import ReportItem
    from cloudsms_simulator.protocol.customer import SendAnswer
    from cloudsms_simulator.push.receiver import Receiver
    from cloudsms_simulator.simulator import Simulator


_WIDEST = 60


class Stage(msgspec.Struct, frozen=True):
    """What a demo runs with: the platform, the customer's server for reports, and the customer's client."""

    simulator: "Simulator"
    receiver: "Receiver"
    client: "httpx2.AsyncClient"
    callback: str
    """Where reports go."""

    @property
    def time(self) -> str:
        """What the account's clock shows, as packets have it."""
        from cloudsms_simulator.protocol.timestamps import wire_time

        clock = self.simulator.store.standing(default_account(self.simulator)).clock
        return wire_time(clock.now(self.simulator.wall.now()))

    @property
    def addresses(self) -> tuple[str, ...]:
        """Lines that say where both serve."""
        return (
            f"Platform           {self.simulator.ready.url}",
            f"Customer's server  {self.callback}  (both ask for a certificate)",
        )


class Scene(msgspec.Struct, frozen=True):
    """One request of a demo: what it shows, to whom it is sent, and with what text."""

    title: str
    numbers: tuple[str, ...]
    text: str
    signature: str | None = None
    right_key: bool = True


async def send_scene(stage: Stage, scene: Scene, serial: int) -> "SendAnswer":
    """Prints and sends the request of a scene, as the account `default`; returns the answer.

    `serial` is its SERIAL, and the order in its CUSTOMER_BODY too.
    """
    from cloudsms_simulator.protocol.customer import SendRequest, encode_request, split_number

    ready = stage.simulator.ready
    destinations = tuple(filter(None, map(split_number, scene.numbers)))
    request = SendRequest(
        serial=serial,
        time=stage.time,
        auth_key=ready.auth_key if scene.right_key else "a-key-nobody-has",
        route_id=ready.route_id,
        multi_msisdn_list=destinations,
        sms_content=scene.text,
        signature=msgspec.UNSET if scene.signature is None else scene.signature,
        signature_type=msgspec.UNSET if scene.signature is None else 3,
        customer_body=msgspec.Raw(b'{"order":%d}' % serial),
    )
    click.echo(f"   request  to {', '.join(f'+{number}' for number in scene.numbers)}: {quoted_excerpt(scene.text)}")
    return await post_packet(stage, encode_request(request))


async def post_packet(stage: Stage, body: bytes) -> "SendAnswer":
    """Posts a packet and returns the platform's answer. Raises CommandError when that is no packet."""
    from cloudsms_simulator.protocol.customer import read_answer

    response = await stage.client.post(stage.simulator.ready.url, content=body)
    answer = read_answer(response.content)
    if answer is None:
        raise CommandError(f"the platform answered HTTP {response.status_code} and no packet", ExitCode.FAILED)
    return answer


def answer_lines(simulator: "Simulator", answer: "SendAnswer") -> Iterator[str]:
    """The answer in lines, with why anything was refused, and what every message costs."""
    from cloudsms_simulator.engine.money import Money
    from cloudsms_simulator.protocol.codes import ResultCode, hex_code

    account = default_account(simulator)
    yield f"answer   {hex_code(ResultCode(answer.result_code))} {answer.result_desc}"
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


def default_account(simulator: "Simulator") -> "Account":
    """The account `default`, which sends the requests of demos."""
    account = simulator.directory.named("default")
    assert account is not None
    return account


def quoted_excerpt(text: str) -> str:
    """A text in quotes, cut to what a line has room for."""
    return f'"{text}"' if len(text) <= _WIDEST else f'"{text[: _WIDEST - 3]}…"'


def _why(simulator: "Simulator") -> Iterator[str]:
    """The errors found in the latest request, of the account or of none."""
    owners = (None, default_account(simulator))
    newest = (next(iter(simulator.store.exchanges(owner)), None) for owner in owners)
    refused = max(filter(None, newest), key=lambda exchange: exchange.id, default=None)
    for finding in () if refused is None else refused.findings or ():
        if finding.severity == "error":
            yield f"why      {finding.rule} at {finding.path}: got {finding.got}, want {finding.want}"


TOUR_SCENARIO = "otp-demo"
TOUR_PACE = 4.0
"""Seconds between two steps, unless said."""
TOUR_RETRIES = ("2s", "10s", "30s", "90s")
"""Pauses before further pushes of a report; without any, an outage loses reports."""

_OTP = Scene("A verification code", ("85267000010",), "Your verification code is 482910.", "CloudSMS")
_BULK = Scene(
    "A bulk send: four countries in one request",
    ("85267000016", "85267000017", "8613800138008", "447911123456", "6591234567"),
    "Today only: free shipping on everything. Reply STOP to opt out.",
)
_LONG = Scene(
    "A long Chinese text: UCS-2, three segments",
    ("8613800138000",),
    "【云短信】尊敬的客户,您的订单已经发货,预计三天内送达。请保持手机畅通,快递员会在送货前与您联系。"
    "如需更改收货时间或者地址,请登录官方网站或者拨打客户服务热线办理,感谢您的支持与理解。"
    "本次配送由合作快递公司承运,签收前请当面检查包裹是否完好。如有任何疑问,请随时联系我们。",
)
_OUTAGE = Scene(
    "The customer's server is down: reports cannot be pushed, and are tried again",
    ("85267000028", "85267000029"),
    "Your parcel is at the counter.",
)
_OFF = Scene("A phone that is switched off", ("85267000032",), "Your verification code is 771203.", "CloudSMS")


async def show_tour(stage: Stage, *, browser: bool, pace: float) -> None:
    """Plays the tour, in a browser if one is wanted and there is one, and keeps everything running until Ctrl-C."""
    from cloudsms_simulator.client.client import AsyncClient
    from cloudsms_simulator.client.errors import ApiError

    logging.getLogger("cloudsms_simulator").setLevel(logging.ERROR)  # the tour itself shows the pushes that fail
    go_on_without_output()
    stop = asyncio.Event()
    stop_on_signals(stop)
    inbox = f"{stage.simulator.ready.admin_url}/"
    for line in (*stage.addresses, f"Inbox              {inbox}"):
        click.echo(line)
    if browser and not await _opened(inbox):
        click.echo("No browser could be opened; the inbox is at the address above.")
    async with AsyncClient(stage.simulator.ready.admin_url) as api:
        ends: set[asyncio.Future[object]] = {
            asyncio.ensure_future(Tour(stage, api, pace).play()),
            asyncio.ensure_future(stop.wait()),
        }
        done, pending = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for task in pending if stop.is_set() else ():
            task.cancel()
        try:
            await asyncio.gather(*done)
        except ApiError as error:
            raise CommandError(str(error), ExitCode.FAILED) from error
        if not stop.is_set():
            click.echo(f"\nThat was all. Look around at {inbox}; everything runs until Ctrl-C.")
        await stop.wait()


async def _opened(url: str) -> bool:
    import webbrowser

    try:
        return await asyncio.to_thread(webbrowser.open, url)
    except webbrowser.Error:
        return False


class Tour(msgspec.Struct, frozen=True):
    """The longer demo. `pace` is how many seconds of wall time pass between two steps."""

    stage: Stage
    api: "AsyncClient"
    pace: float

    async def play(self) -> None:
        """Plays every step in order. Raises ApiError when the admin API does not do what the tour needs."""
        await self.api.accounts.change("default", callback={"url": self.stage.callback, "retries": list(TOUR_RETRIES)})
        steps: tuple[Callable[[int], Awaitable[None]], ...] = (
            lambda number: self._scene(number, _OTP),
            lambda number: self._scene(number, _BULK),
            lambda number: self._scene(number, _LONG),
            self._refusal,
            self._outage,
            self._recovery,
            lambda number: self._scene(number, _OFF),
            self._day,
        )
        for number, step in enumerate(steps, 1):
            await asyncio.sleep(self.pace)
            await step(number)

    async def _scene(self, number: int, scene: Scene) -> None:
        click.echo(f"\n{number}. {scene.title}")
        self._tell(answer_lines(self.stage.simulator, await send_scene(self.stage, scene, number)))

    async def _refusal(self, number: int) -> None:
        click.echo(f"\n{number}. A number with spaces in it: refused, explained, and sent again as it was corrected")
        self._tell(answer_lines(self.stage.simulator, await post_packet(self.stage, self._with_spaces(number))))
        await asyncio.sleep(self.pace)
        correction = (await self.api.explain()).correction
        if correction is None or correction.request is msgspec.UNSET:
            raise CommandError("the refusal came without a correction", ExitCode.FAILED)
        self._tell(f"mended   {change.path}: {change.was} -> {change.to}" for change in correction.changes)
        packet = msgspec.json.decode(correction.request, type=dict[str, object])
        packet["AUTH_KEY"] = self.stage.simulator.ready.auth_key
        self._tell(answer_lines(self.stage.simulator, await post_packet(self.stage, msgspec.json.encode(packet))))

    async def _outage(self, number: int) -> None:
        from cloudsms_simulator.push.receiver import Behaviour

        await self._advance("1m")
        self.stage.receiver.behaviour = Behaviour(form="none", status=503)
        await self._scene(number, _OUTAGE)
        await self._advance("30s")
        await self._tell_reports(len(_OUTAGE.numbers))

    async def _recovery(self, number: int) -> None:
        from cloudsms_simulator.push.receiver import Behaviour

        click.echo(f"\n{number}. The customer's server is back: the next attempt of each report succeeds")
        self.stage.receiver.behaviour = Behaviour()
        await self._advance("2m")
        await self._tell_reports(len(_OUTAGE.numbers))

    async def _day(self, number: int) -> None:
        click.echo(f"\n{number}. 25 hours in a click: the phone never came back, and the message has EXPIRED")
        await self._advance("25h")
        await self._tell_reports(1)

    async def _advance(self, by: str) -> None:
        click.echo(f"   clock    moved ahead by {by}")
        await self.api.clock.advance(by)

    async def _tell_reports(self, count: int) -> None:
        page = await self.api.reports.page(limit=count)
        self._tell(map(_tour_report_line, page.items))

    def _with_spaces(self, serial: int) -> bytes:
        from cloudsms_simulator.protocol.customer import SendRequest, encode_request
        from cloudsms_simulator.protocol.packet import Destination

        ready = self.stage.simulator.ready
        return encode_request(
            SendRequest(
                serial=serial,
                time=self.stage.time,
                auth_key=ready.auth_key,
                route_id=ready.route_id,
                multi_msisdn_list=(Destination(852, "6700 0039"),),
                sms_content="Your table is booked for eight.",
                customer_body=msgspec.Raw(b'{"order":%d}' % serial),
            )
        )

    def _tell(self, lines: Iterable[str]) -> None:
        for line in lines:
            click.echo(f"   {line}")


def _tour_report_line(report: "ReportItem") -> str:
    said = ", ".join(str(attempt.status or attempt.error) for attempt in report.attempts)
    return f"report   {report.uid}: {report.state_name}, {report.outcome}; attempts were answered {said}"


DEMO_DEADLINE = 20.0
"""Seconds the whole demo may take; it takes about five."""

_DOCUMENTS_TEXT = "Your verification code is 123345, please do not disclose it to others."

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
@click.option(
    "--open", "opens", is_flag=True, help="Play a longer story for the inbox, in a browser, and keep running."
)
@click.option("--browser/--no-browser", default=None, help="Open the inbox in a browser (with --open it does).")
@click.option("--pace", type=click.FloatRange(0, 600), help="Seconds between the steps of --open; 4 unless said.")
def demo(opens: bool, browser: bool | None, pace: float | None) -> None:
    """Show the platform at work, with mutual TLS in both directions.

    Starts a platform and a customer's server for reports on free ports of this machine, sends five requests, shows each
    answer, its segments, price and delivery reports, and leaves nothing running. Ends 0, or 1 when a report is missing.

    With --open it plays a longer story to follow in the inbox: a code, a bulk send, a refusal and its correction, an
    outage of the customer's server, 25 hours in a click. Everything goes on running until Ctrl-C, and it ends 0.
    """
    from cloudsms_simulator.net.runtime import new_event_loop

    if not opens and (browser is not None or pace is not None):
        raise click.UsageError("--browser, --no-browser and --pace are for the story of --open")
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        if opens:

            async def tour() -> None:
                async with _staged({"scenario": TOUR_SCENARIO}) as stage:
                    await show_tour(stage, browser=browser is not False, pace=TOUR_PACE if pace is None else pace)

            runner.run(tour())
            return
        try:
            runner.run(_play())
        except TimeoutError:
            raise CommandError(f"not every report came within {DEMO_DEADLINE:g} s", ExitCode.FAILED) from None


async def _play() -> None:
    async with _staged({}) as stage, asyncio.timeout(DEMO_DEADLINE):
        await _tell(stage)


@asynccontextmanager
async def _staged(flags: dict[str, str]) -> AsyncIterator[Stage]:
    """A platform and a customer with mutual TLS in both directions, stopped at the end of the block."""
    import httpx2

    from cloudsms_simulator.config.settings import load_settings
    from cloudsms_simulator.net.listener import Listener
    from cloudsms_simulator.net.sockets import open_socket
    from cloudsms_simulator.net.tls import push_context, receiver_context, tls_facts
    from cloudsms_simulator.push.receiver import Receiver
    from cloudsms_simulator.simulator import Simulator

    sock = open_socket("127.0.0.1", 0)
    callback = f"https://localhost:{sock.getsockname()[1]}/"
    ours = {"port": "0", "admin_port": "0", "mtls": "required", "callback_url": callback}
    loaded = load_settings({**flags, **ours}, {})
    simulator = Simulator(loaded.settings, loaded.scenario, loaded.fixed)
    files = simulator.files
    receiver = Receiver()
    listener = Listener(receiver, sock, tls=receiver_context(files, "required"), tls_facts=tls_facts)
    await simulator.start()
    await listener.start()
    try:
        context = push_context((files.customer_cert, files.customer_key), (files.ca,), system=False)
        async with httpx2.AsyncClient(verify=context, trust_env=False) as client:
            yield Stage(simulator, receiver, client, callback)
    finally:
        await simulator.stop()
        await listener.stop()


async def _tell(stage: Stage) -> None:
    simulator, receiver = stage.simulator, stage.receiver
    for line in stage.addresses:
        click.echo(line)
    for number, scene in enumerate(STORY, 1):
        click.echo(f"\n{number}. {scene.title}")
        before = receiver.received
        answer = await send_scene(stage, scene, number)
        for line in answer_lines(simulator, answer):
            click.echo(f"   {line}")
        expected = before + sum(item.result_code == 1 for item in answer.detail_list)
        await receiver.wait_for(expected)
        for report in receiver.reports[before:]:
            click.echo(f"   {_report_line(report)}")
    await simulator.pusher.idle()
    for line in _ending(stage):
        click.echo(line)


def _report_line(report: "ReceivedReport") -> str:
    return (
        f"report   +{report.country_code}{report.msisdn}: {report.state} {report.state_name}, SERIAL {report.serial}, "
        f"reached {report.report_time[-8:]}, CUSTOMER_BODY {report.customer_body}"
    )


def _ending(stage: Stage) -> Iterator[str]:
    from cloudsms_simulator.engine.money import Money

    account, store = default_account(stage.simulator), stage.simulator.store
    yield ""
    answered = sum(report.outcome == "answered" for report in store.reports(account))
    balance = store.standing(account).balance
    left = "unlimited" if balance is None else Money(balance, account.currency).rounded()
    yield f"{answered} reports were pushed and answered; {left} of 1,000.00 is left. Nothing is left running."
    yield f"Next: `{_command()} serve`, and the README."


def _command() -> str:
    """The command as a shell finds it here: by its path where it is on none."""
    if shutil.which("cloudsms-simulator") is not None:
        return "cloudsms-simulator"
    return os.path.relpath(Path(sys.executable).with_name("cloudsms-simulator"))
