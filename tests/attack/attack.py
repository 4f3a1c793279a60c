"""Attacks a live server with the hostile corpus, and tells what held. See `corpus.py` beside this.

Every input is sent at two sizes, and looked at as people look at it: in the list, alone, explained, as a page. It is
sent once more as a customer's answer to a delivery report. The page of the list shows many inputs, and is looked at
whenever it has sixteen new ones. While each of these runs another connection asks `/livez`
in a loop. What is held against the server:

- an answer to every input, with the right RESULT_CODE, and its views: HTTP 200, or 413 to what is too large to explain;
- `/livez` within 100 ms all the time, on a machine that has nothing else to do: what counts is the CPU that the server
  used from the question to the answer, since a neighbour on the machine makes both wait;
- at most 50 times the CPU of the same done to a packet in order, padded to the same size with one unknown string key;
- at the end memory within 64 MiB, and what the journal may take, of where it began.

Time and CPU are those of the best of five tries: a neighbour on the machine makes a try slower, never faster.
Exit code 1 when something did not hold. Linux only.
"""

import argparse
import base64
import contextlib
import http.client
import json
import os
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import msgspec
from corpus import BODIES, HEADS, Attack, Head, padded
from stage import KIB, MIB, Cores, Server, serving

SIZES = (64 * KIB, MIB)
LONGEST_LIVEZ = 0.1
"""Seconds."""
MOST_CPU = 50
"""Times what a packet in order takes."""
LEAST_CPU = 0.002
"""Seconds of CPU below which nobody asks how many times it is: what reading the clock and being woken up costs."""
MEMORY_BESIDE_JOURNAL = 64 * MIB
JOURNAL = 64 * MIB
TRIES = 5
ON_A_PAGE = 16
"""Inputs after which the page of the list is looked at. It has room for more, so it shows each of them."""
DEADLINE = 30.0

_CONFIG = """
journal_bytes = "{journal} MiB"
[[accounts]]
name = "default"
balance = "unlimited"
report = [{{ state = "DELIVERED", after = "0s" }}]
callback = {{ url = "http://127.0.0.1:{port}/" }}
"""


class Cost(msgspec.Struct, frozen=True):
    """What an input cost, by the best of some tries."""

    cpu: float
    """Seconds of CPU of the server, all threads together."""
    wall: float
    """Seconds until it was answered."""
    livez: float
    """Seconds of CPU that the server used, at most, until it answered a `/livez` beside it."""


class Outcome(msgspec.Struct, frozen=True):
    """What came of one input, looked at in one way."""

    name: str
    view: str
    size: int
    cost: Cost
    allowed: float
    """Seconds of CPU it may cost."""
    wrong: str = ""
    """What is wrong with its answer; empty when it is right."""

    @property
    def complaints(self) -> list[str]:
        """What did not hold, in words."""
        found = [self.wrong] if self.wrong else []
        if self.cost.livez > LONGEST_LIVEZ:
            found.append(f"/livez took {self.cost.livez * 1000:.1f} ms beside it")
        if self.cost.cpu > max(self.allowed, LEAST_CPU):
            found.append(f"{self.cost.cpu * 1000:.1f} ms of CPU, {self.allowed * 1000:.1f} ms are allowed")
        return found


class Pulse(threading.Thread):
    """Asks `/livez` in a loop, on a connection of its own, and remembers the slowest answer.

    How slow one is, is told in seconds of CPU that the server used meanwhile.
    """

    def __init__(self, server: Server) -> None:
        super().__init__(daemon=True)
        self._cpu = server.cpu
        self._socket = socket.create_connection(("127.0.0.1", server.admin_port), timeout=DEADLINE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._ended = threading.Event()
        self._since = self._cpu()
        self._slowest = 0.0
        self._begun: float | None = None
        self._failed = ""

    def run(self) -> None:
        """Asks until it is stopped."""
        while not self._ended.is_set():
            begun = self._begun = self._cpu()
            try:
                self._socket.sendall(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                self._take_answer()
            except (OSError, http.client.HTTPException) as error:
                self._failed = f"/livez: {error!r}"
                return
            if begun >= self._since:
                self._slowest = max(self._slowest, self._cpu() - begun)
            self._begun = None
            self._ended.wait(0.005)

    def _take_answer(self) -> None:
        answer = http.client.HTTPResponse(self._socket)
        answer.begin()
        answer.read()
        if answer.status != 200:
            raise ConnectionError(f"HTTP {answer.status}")

    def reset(self) -> None:
        """Forgets what was slow, and who has waited until now."""
        self._since, self._slowest = self._cpu(), 0.0

    def slowest(self) -> float:
        """Seconds of CPU before the slowest answer since the reset, one that is still awaited included."""
        begun = self._begun
        if self._failed:
            raise ConnectionError(self._failed)
        waiting = 0.0 if begun is None else self._cpu() - max(begun, self._since)
        return max(self._slowest, waiting)

    def stop(self) -> None:
        """Stops asking."""
        self._ended.set()
        self.join(DEADLINE)
        self._socket.close()


class Customer(threading.Thread):
    """A customer's server for delivery reports, which answers every one with what it is told to."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.answer = b""

    def run(self) -> None:
        """Answers one report a connection until the socket is closed."""
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(DEADLINE)
                connection.recv(64 * KIB)
                head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(self.answer)
                try:
                    connection.sendall(head + self.answer)
                except OSError:
                    continue

    def stop(self) -> None:
        """Closes the socket."""
        self._listening.close()


class Client:
    """A customer and a reader of the admin port; each call is measured."""

    def __init__(self, server: Server, pulse: Pulse) -> None:
        self._server = server
        self._pulse = pulse

    def measured(self, call: Callable[[], str]) -> tuple[Cost, str]:
        """What a call cost and what was wrong with its answer: of several tries the best, while it is over a limit."""
        self._pulse.reset()
        cpu, begun = self._server.cpu(), time.monotonic()
        wrong = call()
        wall = time.monotonic() - begun
        livez = self._pulse.slowest()
        return Cost(self._server.cpu() - cpu, wall, livez), wrong

    def sent(self, head: bytes, body: bytes) -> tuple[int, bytes]:
        """HTTP status and body of the answer to octets as they are; status 0 when the connection was closed instead."""
        with socket.create_connection(("127.0.0.1", self._server.port), timeout=DEADLINE) as connection:
            with contextlib.suppress(ConnectionError):  # where it is answered before all of it was read
                connection.sendall(head + body)
            reader = http.client.HTTPResponse(connection)
            try:
                reader.begin()
                return reader.status, reader.read()
            except (http.client.HTTPException, ConnectionError):
                return 0, b""

    def asked(self, path: str, method: str = "GET", body: bytes | None = None) -> tuple[int, bytes]:
        """HTTP status and body of an answer of the admin port."""
        connection = http.client.HTTPConnection("127.0.0.1", self._server.admin_port, timeout=DEADLINE)
        headers = {"Host": "127.0.0.1", **({} if body is None else {"Content-Type": "application/json"})}
        connection.request(method, path, body, headers)
        with connection.getresponse() as answer:
            read = answer.status, answer.read()
        connection.close()
        return read

    def item(self, path: str) -> dict[str, object]:
        """A document of the admin port."""
        status, body = self.asked(path)
        assert status == 200, f"{path} is HTTP {status}: {body[:200]!r}"
        found: dict[str, object] = json.loads(body)
        return found


class Assault:
    """All of the corpus against one server."""

    def __init__(self, server: Server, pulse: Pulse, customer: Customer) -> None:
        self._client = Client(server, pulse)
        self._customer = customer
        self._wrong = ""

    def run(self, sizes: Sequence[int], bodies: Sequence[Attack], heads: Sequence[Head]) -> Iterator[Outcome]:
        """Every input at every size in every way, one after the other."""
        for size in sizes:
            ordinary = Attack("a packet in order", padded, 1)
            base = {view: self._best(call, None).cpu for view, call in self._views(ordinary, size)}
            base["pages"] = self._best(partial(self._look, "/?account=default"), None).cpu
            for count, attack in enumerate(bodies, 1):
                for view, call in self._views(attack, size):
                    yield self._outcome(attack.name, view, size, base[view], call)
                if count % ON_A_PAGE == 0 or count == len(bodies):
                    for account in ("default", "*"):
                        look = partial(self._look, f"/?account={account}")
                        yield self._outcome(f"{attack.name}, and before", "pages", size, base["pages"], look)
            for head in heads:
                yield self._outcome(head.name, "head", size, base["sent"], partial(self.send_head, head, size))

    def send(self, attack: Attack, body: bytes) -> str:
        """Sends the body of an input; what was wrong with the answer."""
        lines = ["POST /dave/io HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *attack.headers, "", ""]
        status, answer = self._client.sent("\r\n".join(lines).encode(), body)
        if status != 200:
            return f"HTTP {status} instead of an answer"
        code = json.loads(answer)["RESULT_CODE"]
        return "" if code == attack.code else f"RESULT_CODE is {code:#x} instead of {attack.code:#x}"

    def send_head(self, head: Head, size: int) -> str:
        """Sends a hostile head; what was wrong with the answer."""
        body = padded(KIB)
        octets = b"POST %b HTTP/1.1\r\nHost: localhost\r\n%bContent-Length: %d\r\n\r\n"
        status, _ = self._client.sent(octets % (head.target(size), head.headers(size), len(body)), body)
        return "" if status in head.statuses else f"HTTP {status} instead of one of {sorted(head.statuses)}"

    def _views(self, attack: Attack, size: int) -> Iterator[tuple[str, Callable[[], str]]]:
        """What is done with an input: its name, and a call that says what was wrong with the answer."""
        body = attack.make(size)
        yield "sent", lambda: self.send(attack, body)
        account, number = self._newest()
        self._wait_for_pushes()
        whose = f"account={account}"
        for view, path in (
            ("list", f"/api/v1/requests?{whose}&limit=1"),
            ("alone", f"/api/v1/requests/{number}?{whose}"),
            ("explained", f"/api/v1/explain?{whose}&request={number}"),
            ("page", f"/requests/{number}?{whose}"),
        ):
            yield view, lambda path=path: self._look(path)
        asked = msgspec.json.encode({"body_base64": base64.b64encode(body).decode()})
        yield "asked", lambda: self._look("/api/v1/explain", "POST", asked, {200, 413})
        yield "answered", lambda: self._report(body)

    def _outcome(self, name: str, view: str, size: int, base: float, call: Callable[[], str]) -> Outcome:
        allowed = base * MOST_CPU
        cost = self._best(call, allowed)
        return Outcome(name, view, size, cost, allowed, self._wrong)

    def _best(self, call: Callable[[], str], allowed: float | None) -> Cost:
        """The cost of a call: that of the first try if it is within the limits, else of the best of all tries."""
        cost, self._wrong = self._client.measured(call)
        for _ in range(TRIES - 1):
            within = allowed is not None and cost.cpu <= max(allowed, LEAST_CPU) and cost.livez <= LONGEST_LIVEZ
            if within or self._wrong:
                break
            again, self._wrong = self._client.measured(call)
            cost = Cost(min(cost.cpu, again.cpu), min(cost.wall, again.wall), min(cost.livez, again.livez))
        return cost

    def _look(
        self, path: str, method: str = "GET", body: bytes | None = None, statuses: Collection[int] = (200,)
    ) -> str:
        status, answer = self._client.asked(path, method, body)
        return "" if status in statuses else f"{method} {path[:60]} is HTTP {status}: {answer[:80]!r}"

    def _report(self, answer: bytes) -> str:
        """A message whose report the customer answers with this, and the report as it is shown then."""
        self._customer.answer = answer
        sent = json.loads(self._client.sent(*_request(padded(KIB)))[1])
        uid = sent["DETAIL_LIST"][0]["SMS_UID"]
        path = f"/api/v1/reports/wait?account=default&q=uid:{uid}+-outcome:pending&timeout=10s"
        status, body = self._client.asked(path)
        if status != 200:
            return f"no report of {uid} within 10 s: HTTP {status}"
        outcome = json.loads(body)["items"][0]["outcome"]
        return "" if outcome == "answered" else f"the report is {outcome}"

    def _wait_for_pushes(self) -> None:
        """Returns when every report has been pushed: what that costs is not the cost of a view."""
        until = time.monotonic() + DEADLINE
        while self._client.item("/api/v1/reports/pending?account=default&limit=1")["total"]:
            assert time.monotonic() < until, "reports are still pending"
            time.sleep(0.002)

    def _newest(self) -> tuple[str, int]:
        """Account and number of the newest request."""
        newest = []
        for account in ("default", "*"):
            items = self._client.item(f"/api/v1/requests?account={account}&limit=1")["items"]
            newest += [(item["id"], account) for item in items]  # type: ignore[attr-defined]
        number, account = max(newest)
        return account, number


def _request(body: bytes) -> tuple[bytes, bytes]:
    return b"POST /dave/io HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body), body


@contextmanager
def attacked(folder: Path) -> Iterator[tuple[Server, Pulse, Customer]]:
    """A server of its own, somebody who asks it `/livez`, and a customer whom it pushes its reports to."""
    customer = Customer()
    customer.start()
    with serving(folder, _CONFIG.format(journal=JOURNAL // MIB, port=customer.port)) as server:
        pulse = Pulse(server)
        pulse.start()
        try:
            yield server, pulse, customer
        finally:
            pulse.stop()
            customer.stop()


def main(arguments: Sequence[str] | None = None) -> int:
    """Attacks, prints what came of it, and returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--only", metavar="WORDS", default="", help="inputs whose name holds these words")
    parser.add_argument(
        "--size", type=int, action="append", metavar="OCTETS", help="size of the inputs; 64 KiB and 1 MiB"
    )
    parser.add_argument("--all", action="store_true", help="print every outcome, not only what did not hold")
    chosen = parser.parse_args(arguments)
    os.sched_setaffinity(0, {Cores.available().load})
    bodies = [attack for attack in BODIES if chosen.only in attack.name]
    heads = [head for head in HEADS if chosen.only in head.name]
    begun = time.monotonic()
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="cloudsms-attack-") as folder, attacked(Path(folder)) as stage:
        server, pulse, customer = stage
        assault = Assault(server, pulse, customer)
        before = server.memory
        for outcome in assault.run(chosen.size or SIZES, bodies, heads):
            outcomes.append(outcome)
            if outcome.complaints or chosen.all:
                print(line_of(outcome), flush=True)
        after = server.memory
    print(summary_of(outcomes, before, after, time.monotonic() - begun))
    return (
        1 if any(outcome.complaints for outcome in outcomes) or after - before > JOURNAL + MEMORY_BESIDE_JOURNAL else 0
    )


def line_of(outcome: Outcome) -> str:
    """One outcome in a line."""
    cost = outcome.cost
    told = "; ".join(outcome.complaints) or "held"
    where = f"{outcome.name}, {outcome.size // KIB} KiB, {outcome.view}"
    return (
        f"{where:75} {cost.cpu * 1000:7.1f} ms CPU {cost.wall * 1000:7.1f} ms {cost.livez * 1000:6.1f} ms livez  {told}"
    )


def summary_of(outcomes: Sequence[Outcome], before: int, after: int, took: float) -> str:
    """What is to be known of all of them: how many, how many were wrong, the slowest against the median, memory."""
    slowest = max(outcomes, key=lambda outcome: outcome.cost.wall)
    livez = max(outcomes, key=lambda outcome: outcome.cost.livez)
    dearest = max(outcomes, key=lambda outcome: outcome.cost.cpu / max(outcome.allowed, LEAST_CPU))
    median = statistics.median(outcome.cost.wall for outcome in outcomes)
    names = {outcome.name for outcome in outcomes if outcome.view != "pages"}
    return "\n".join(
        (
            f"{len(names)} inputs, {len(outcomes)} answers; {sum(bool(outcome.wrong) for outcome in outcomes)} wrong, "
            f"{sum(bool(outcome.complaints) for outcome in outcomes)} did not hold. Took {took:.0f} s.",
            f"slowest answer {slowest.cost.wall * 1000:.1f} ms ({_where(slowest)}), median {median * 1000:.1f} ms",
            f"slowest /livez {livez.cost.livez * 1000:.1f} ms ({_where(livez)}); "
            f"{LONGEST_LIVEZ * 1000:.0f} ms are allowed",
            f"dearest {dearest.cost.cpu / (dearest.allowed / MOST_CPU):.1f} times the CPU of a packet in order "
            f"({_where(dearest)}); {MOST_CPU} are allowed",
            f"memory {before / MIB:.0f} MiB before, {after / MIB:.0f} MiB after; "
            f"{(JOURNAL + MEMORY_BESIDE_JOURNAL) / MIB:.0f} MiB more are allowed",
        )
    )


def _where(outcome: Outcome) -> str:
    return f"{outcome.name}, {outcome.size // KIB} KiB, {outcome.view}"


if __name__ == "__main__":
    sys.exit(main())
