"""`Client`, which blocks, and `AsyncClient`, which is awaited: the admin API as seen from one account.

Every operation is written once, in `Api` or in a resource; `AsyncClient` has the same ones to await. `of(name)` is
the same API as seen from another account.
"""

from base64 import b64encode
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import TYPE_CHECKING, Generic, Self

import msgspec

from cloudsms_simulator.client.errors import UnreadableError
from cloudsms_simulator.client.operation import (
    API_ROOT,
    Call,
    Calls,
    CallSequence,
    DriverT_co,
    Resource,
    json_body,
    operation,
)
from cloudsms_simulator.client.resources import (
    Accounts,
    Clocks,
    Faults,
    Messages,
    Reports,
    Requests,
    Rules,
    ScenarioResource,
    SinkResource,
)
from cloudsms_simulator.client.transport import AsyncHttpDriver, BlockingHttpDriver, Event
from cloudsms_simulator.models.account import AccountItem
from cloudsms_simulator.models.journal import SentItem
from cloudsms_simulator.models.server import Certs, Info, Json, Page

if TYPE_CHECKING:
    from cloudsms_simulator.engine.billing import TextBill
    from cloudsms_simulator.models.explanation import Explanation

ADMIN_URL = "http://127.0.0.1:61816"
"""Where the admin API of a server is that nobody configured."""


class Api(Resource[DriverT_co], Generic[DriverT_co]):
    """The admin API as seen from one account."""

    def __init__(self, driver: DriverT_co, account: str = "default") -> None:
        super().__init__(driver)
        self.account = account
        self.accounts = Accounts(driver)
        self.messages = Messages(driver, account)
        self.requests = Requests(driver, account)
        self.reports = Reports(driver, account)
        self.clock = Clocks(driver, account)
        self.rules = Rules(driver, account)
        self.faults = Faults(driver, account)
        self.scenarios = ScenarioResource(driver, account)
        self.sink = SinkResource(driver, account)

    def of(self, account: str) -> "Api[DriverT_co]":
        """The same API as seen from another account; of `*` only the requests, those that are nobody's."""
        return Api(self._driver, account)

    @operation
    def info(self) -> CallSequence[Info]:
        """What the server is, and what it has."""
        return Call("GET", f"{API_ROOT}/info", Info)

    @operation
    def certs(self) -> CallSequence[Certs]:
        """The authority to trust, and the customer's certificate and key, as PEM."""
        return Call("GET", f"{API_ROOT}/certs", Certs)

    @operation
    def readings(self) -> CallSequence[Json]:
        """Where the specification is silent, what is done; and every rule a finding may have."""
        return Call("GET", f"{API_ROOT}/readings", Json)

    @operation
    def explain(
        self,
        request: int | None = None,
        *,
        body: Mapping[str, object] | str | bytes | None = None,
        peer: str | None = None,
    ) -> "CallSequence[Explanation]":
        """Why an exchange went as it did, the newest unless said; or what would happen to a packet or another body.

        The body may be a text or octets; whitelists are asked about it when it comes from the address of a `peer`.
        """
        from cloudsms_simulator.models.explanation import Explanation

        query = {"account": self.account}
        if body is None:
            said = query if request is None else {**query, "request": str(request)}
            return Call("GET", f"{API_ROOT}/explain", Explanation, said)
        wanted: dict[str, object] = (
            {"body_base64": b64encode(body).decode()} if isinstance(body, bytes) else {"body": body}
        )
        if peer is not None:
            wanted["peer"] = peer
        return Call("POST", f"{API_ROOT}/explain", Explanation, query, json_body(wanted))

    @operation
    def segments(
        self,
        text: str,
        *,
        signature: str | None = None,
        signature_type: int | None = None,
        country: int | None = None,
        counting: str | None = None,
    ) -> "CallSequence[TextBill]":
        """How a text is encoded, cut and billed; with `country` at the account's price."""
        from cloudsms_simulator.engine.billing import TextBill

        said = {
            "text": text,
            "signature": signature,
            "signature_type": signature_type,
            "country": country,
            "counting": counting,
        }
        wanted = {key: value for key, value in said.items() if value is not None}
        return Call("POST", f"{API_ROOT}/segments", TextBill, {"account": self.account}, json_body(wanted))

    @operation
    def send(
        self,
        to: str | Sequence[str] | None = None,
        text: str | None = None,
        *,
        packet: Mapping[str, object] | str | None = None,
        country: int | None = None,
        sender: str | None = None,
        signature: str | None = None,
        signature_type: int | None = None,
        route: str | None = None,
        priority: int | None = None,
        version: str | None = None,
        customer_body: Mapping[str, object] | None = None,
    ) -> CallSequence[SentItem]:
        """Sends for the account, whose AUTH_KEY the server puts in: a text to some numbers, or a packet as it is.

        What comes back says how it went, also of a refusal.
        """
        said = {
            "to": [to] if isinstance(to, str) else to,
            "text": text,
            "packet": packet,
            "country": country,
            "sender": sender,
            "signature": signature,
            "signature_type": signature_type,
            "route": route,
            "priority": priority,
            "version": version,
            "customer_body": customer_body,
        }
        wanted = {key: value for key, value in said.items() if value is not None}
        return Call("POST", f"{API_ROOT}/send", SentItem, {"account": self.account}, json_body(wanted))

    @operation
    def reset(self) -> Calls[list[AccountItem]]:
        """Every account as it was created; those made over the API are deleted."""
        page = yield from Call("POST", f"{API_ROOT}/reset", Page[AccountItem])
        return list(page.items)

    @operation
    def state(self) -> CallSequence[Json]:
        """Everything there is, as one document. It holds whole AUTH_KEYs."""
        return Call("GET", f"{API_ROOT}/state", Json, seconds=60)

    @operation
    def put_state(self, document: Mapping[str, object]) -> CallSequence[None]:
        """Puts such a document in the place of everything there is."""
        return Call("PUT", f"{API_ROOT}/state", body=msgspec.json.encode(document), seconds=60)

    @operation
    def ready(self) -> Calls[bool]:
        """Whether both ports serve."""
        try:
            yield from Call[bytes]("GET", "/readyz")
        except UnreadableError:
            return False
        return True


class Client(Api[BlockingHttpDriver]):
    """A client that blocks. May be used by several threads."""

    def __init__(self, url: str = ADMIN_URL, token: str | None = None, account: str = "default") -> None:
        super().__init__(BlockingHttpDriver(url, token), account)

    def events(self, *accounts: str) -> AbstractContextManager[Iterator[Event]]:
        """What happens from now on, to this client's account unless others are named: `with client.events() as …`."""
        return self._driver.events(*(accounts or (self.account,)))

    def close(self) -> None:
        """Lets go of its connections."""
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClient(Api[AsyncHttpDriver]):
    """A client that is awaited. Belongs to one event loop, unless it is told to `keep_alive` no connection."""

    def __init__(
        self, url: str = ADMIN_URL, token: str | None = None, account: str = "default", *, keep_alive: bool = True
    ) -> None:
        super().__init__(AsyncHttpDriver(url, token, keep_alive=keep_alive), account)

    def events(self, *accounts: str) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        """What happens from now on, to this client's account unless others are named: `async with client.events()`."""
        return self._driver.events(*(accounts or (self.account,)))

    async def aclose(self) -> None:
        """Lets go of its connections."""
        await self._driver.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
