"""Whether a blocking call stands in the way of an event loop, and what to say then."""

import asyncio
import sys

from cloudsms_simulator.client_drivers import BlockingHttp

_ADVICE = (
    "This call blocked the event loop it was made in, so nothing in that loop could send or answer meanwhile: "
    "use `await cloudsms.aio.…` there, which has the same methods."
)


def advice_for(driver: object) -> list[str]:
    """What to say of a call that took too long: nothing, unless it blocked an event loop of this thread."""
    return [_ADVICE] if isinstance(driver, BlockingHttp) and _a_loop_runs() else []


def _a_loop_runs() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _trio_runs()
    return True


def _trio_runs() -> bool:
    # Asked only where trio is imported already: whoever runs it has done that.
    lowlevel = sys.modules.get("trio.lowlevel")
    return lowlevel is not None and bool(lowlevel.in_trio_run())
