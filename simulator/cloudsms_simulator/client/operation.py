"""An operation: something a client can do, written once, for clients that block and for those that are awaited.

A function below `@operation` returns a `Call`, one request and the type its answer is read as, or is a generator that
yields calls and is sent their answers: `answer = yield from call` has the type that the call says. It does no input
and no output. The driver of the resource it is called on runs the calls; the driver's type decides what the method
gives back: a value, an awaitable, or, on `Unbound`, the calls themselves, for another operation to yield from.

`json_body`, `json_duration` and `path_segment` write bodies, durations and names as the API reads them.
"""

import functools
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Concatenate, Generic, ParamSpec, Protocol, Self, TypeVar, cast, overload
from urllib.parse import quote

import msgspec

from cloudsms_simulator import moments
from cloudsms_simulator.client.errors import Close, RefusedError, UnreadableError, VerifyError, WaitError
from cloudsms_simulator.models.durations import duration_text, read_duration_or_seconds
from cloudsms_simulator.models.journal import CloseItem, VerifyProblem, WaitProblem
from cloudsms_simulator.models.server import Json, Problem

Duration = timedelta | str | float
"""A timedelta, a text such as "3s" or "PT25H", or a number of seconds."""

API_ROOT = "/api/v1"


def json_duration(duration: Duration) -> str | float:
    """A duration as the API reads it. Raises ValueError for a negative one."""
    if not isinstance(duration, timedelta):
        return duration
    if duration < timedelta(0):
        raise ValueError(f"got {duration}, want a duration that is not negative")
    return duration_text(duration)


def duration_seconds(duration: Duration) -> float:
    """A duration in seconds; 0 for a text that is none: the API answers what would be right."""
    if isinstance(duration, timedelta):
        return duration.total_seconds()
    try:
        return read_duration_or_seconds(duration).total_seconds()
    except ValueError:
        return 0.0


def json_values(values: Mapping[str, object]) -> dict[str, object]:
    """The values of a body as JSON has them: timedeltas as durations, moments as ISO 8601."""
    return {key: _json_value(value) for key, value in values.items()}


def json_body(values: Mapping[str, object]) -> bytes:
    """A JSON object; decimals are written as texts, so they stay exact. Raises TypeError for what JSON cannot hold."""
    return msgspec.json.encode(json_values(values))


def path_segment(name: str | int) -> str:
    """A name as one segment of a path, percent-encoded."""
    return quote(str(name), safe="")


def _json_value(value: object) -> object:
    if isinstance(value, timedelta):
        return json_duration(value)
    if isinstance(value, moments.datetime):
        return value.isoformat()  # which subclasses have too, freezegun's and pandas' among them
    if isinstance(value, Mapping):
        return {str(key): _json_value(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(entry) for entry in value]
    return value


T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_LONGEST_EXCERPT = 200


class CallSequence(Protocol[T_co]):
    """Calls to make one after another, and the result of all. A single `Call` is one too."""

    def __iter__(self) -> Generator["Call[object]", object, T_co]:
        """Yields each call, and must be sent its answer, or thrown the error it ended with; returns the result."""
        ...


Calls = Generator["Call[object]", object, T]
"""A `CallSequence` as a generator function makes it."""


class Call(msgspec.Struct, Generic[T], frozen=True):
    """One request; `kind` is the type its answer is read as, None to return the octets of the body, if any."""

    method: str
    path: str
    kind: type[T] | None = None
    query: Mapping[str, str | int] = {}
    body: bytes | None = None
    seconds: float = 0
    """How many seconds of wall time the server may be busy with it."""
    media_type: str = "application/json"

    def __iter__(self) -> Generator["Call[object]", object, T]:
        __tracebackhide__ = True
        return cast("T", (yield cast("Call[object]", self)))

    def read(self, status: int, body: bytes) -> T:
        """The answer, read. Raises RefusedError when it is a refusal, UnreadableError when it cannot be read."""
        __tracebackhide__ = True
        if not 200 <= status <= 299:
            raise _refusal(self, status, body)
        if self.kind is None:
            return cast("T", body or None)
        try:
            return msgspec.json.decode(body, type=self.kind)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise UnreadableError(f"{self.method} {self.path}: cannot read the answer: {error}") from error


_PROBLEMS: tuple[type[Problem], ...] = (WaitProblem[Json], VerifyProblem[Json], Problem)
"""The kinds of problems, those with more members first."""


def _refusal(call: Call[T], status: int, body: bytes) -> Exception:
    problem = _problem_in(body)
    if problem is None:
        shown = body[:_LONGEST_EXCERPT].decode("utf-8", "replace")
        return UnreadableError(
            f"{call.method} {call.path}: HTTP {status}; is this an admin port of the simulator? {shown}"
        )
    if isinstance(problem, WaitProblem):
        closest = _closest(problem.closest)
        return WaitError(
            problem.detail, problem.count, problem.total, problem.evicted, closest, in_vain=problem.in_vain
        )
    if isinstance(problem, VerifyProblem):
        return VerifyError(problem.detail, problem.total, problem.evicted, _closest(problem.closest))
    problems = () if problem.problems is msgspec.UNSET else problem.problems
    return RefusedError(status, problem.title, problem.detail, problems)


def _problem_in(body: bytes) -> Problem | None:
    for kind in _PROBLEMS:
        with suppress(msgspec.MsgspecError, UnicodeDecodeError):
            return msgspec.json.decode(body, type=kind)
    return None


def _closest(closest: tuple[CloseItem[Json], ...]) -> tuple[Close, ...]:
    return tuple(Close(each.item, each.misses) for each in closest)


ResultT = TypeVar("ResultT")
ResourceT_contra = TypeVar("ResourceT_contra", bound="Resource[Driver | Unbound]", contravariant=True)
P = ParamSpec("P")


class Driver(Protocol):
    """Runs calls."""

    def run(self, calls: CallSequence[ResultT]) -> ResultT | Awaitable[ResultT]:
        """The result of the calls, now or when it is awaited."""
        ...


class BlockingDriver(Protocol):
    """A driver that blocks until the calls are done."""

    def run(self, calls: CallSequence[ResultT]) -> ResultT:
        """Runs the calls and returns their result."""
        ...


class AsyncDriver(Protocol):
    """A driver that is awaited."""

    def run(self, calls: CallSequence[ResultT]) -> Awaitable[ResultT]:
        """Runs the calls when it is awaited, and returns their result."""
        ...


class Unbound:
    """In place of a driver: operations return their calls, for another operation to yield from."""

    def run(self, calls: CallSequence[ResultT]) -> CallSequence[ResultT]:
        """Returns the calls as they are."""
        return calls


DriverT_co = TypeVar("DriverT_co", bound="Driver | Unbound", covariant=True)


class Resource(Generic[DriverT_co]):
    """Something that has operations, and the driver that runs their calls."""

    def __init__(self, driver: DriverT_co) -> None:
        self._driver = driver


class operation(Generic[ResourceT_contra, P, ResultT]):  # noqa: N801 - it is used as a decorator
    """Decorator: makes a method that runs the calls of a function on the driver of its resource."""

    def __init__(self, of: Callable[Concatenate[ResourceT_contra, P], CallSequence[ResultT]]) -> None:
        self._of = of
        self.__doc__ = of.__doc__

    @overload
    def __get__(self, resource: None, owner: type) -> Self: ...
    @overload
    def __get__(self, resource: Resource[Unbound], owner: type) -> Callable[P, CallSequence[ResultT]]: ...
    @overload
    def __get__(self, resource: Resource[BlockingDriver], owner: type) -> Callable[P, ResultT]: ...
    @overload
    def __get__(self, resource: Resource[AsyncDriver], owner: type) -> Callable[P, Awaitable[ResultT]]: ...
    def __get__(self, resource: Resource[Driver | Unbound] | None, owner: type) -> object:
        """The operation itself on the class; on a resource, a method that runs it."""
        if resource is None:
            return self
        of, driver, bound = self._of, resource._driver, cast("ResourceT_contra", resource)

        @functools.wraps(of)
        def method(*args: P.args, **kwargs: P.kwargs) -> object:
            __tracebackhide__ = True
            return driver.run(of(bound, *args, **kwargs))

        return method
