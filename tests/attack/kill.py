"""Kill: a server that keeps everything in SQLite is killed again and again, and what must be so all the same.

Customers send, and their servers for delivery reports answer, while the server is killed at random moments and begins
again. In the end everything that is still to come comes. It must hold what `chaos` holds to: what a customer was told
is accepted is there, once; the ledger's sum is the balance, with one debit for each message; each report was pushed at
least once, in the order of its message's states, and ends as answered.

Exit code 1 when something does not hold.
"""

import argparse
import asyncio
import contextlib
import json
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from chaos import Chaos, Customer
from stage import Server, serving

KILLS = 1_000
SENDERS = 8
LONGEST_LIFE = 0.4
"""Seconds at most between the first answer and the end."""
RECIPIENTS = (1, 1, 1, 2, 20)
"""Of a request, drawn from these."""

_SERVER = """
store = "sqlite:kill.db"
journal_messages = 10000000
journal_bytes = "8 GiB"
"""
_STEPS = '[{ state = "ENROUTE", after = "20ms" }, { state = "DELIVERED", after = "150ms" }]'
_REJECTED = '[{ state = "REJECTED", after = "100ms" }]'


class Kill(Chaos):
    """The whole of it, against one server after the other."""

    def __init__(self, folder: Path, customers: Sequence[Customer], chance: random.Random) -> None:
        self._folder = folder
        self._customers = customers
        self._chance = chance
        self._number = 0
        self.accepted = 0
        self.lives = 0

    async def run_killed(self, kills: int) -> list[str]:
        """Kills it so many times, waits until all is over, and says what does not hold."""
        config = _SERVER + "".join(customer.settings() for customer in self._customers)
        for _ in range(kills):
            with serving(self._folder, config) as server:
                await self._live(server)
        with serving(self._folder, config) as self._server:
            wrong: list[str] = []
            for customer in self._customers:
                await self._quiet(customer)
                wrong += [f"{customer.name}: {each}" for each in await self._wrong_with(customer)]
        return wrong

    async def _live(self, server: Server) -> None:
        """Sends until the server is killed."""
        first = asyncio.Event()
        senders = [asyncio.create_task(self._send_until_the_end(server.port, first)) for _ in range(SENDERS)]
        await first.wait()
        await asyncio.sleep(self._chance.uniform(0, LONGEST_LIFE))
        server.kill()
        self.lives += 1
        await asyncio.gather(*senders)

    async def _send_until_the_end(self, port: int, first: asyncio.Event) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                customer = self._chance.choice(self._customers)
                body = json.dumps(self._packet(customer, self._chance.choice(RECIPIENTS))).encode()
                writer.write(b"POST /dave/io HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                answer = json.loads(await reader.readexactly(length))
                assert answer["RESULT_CODE"] == 1, answer
                uids = {item["SMS_UID"] for item in answer["DETAIL_LIST"]}
                customer.told |= uids
                self.accepted += len(uids)
                first.set()
                await asyncio.sleep(self._chance.uniform(0, 0.02))
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def kill(kills: int, seed: int, folder: Path) -> list[str]:
    """Kills a server so many times; what did not hold."""
    chance = random.Random(seed)
    customers = [
        Customer("steps", _STEPS, "30s", 16, chance),
        Customer("refunded", _REJECTED, "30s", 4, chance),
    ]
    for customer in customers:
        customer.is_well = True
        await customer.listen()
    story = Kill(folder, customers, chance)
    wrong = await story.run_killed(kills)
    heard = sum(len(states) for customer in customers for states in customer.heard.values())
    different = sum(len(set(states)) for customer in customers for states in customer.heard.values())
    for customer in customers:
        await customer.leave()
    print(f"{story.accepted} accepted, {different} reports pushed, {heard - different} of them again")
    return wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """Kills, prints what did not hold, and returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cloudsms-kill-") as folder:
        wrong = asyncio.run(kill(chosen.kills, chosen.seed, Path(folder)))
    print(*wrong[:20], sep="\n")
    print(f"{chosen.kills} kills, {len(wrong)} things wrong. Took {time.monotonic() - begun:.0f} s.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
