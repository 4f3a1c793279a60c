"""A verb: something a client can do, written once. It blocks on a client that blocks, and is awaited on one that waits.

A verb's function makes steps. What runs them is the driver of the resource it is called on: the type of that decides
what the call gives back.
"""

import functools
from collections.abc import Awaitable, Callable
from typing import Concatenate, Generic, ParamSpec, Protocol, Self, TypeVar, cast, overload

from cloudsms_simulator.client_call import Steps

T = TypeVar("T")
R_contra = TypeVar("R_contra", bound="Resource[Driver | Unrun]", contravariant=True)
P = ParamSpec("P")


class Driver(Protocol):
    """Runs steps."""

    def run(self, steps: Steps[T]) -> T | Awaitable[T]:
        """What comes of the steps, now or when it is awaited."""
        ...


class Blocking(Protocol):
    """A driver that has done it when it returns."""

    def run(self, steps: Steps[T]) -> T:
        """What comes of the steps."""
        ...


class Waiting(Protocol):
    """A driver that is awaited."""

    def run(self, steps: Steps[T]) -> Awaitable[T]:
        """What comes of the steps, once it is awaited."""
        ...


class Unrun:
    """No driver at all: what comes of a verb are its steps, for other steps to go on with."""

    def run(self, steps: Steps[T]) -> Steps[T]:
        """The steps themselves."""
        return steps


D_co = TypeVar("D_co", bound="Driver | Unrun", covariant=True)


class Resource(Generic[D_co]):
    """Something that has verbs, and the driver that runs them."""

    def __init__(self, driver: D_co) -> None:
        self._driver = driver


class Verb(Generic[R_contra, P, T]):
    """A function that makes steps, as a method that has them run."""

    def __init__(self, of: Callable[Concatenate[R_contra, P], Steps[T]]) -> None:
        self._of = of
        self.__doc__ = of.__doc__

    @overload
    def __get__(self, resource: None, owner: type) -> Self: ...
    @overload
    def __get__(self, resource: Resource[Unrun], owner: type) -> Callable[P, Steps[T]]: ...
    @overload
    def __get__(self, resource: Resource[Blocking], owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, resource: Resource[Waiting], owner: type) -> Callable[P, Awaitable[T]]: ...
    def __get__(self, resource: Resource[Driver | Unrun] | None, owner: type) -> object:
        """The verb itself on the class; on a resource, a method that has it run."""
        if resource is None:
            return self
        of, driver, bound = self._of, resource._driver, cast("R_contra", resource)

        @functools.wraps(of)
        def method(*args: P.args, **kwargs: P.kwargs) -> object:
            __tracebackhide__ = True
            return driver.run(of(bound, *args, **kwargs))

        return method
