"""The types `datetime` and `date`, the true ones, whatever a test of our users did to those of Python.

freezegun puts classes of its own in the place of `datetime.datetime` and `datetime.date`, in every module, as long as a
test freezes the time. A module that is imported meanwhile would have those for good, and msgspec can neither read nor
write them. So every module takes the two from here, where they are looked up each time; and code that makes a moment
when it runs says `moments.datetime`, since the name in its own module may be replaced by then.

This module lies below all packages and binds neither name itself: nothing may be merged into it.

Spec: General Parameters, TIME.
"""

import datetime as _python
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from datetime import date as date
    from datetime import datetime as datetime
else:

    def __getattr__(name):
        if name not in ("date", "datetime"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(_True, name)


class _True:
    # What msgspec makes when it reads a moment, for which it asks Python's own C code.
    datetime = type(msgspec.msgpack.decode(b"\xd6\xff\0\0\0\0"))
    date = datetime.__mro__[1]


def are_replaced() -> bool:
    """Whether those in Python's own `datetime` are others now."""
    return _python.datetime is not _True.datetime


@contextmanager
def in_datetime() -> Iterator[None]:
    """Has Python's own `datetime` the true ones for the length of a block, in which a library learns them that keeps
    what it finds there at first."""
    found = {name: getattr(_python, name) for name in ("date", "datetime")}
    try:
        for name in found:
            setattr(_python, name, getattr(_True, name))
        yield
    finally:
        for name, kind in found.items():
            setattr(_python, name, kind)
