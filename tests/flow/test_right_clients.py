"""Right clients, each over real sockets: nothing they send is called a mistake, and nothing they do suspicious."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from cloudsms_simulator.client.client import AsyncClient
from cloudsms_simulator.net.wall_clock import WallClock
from cloudsms_simulator.protocol.timestamps import wire_time

HONG_KONG, ITALY, RUSSIA = (852, "67000011"), (39, "3921234567"), (7, "7012345678")


class Shop:
    """A customer's program: what its packets are like, and its connections."""

    def __init__(self, here: Any, api: AsyncClient, packet: Callable[..., bytes], name: str) -> None:
        self._here = here
        self._packet = packet
        self._name = name
        self._serial = 0
        self.api = api
        self.wrong = 0
        """Requests that are meant to be refused."""

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Any]:
        """A connection that is kept alive."""
        async with self._here.client() as connection:
            yield connection

    async def send(self, connection: Any, text: str, *to: tuple[int, str], **fields: object) -> list[object]:
        """Sends one packet; the codes in the answer."""
        answer = await connection.post(self.body(text, *to, **fields), f"User-Agent: {self._name}/1.0")
        return list(answer.codes)

    def body(self, text: str, *to: tuple[int, str], **fields: object) -> bytes:
        """The bytes of a packet with a SERIAL and TIME of its own."""
        self._serial += 1
        made = {"SERIAL": self._serial, "TIME": wire_time(WallClock().now()), "SMS_CONTENT": text, "CUSTOMER_BODY": ...}
        return self._packet(*to, **made | fields)


async def single(shop: Shop) -> None:
    async with shop.connected() as connection:
        for code in range(6):
            assert await shop.send(connection, f"Your code is 48151{code}", (852, f"6700002{code}")) == [1, 1]


async def bulk(shop: Shop) -> None:
    everybody = [(852, f"67{number:06}") for number in range(200)]
    async with shop.connected() as connection:
        for week in range(5):
            assert await shop.send(connection, f"Offers of week {week}", *everybody) == [1] * 201


async def chinese(shop: Shop) -> None:
    async with shop.connected() as connection:
        for code in range(5):
            text = f"您的验证码是93571{code}，请在5分钟内输入。请勿将验证码告诉他人。"
            assert await shop.send(connection, text, (86, f"1380013800{code}")) == [1, 1]


async def signature(shop: Shop) -> None:
    async with shop.connected() as connection:
        for kind in (1, 2, 3, 4, 5):
            told = {"SIGNATURE": "Shop", "SIGNATURE_TYPE": kind}
            assert await shop.send(connection, f"Parcel {kind} is on its way", (852, f"6700003{kind}"), **told) == [
                1,
                1,
            ]


async def customer_body(shop: Shop) -> None:
    async with shop.connected() as connection:
        for order in range(5):
            told = {"CUSTOMER_BODY": {"id": f"order-{order}"}}
            assert await shop.send(connection, f"Order {order} is ready", (852, f"6700004{order}"), **told) == [1, 1]


async def keep_alive(shop: Shop) -> None:
    """Two connections in a pool, opened side by side and then used in turn."""
    async with shop.connected() as one, shop.connected() as other:
        for turn in range(4):
            sent = (
                shop.send(one, f"Table {turn} is free", (852, f"6700005{turn}")),
                shop.send(other, f"Room {turn} is ready", (852, f"6700006{turn}")),
            )
            assert await asyncio.gather(*sent) == [[1, 1], [1, 1]]


async def side_by_side(shop: Shop) -> None:
    """Six connections at once, as the pool of a client that has much to send."""

    async def one(number: int) -> None:
        async with shop.connected() as connection:
            await everybody.wait()
            assert await shop.send(connection, f"Gate {number} is open", (852, f"6700007{number}")) == [1, 1]

    everybody = asyncio.Barrier(6)
    await asyncio.gather(*map(one, range(6)))


async def slow(shop: Shop) -> None:
    """Every ten minutes, each time on a connection of its own, its octets one after the other."""
    for turn in range(6):
        await shop.api.clock.advance(seconds=600)
        body = shop.body(f"Temperature {turn}", (852, f"6700008{turn}"))
        head = f"POST /dave/io HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        async with shop.connected() as connection:
            for piece in (head[:20], head[20:], body[:1], body[1:100], body[100:]):
                await connection.send(piece)
                await asyncio.sleep(0)
            assert (await connection.answer()).codes == [1, 1]


async def italian(shop: Shop) -> None:
    async with shop.connected() as connection:
        assert await shop.send(connection, "Il suo ordine è pronto", ITALY, (39, "0612345678")) == [1, 1, 1]


async def russian(shop: Shop) -> None:
    async with shop.connected() as connection:
        assert await shop.send(connection, "Ваш заказ готов", RUSSIA, (7, "9161234567")) == [1, 1, 1]


async def half_price(shop: Shop) -> None:
    async with shop.connected() as connection:
        for text in ("1/2: half price", "Use {{SAVE10}} today", "24/7 we are there for you [CloudSMS]"):
            assert await shop.send(connection, text, HONG_KONG) == [1, 1]


async def mended(shop: Shop) -> None:
    """A developer's first packets, mended one mistake at a time."""
    steps: tuple[dict[str, object], ...] = ({"VERSION": "1.0"}, {"VERSION": "2.3"}, {"ROUTE_ID": ""}, {"PRIORITY": "1"})
    async with shop.connected() as connection:
        for wrong in steps:
            shop.wrong += 1
            assert (await shop.send(connection, "Hello", HONG_KONG, **wrong))[0] != 1
        assert await shop.send(connection, "Hello", HONG_KONG) == [1, 1]


async def equal_alarms(shop: Shop) -> None:
    async with shop.connected() as connection:
        for event in range(6):
            told = {"CUSTOMER_BODY": {"event": event}}
            assert await shop.send(connection, "Pump 4711 is down", HONG_KONG, **told) == [1, 1]


CLIENTS: tuple[Callable[[Shop], Awaitable[None]], ...] = (
    single,
    bulk,
    chinese,
    signature,
    customer_body,
    keep_alive,
    side_by_side,
    slow,
    italian,
    russian,
    half_price,
    mended,
    equal_alarms,
)


def accused(items: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """What requests are told of worse than notes."""
    return [
        (finding["severity"], finding["rule"], finding["got"])
        for item in items
        for finding in item["findings"]
        if finding["severity"] != "note"
    ]


@pytest.mark.parametrize("client", CLIENTS, ids=lambda each: each.__name__)
def test_a_right_client_is_told_of_no_mistake_and_raises_no_suspicion(run, platform, packet, client) -> None:
    async def story() -> None:
        async with platform() as here, AsyncClient(here.simulator.ready.admin_url) as api:
            shop = Shop(here, api, packet, client.__name__)
            await client(shop)
            items = await here.items("requests")
            refused = [item for item in items if item["code"]["name"] != "OK"]
            assert len(refused) == shop.wrong
            assert accused([item for item in items if item not in refused]) == []
            assert [each for each in accused(refused) if each[0] == "suspicion"] == []
            assert await here.items("requests", "*") == []

    run(story())


def test_right_clients_of_one_account_are_not_suspected_for_each_other(run, platform, packet) -> None:
    """All but the one that moves the account's clock, at the same time."""

    async def story() -> None:
        async with platform() as here, AsyncClient(here.simulator.ready.admin_url) as api:
            others = [client for client in CLIENTS if client is not slow]
            shops = [Shop(here, api, packet, client.__name__) for client in others]
            await asyncio.gather(*(client(shop) for client, shop in zip(others, shops, strict=True)))
            items = await here.items("requests")
            right = [item for item in items if item["code"]["name"] == "OK"]
            assert len(items) - len(right) == sum(shop.wrong for shop in shops)
            assert accused(right) == []

    run(story())
