"""Chaos: many messages while everything goes wrong, and what must be so all the same in the end.

Customers send while their servers for delivery reports answer 503, close, reset, talk garbage, never answer or are
gone altogether; meanwhile states are forced, accounts are credited, and clients leave without their answers. Then the
servers answer as they should, and everything that is still to come comes. It must hold:

- what a customer was told is accepted is there, once;
- the ledger's sum is the balance, and is what opening, credits and charged messages make;
- each message has one final state, and who was pushed it heard of no other;
- every report was pushed, in the order of its message's states, and ends as answered.

The accounts' clocks go so fast that 25 hours take eight seconds. Exit code 1 when something does not hold.
"""

import argparse
import asyncio
import contextlib
import json
import random
import socket
import struct
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from stage import Server, serving

PRICE = Decimal("0.05")
OPENING = Decimal("100000.00")
MESSAGES = 54_000
BATCHES = (1, 1, 1, 2, 5, 20, 200)
"""Recipients of a request, drawn from these."""
SENDERS = 8
RATE = 2_000
"""Messages a second at most, so that there is time for trouble."""
UNCHARGED = frozenset({8, 60})
"""States in which a message costs nothing in the end."""
DEADLINE = 600.0

_SERVER = """
journal_messages = 1000000
journal_bytes = "8 GiB"
clock = 10800
"""
_ACCOUNT = """
[[accounts]]
name = "{name}"
auth_key = "the-key-of-{name}"
balance = "100000.00"
report = {report}
callback = {callback}
"""
_RETRIES = ["30m"] * 1000
_STEPS = '[{ state = "ENROUTE", after = "30m" }, { state = "DELIVERED", after = "2h" }]'
_EXPIRES = '[{ state = "ENROUTE", after = "30m" }, { none = true }]'


class Customer:
    """A customer: what it sent and was told, and its server for delivery reports."""

    def __init__(self, name: str, report: str, timeout: str, concurrency: int, chance: random.Random) -> None:
        self.name = name
        self.report = report
        self.timeout = timeout
        self.concurrency = concurrency
        self.told: set[str] = set()
        """SMS_UIDs of what was accepted, as the answers said."""
        self.credited = Decimal(0)
        self.heard: dict[str, list[int]] = defaultdict(list)
        """States by SMS_UID, in the order in which the reports came."""
        self.is_well = False
        """Whether the server answers everything as it should."""
        self.port = 0
        self._chance = chance
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def listen(self) -> None:
        """Opens the server, where it was before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def leave(self) -> None:
        """Closes the server and all its connections."""
        assert self._server is not None
        self._server.close()
        serving = dict(self._open)
        for writer in serving.values():
            writer.transport.abort()
        if serving:
            await asyncio.wait(serving)
        await self._server.wait_closed()

    def settings(self) -> str:
        """Its table in the configuration."""
        callback = ", ".join(f"{name} = {json.dumps(value)}" for name, value in self.callback().items())
        return _ACCOUNT.format(name=self.name, report=self.report, callback=f"{{ {callback} }}")

    def callback(self) -> dict[str, object]:
        """How its reports are pushed. What is answered in time on an idle machine is not on a loaded one."""
        timeout = "30s" if self.is_well else self.timeout
        return {
            "url": f"http://127.0.0.1:{self.port}/",
            "timeout": timeout,
            "concurrency": self.concurrency,
            "retries": _RETRIES,
        }

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while await self._answer(reader, writer):
                pass
        del self._open[task]
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Takes one report; whether the connection goes on."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        report = json.loads(await reader.readexactly(length))
        luck = 1.0 if self.is_well else self._chance.random()
        if luck < 0.05:  # no octet of an answer, for longer than anybody waits
            await reader.read()
            return False
        state = report["SMS_RESULT_LIST"][0]["SMS_STATE"]
        self.heard[report["SMS_UID"]].append(state)
        if luck < 0.13:
            linger = writer.get_extra_info("socket")
            linger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            return False
        if luck < 0.18:
            return False
        if luck < 0.22:
            writer.write(b"\xff\xfe no HTTP at all\r\n\r\n")
            return False
        status = b"503 Service Unavailable" if luck < 0.32 else b"200 OK"
        answer = {"METHOD": "SMS_PUSH_REPORT", "TYPE": "ANSWER", "SERIAL": report["SERIAL"]}
        answer |= {"TIME": report["TIME"], "RESULT_CODE": 1, "RESULT_DESC": "OK"}
        body = json.dumps(answer).encode()
        kind = b"Content-Type: application/json"
        writer.write(b"HTTP/1.1 %b\r\n%b\r\nContent-Length: %d\r\n\r\n%b" % (status, kind, len(body), body))
        await writer.drain()
        return True


class Chaos:
    """The whole of it, against one server."""

    def __init__(self, server: Server, customers: Sequence[Customer], messages: int, chance: random.Random) -> None:
        self._server = server
        self._customers = customers
        self._left = messages
        self._chance = chance
        self._number = 0

    async def run(self) -> list[str]:
        """Makes it, waits until it is over, and says what does not hold."""
        sending = asyncio.gather(*(self._send() for _ in range(SENDERS)))
        await asyncio.gather(
            sending, self._meddle(sending), *(self._outages(each, sending) for each in self._customers)
        )
        for customer in self._customers:
            customer.is_well = True
            callback = {"callback": customer.callback()}
            status, told = await self._ask("PATCH", f"/api/v1/accounts/{customer.name}", callback)
            assert status == 200, told
        wrong: list[str] = []
        for customer in self._customers:
            await self._quiet(customer)
            wrong += [f"{customer.name}: {each}" for each in await self._wrong_with(customer)]
        return wrong

    # What goes on

    async def _send(self) -> None:
        connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        while self._left > 0:
            count = min(self._chance.choice(BATCHES), self._left)
            self._left -= count
            customer = self._chance.choice(self._customers)
            await asyncio.sleep(count * SENDERS / RATE)
            leaves = self._chance.random() < 0.02
            connection = connection or await asyncio.open_connection("127.0.0.1", self._server.port)
            reader, writer = connection
            body = json.dumps(self._packet(customer, count)).encode()
            writer.write(b"POST /dave/io HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            await writer.drain()
            if leaves:
                writer.transport.abort()
                connection = None
                continue
            answer = json.loads(await _body(reader))
            assert answer["RESULT_CODE"] == 1, answer
            customer.told |= {item["SMS_UID"] for item in answer["DETAIL_LIST"]}
        if connection is not None:
            connection[1].close()

    def _packet(self, customer: Customer, count: int) -> dict[str, object]:
        first, self._number = self._number, self._number + count
        numbers = [f"6{(first + index) % 1_000_000:06}0" for index in range(count)]
        return {
            "METHOD": "SMS_SEND_REQUEST",
            "TYPE": "REQUEST",
            "SERIAL": 1,
            "TIME": "2026-01-01 12:00:00",
            "AUTH_KEY": f"the-key-of-{customer.name}",
            "VERSION": "2021-01-01",
            "ROUTE_ID": "VerifyCode_516",
            "MULTI_MSISDN_LIST": [{"COUNTRY_CODE": 852, "DEST_MSISDN": number} for number in numbers],
            "SMS_CONTENT": "Your code is 123345",
        }

    async def _meddle(self, sending: asyncio.Future[object]) -> None:
        """Forces states, resends reports and credits accounts, while there is sending."""
        while not sending.done():
            customer = self._chance.choice(self._customers)
            whose = f"account={customer.name}"
            if self._chance.random() < 0.1:
                path = f"/api/v1/accounts/{customer.name}/credit"
                if (await self._ask("POST", path, {"amount": "1.25"}))[0] == 200:
                    customer.credited += Decimal("1.25")
            elif customer.told:
                uid = self._chance.choice(tuple(customer.told))
                if self._chance.random() < 0.7:
                    state = self._chance.choice(["UNDELIVERABLE", "REJECTED", "DELETED", "UNKNOWN"])
                    status, _ = await self._ask("POST", f"/api/v1/messages/{uid}/report?{whose}", {"state": state})
                else:
                    status, _ = await self._ask("POST", f"/api/v1/reports/{uid}-1/resend?{whose}", {})
                assert status in (200, 404, 409), status
            await asyncio.sleep(0.005)

    async def _outages(self, customer: Customer, sending: asyncio.Future[object]) -> None:
        """Has a customer's server be gone now and then, while there is sending."""
        while not sending.done():
            await asyncio.sleep(self._chance.uniform(0.5, 1.5))
            await customer.leave()
            await asyncio.sleep(self._chance.uniform(0.1, 0.5))
            await customer.listen()

    # What must hold

    async def _quiet(self, customer: Customer) -> None:
        """Returns when nothing is left to do for the account."""
        until = time.monotonic() + DEADLINE
        while True:
            _, account = await self._ask("GET", f"/api/v1/accounts/{customer.name}")
            _, pending = await self._ask("GET", f"/api/v1/reports/pending?account={customer.name}&limit=1")
            if account["outstanding"] == 0 and pending["total"] == 0:
                return
            assert time.monotonic() < until, f"{account['outstanding']} messages are not done after {DEADLINE} s"
            await asyncio.sleep(0.2)

    async def _wrong_with(self, customer: Customer) -> list[str]:
        messages = {each["uid"]: each for each in await self._all("messages", customer)}
        reports: dict[str, list[dict[str, object]]] = defaultdict(list)
        for report in sorted(await self._all("reports", customer), key=lambda each: int(str(each["id"]).split("-")[1])):
            reports[str(report["uid"])].append(report)
        ledger = await self._all("accounts/" + customer.name + "/ledger", customer)
        _, account = await self._ask("GET", f"/api/v1/accounts/{customer.name}")
        wrong = [f"{uid} was accepted and is not there" for uid in customer.told - messages.keys()]
        wrong += wrong_with_money(customer, messages, ledger, Decimal(str(account["balance"]["amount"])))
        for uid, message in messages.items():
            wrong += [f"{uid}: {each}" for each in wrong_with_message(message, reports[uid], customer.heard[uid])]
        print(
            f"{customer.name}: {len(messages)} messages, {sum(map(len, reports.values()))} reports, "
            f"{sum(len(each['attempts']) for some in reports.values() for each in some)} attempts, "  # type: ignore[misc, arg-type]
            f"{len(ledger)} ledger entries; {len(wrong)} wrong",
            flush=True,
        )
        return wrong

    async def _all(self, path: str, customer: Customer) -> list[dict[str, object]]:
        items: list[dict[str, object]] = []
        whose = "" if path.startswith("accounts/") else f"account={customer.name}&"
        cursor = ""
        while True:
            status, page = await self._ask("GET", f"/api/v1/{path}?{whose}limit=1000{cursor}")
            assert status == 200, page
            assert page["evicted"] == 0
            items += page["items"]
            if page["cursor"] is None:
                return items
            cursor = f"&cursor={page['cursor']}"

    async def _ask(self, method: str, path: str, body: object = None) -> tuple[int, dict]:  # type: ignore[type-arg]
        reader, writer = await asyncio.open_connection("127.0.0.1", self._server.admin_port)
        octets = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        writer.write(head.encode() + b"Connection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(octets), octets))
        whole = await asyncio.wait_for(reader.read(), DEADLINE)
        writer.close()
        start, _, rest = whole.partition(b"\r\n\r\n")
        return int(start.split()[1]), json.loads(rest) if rest else {}


async def _body(reader: asyncio.StreamReader) -> bytes:
    """The body of an answer with HTTP status 200."""
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), DEADLINE)
    assert head.startswith(b"HTTP/1.1 200"), head
    return await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]))


def wrong_with_money(
    customer: Customer,
    messages: dict[str, dict],
    ledger: list[dict],
    balance: Decimal,  # type: ignore[type-arg]
) -> list[str]:
    """What is wrong with an account's ledger and its balance."""
    wrong = []
    amounts = defaultdict(list)
    for entry in ledger:
        amounts[entry["reason"], entry["uid"]].append(Decimal(entry["amount"]["amount"]))
    total = sum((amount for each in amounts.values() for amount in each), Decimal(0))
    if total != balance:
        wrong.append(f"the ledger's sum is {total}, the balance {balance}")
    charged = sum(each["state"] not in UNCHARGED for each in messages.values())
    right = OPENING + customer.credited - PRICE * charged
    if balance != right:
        wrong.append(f"the balance is {balance}; opening, credits and {charged} charged messages make {right}")
    for uid, message in messages.items():
        if amounts["debit", uid] != [-PRICE]:
            wrong.append(f"{uid} was debited {amounts['debit', uid]}")
        refunds = amounts["refund", uid]
        if refunds != ([PRICE] if message["state"] in UNCHARGED else []):
            wrong.append(f"{uid} in state {message['state']} was refunded {refunds}")
    return wrong


def wrong_with_message(message: dict, reports: list[dict], heard: list[int]) -> list[str]:  # type: ignore[type-arg]
    """What is wrong with a message and its reports, of whose states a customer heard in this order."""
    wrong = []
    if not message["final"]:
        return [f"it has no final state, but {message['state_name']}"]
    states = [report["state"] for report in reports]
    if states not in ([1, message["state"]], [message["state"]]):
        wrong.append(f"its state is {message['state']}, its reports say {states}")
    if outcomes := [each["outcome"] for each in reports if each["outcome"] != "answered"]:
        wrong.append(f"its reports ended as {outcomes}")
    if missing := set(states) - set(heard):
        wrong.append(f"the customer never heard of {missing}")
    if others := set(heard) - set(states):
        wrong.append(f"the customer heard of {others}, which it never was in")
    first_pushed = [report["attempts"][0]["at"] for report in reports if report["attempts"]]
    if first_pushed != sorted(first_pushed):
        wrong.append(f"its reports were first pushed at {first_pushed}")
    resent = any(attempt["resent"] for report in reports for attempt in report["attempts"])
    late = any(attempt["status"] is None or attempt["repeated"] for report in reports for attempt in report["attempts"])
    # A push that was given up may still be read later, one that went out twice is read twice, and one that somebody
    # asked for comes when he asks.
    if not others and not resent and not late and heard != sorted(heard, key=states.index):
        wrong.append(f"the customer heard of {heard} in this order")
    return wrong


async def chaos(messages: int, seed: int, folder: Path) -> list[str]:
    """Makes chaos of so many messages; what did not hold."""
    chance = random.Random(seed)
    customers = [
        Customer("impatient", _STEPS, "20ms", 16, chance),
        Customer("patient", _STEPS, "5s", 64, chance),
        Customer("expiring", _EXPIRES, "1s", 32, chance),
    ]
    for customer in customers:
        await customer.listen()
    with serving(folder, _SERVER + "".join(customer.settings() for customer in customers)) as server:
        wrong = await Chaos(server, customers, messages, chance).run()
        for customer in customers:
            await customer.leave()
    return wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """Makes chaos, prints what did not hold, and returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--messages", type=int, default=MESSAGES)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cloudsms-chaos-") as folder:
        wrong = asyncio.run(chaos(chosen.messages, chosen.seed, Path(folder)))
    print(*wrong[:20], sep="\n")
    print(f"{chosen.messages} messages, {len(wrong)} things wrong. Took {time.monotonic() - begun:.0f} s.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
