"""Scenes: what a customer of a demonstration sends, and what a person is told of the answer."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
import msgspec

from cloudsms_simulator.cli.exit_codes import CommandError, ExitCode

if TYPE_CHECKING:
    import httpx2

    from cloudsms_simulator.engine.account import Account
    from cloudsms_simulator.protocol.customer import SendAnswer
    from cloudsms_simulator.server.receiver import Receiver
    from cloudsms_simulator.server.simulator import Simulator

_WIDEST = 60


class Stage(msgspec.Struct, frozen=True):
    """Where a story is played: the platform, the customer's server for reports, and the customer's client."""

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
        """Where both serve, for people."""
        return (
            f"Platform           {self.simulator.ready.url}",
            f"Customer's server  {self.callback}  (both ask for a certificate)",
        )


class Scene(msgspec.Struct, frozen=True):
    """One request of a story: what it shows, to whom, and what.."""

    title: str
    numbers: tuple[str, ...]
    text: str
    signature: str | None = None
    right_key: bool = True


async def send(stage: Stage, scene: Scene, serial: int) -> "SendAnswer":
    """Sends it as the account at hand, and says so; `serial` is its CUSTOMER_BODY's order too."""
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
    click.echo(f"   request  to {', '.join(f'+{number}' for number in scene.numbers)}: {shortened(scene.text)}")
    return await post(stage, encode_request(request))


async def post(stage: Stage, body: bytes) -> "SendAnswer":
    """The platform's answer to a packet; CommandError when that is none."""
    from cloudsms_simulator.protocol.customer import read_answer

    response = await stage.client.post(stage.simulator.ready.url, content=body)
    answer = read_answer(response.content)
    if answer is None:
        raise CommandError(f"the platform answered HTTP {response.status_code} and no packet", ExitCode.FAILED)
    return answer


def answer_lines(simulator: "Simulator", answer: "SendAnswer") -> Iterator[str]:
    """The answer, why anything was refused, and what every message costs."""
    from cloudsms_simulator.engine.money import Money
    from cloudsms_simulator.protocol.result_codes import ResultCode, written

    account = default_account(simulator)
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


def default_account(simulator: "Simulator") -> "Account":
    """The account `default`, as which stories are played."""
    account = simulator.directory.named("default")
    assert account is not None
    return account


def shortened(text: str) -> str:
    """A text in quotes, as much of it as a line has room for."""
    return f'"{text}"' if len(text) <= _WIDEST else f'"{text[: _WIDEST - 3]}…"'


def _why(simulator: "Simulator") -> Iterator[str]:
    """The errors in the latest request, be it the account's or nobody's."""
    owners = (None, default_account(simulator))
    newest = (next(iter(simulator.store.exchanges(owner)), None) for owner in owners)
    refused = max(filter(None, newest), key=lambda exchange: exchange.id, default=None)
    for finding in () if refused is None else refused.findings or ():
        if finding.severity == "error":
            yield f"why      {finding.rule} at {finding.path}: got {finding.got}, want {finding.want}"
