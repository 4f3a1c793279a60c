"""A call: one request to the admin API, and how its answer is read. It does no input and no output itself.

What takes several calls is written once as steps, a generator that yields calls and is sent what they came back with;
`answer = yield from call` has the type the call says.
"""

from collections.abc import Generator, Mapping
from typing import Generic, Protocol, TypeVar, cast

import msgspec

from cloudsms_simulator.client_errors import (
    Close,
    RefusedError,
    UnreadableError,
    VerifyError,
    WaitError,
)

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_LONGEST_EXCERPT = 200


class Steps(Protocol[T_co]):
    """Calls to make one after another, and what comes of them. A `Call` alone is steps too."""

    def __iter__(self) -> Generator["Call[object]", object, T_co]:
        """Yields each call and wants its answer, or the error it ended with."""
        ...


Going = Generator["Call[object]", object, T]
"""Steps as a generator function makes them."""


class Call(msgspec.Struct, Generic[T], frozen=True):
    """One request; `kind` is what the answer is read as, None for an answer without a body or one to be left alone."""

    method: str
    path: str
    kind: type[T] | None = None
    query: Mapping[str, str | int] = {}
    body: bytes | None = None
    seconds: float = 0
    """How long the server may be busy with it, wall time."""
    media_type: str = "application/json"

    def __iter__(self) -> Generator["Call[object]", object, T]:
        __tracebackhide__ = True
        return cast("T", (yield cast("Call[object]", self)))

    def read(self, status: int, body: bytes) -> T:
        """What the answer says. RefusedError when it is a refusal, UnreadableError when it cannot be read."""
        __tracebackhide__ = True
        if not 200 <= status <= 299:
            raise _refusal(self, status, body)
        if self.kind is None:
            return cast("T", body or None)
        try:
            return msgspec.json.decode(body, type=self.kind)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise UnreadableError(f"{self.method} {self.path}: cannot read the answer: {error}") from error


class _Problem(msgspec.Struct, frozen=True):
    """Every member that some problem has."""

    detail: str
    title: str = ""
    problems: tuple[str, ...] = ()
    count: int = 0
    total: int = 0
    evicted: int = 0
    in_vain: bool = False
    closest: tuple[Close, ...] | None = None


def _refusal(call: Call[T], status: int, body: bytes) -> Exception:
    try:
        told = msgspec.json.decode(body, type=_Problem)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        shown = body[:_LONGEST_EXCERPT].decode("utf-8", "replace")
        return UnreadableError(
            f"{call.method} {call.path}: HTTP {status}; is this an admin port of the simulator? {shown}"
        )
    if told.closest is None:
        return RefusedError(status, told.title, told.detail, told.problems)
    if status == 408:
        return WaitError(told.detail, told.count, told.total, told.evicted, told.closest, in_vain=told.in_vain)
    return VerifyError(told.detail, told.total, told.evicted, told.closest)
