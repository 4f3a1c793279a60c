"""`cloudsms-simulator demo --open`: a story to follow in the inbox, step by step, and everything left running."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

import click
import msgspec

from cloudsms_simulator.cli.exit_codes import CommandError, ExitCode
from cloudsms_simulator.cli.scene import Scene, Stage, answer_lines, post, send
from cloudsms_simulator.cli.signals import stop_on_signals
from cloudsms_simulator.cli.terminal import go_on_without_output

if TYPE_CHECKING:
    from cloudsms_simulator.client import AsyncClient
    from cloudsms_simulator.client_items import Report

SCENARIO = "otp-demo"
PACE = 4.0
"""Seconds between two steps, unless said."""
RETRIES = ("2s", "10s", "30s", "90s")
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


async def show(stage: Stage, *, browser: bool, pace: float) -> None:
    """Plays the story, in a browser if one is wanted and there is one, and keeps everything running until Ctrl-C."""
    from cloudsms_simulator.client import ApiError, AsyncClient

    logging.getLogger("cloudsms_simulator").setLevel(logging.ERROR)  # the story tells of the pushes that fail
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
    """A story on its stage. `pace` is how many seconds of wall time pass between two steps."""

    stage: Stage
    api: "AsyncClient"
    pace: float

    async def play(self) -> None:
        """Every step in order; ApiError when the admin API does not do what the story needs."""
        await self.api.accounts.change("default", callback={"url": self.stage.callback, "retries": list(RETRIES)})
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
        self._tell(answer_lines(self.stage.simulator, await send(self.stage, scene, number)))

    async def _refusal(self, number: int) -> None:
        click.echo(f"\n{number}. A number with spaces in it: refused, explained, and sent again as it was corrected")
        self._tell(answer_lines(self.stage.simulator, await post(self.stage, self._with_spaces(number))))
        await asyncio.sleep(self.pace)
        correction = (await self.api.explain()).correction
        if correction is None or correction.request is msgspec.UNSET:
            raise CommandError("the refusal came without a correction", ExitCode.FAILED)
        self._tell(f"mended   {change.path}: {change.was} -> {change.to}" for change in correction.changes)
        packet = msgspec.json.decode(correction.request, type=dict[str, object])
        packet["AUTH_KEY"] = self.stage.simulator.ready.auth_key
        self._tell(answer_lines(self.stage.simulator, await post(self.stage, msgspec.json.encode(packet))))

    async def _outage(self, number: int) -> None:
        from cloudsms_simulator.server.receiver import Behaviour

        await self._advance("1m")
        self.stage.receiver.behaviour = Behaviour(form="none", status=503)
        await self._scene(number, _OUTAGE)
        await self._advance("30s")
        await self._tell_reports(len(_OUTAGE.numbers))

    async def _recovery(self, number: int) -> None:
        from cloudsms_simulator.server.receiver import Behaviour

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
        self._tell(map(_report_line, page.items))

    def _with_spaces(self, serial: int) -> bytes:
        from cloudsms_simulator.protocol.customer import SendRequest, encode_request
        from cloudsms_simulator.protocol.submission import Destination

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


def _report_line(report: "Report") -> str:
    said = ", ".join(str(attempt.status or attempt.error) for attempt in report.attempts)
    return f"report   {report.uid}: {report.state_name}, {report.outcome}; attempts were answered {said}"
