"""The sender: requests that come from inside the server, on behalf of an account, and take the way of any other.

They are judged, counted, charged, kept and reported like those that come over the wire; their exchanges have no peer.
Who sends them never sees the AUTH_KEY.

Reading: R18.
"""

from collections.abc import Awaitable, Callable

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.arrival import Reply
from cloudsms_simulator.engine.exchange import Exchange
from cloudsms_simulator.protocol.limits import HIGHEST_SERIAL
from cloudsms_simulator.protocol.result_codes import ResultCode
from cloudsms_simulator.server.explanation import with_key
from cloudsms_simulator.server.items import Code, code_item
from cloudsms_simulator.stores.store import Store

Take = Callable[[bytes], Awaitable[tuple[Account | None, Reply]]]
"""Has the platform take a body; whose it is, and its reply."""


class Sent(msgspec.Struct, frozen=True):
    """A request that was sent.

    `exchange` is None when the store failed to keep it. `answer` is what a client would have received, None when a
    fault left nothing of it; `code` is what was decided, whatever became of the answer.
    """

    account: Account | None
    """Whose AUTH_KEY was in the body; None when that was nobody's."""
    exchange: Exchange | None
    code: ResultCode | None
    answer: bytes | None


class SentItem(msgspec.Struct, frozen=True, kw_only=True):
    """What the admin API tells of a request that was sent; the rest is in `/requests`, under its number."""

    request_id: int | None
    account: str | None
    code: Code | None
    answer: str | None
    fault: str | None
    """What befell the answer, or DELAY, which nobody waited for."""
    uids: tuple[str, ...]


class Sender:
    """Sends for accounts."""

    def __init__(self, store: Store, take: Take) -> None:
        self._store = store
        self._take = take
        self.serial = 1
        """The next SERIAL for a packet that is made here."""

    def take_serial(self) -> int:
        """That SERIAL, which is then another: 1 to 65535, and 1 again."""
        taken = self.serial
        self.serial = taken % HIGHEST_SERIAL + 1
        return taken

    async def send(self, account: Account, body: bytes) -> Sent:
        """Sends a body in which `$CLOUDSMS_AUTH_KEY`, or the key's fingerprint, stands for the account's AUTH_KEY.

        A body in which neither stands is sent as it is. Raises nothing: failures have a result code.
        """
        found, reply = await self._take(with_key(body, account))
        exchange = self._store.exchange(found, reply.request_id) if reply.request_id else None
        spoilt = exchange is not None and reply.trouble is not None
        answer = exchange.answer if spoilt and exchange is not None else reply.body
        return Sent(found, exchange, reply.code, answer)


def sent_item(sent: Sent) -> SentItem:
    """What was sent, as the API shows it."""
    exchange = sent.exchange
    return SentItem(
        request_id=None if exchange is None else exchange.id,
        account=None if sent.account is None else sent.account.name,
        code=None if sent.code is None else code_item(sent.code),
        answer=None if sent.answer is None else sent.answer.decode("utf-8", "backslashreplace"),
        fault=None if exchange is None else exchange.fault,
        uids=() if exchange is None else exchange.uids,
    )
