"""Stories that have to end well in an event loop of either kind, uvloop's and asyncio's."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial

import pytest
from patience import STORY

from cloudsms_simulator.net.runtime import new_event_loop

Story = Coroutine[None, None, None]
Run = Callable[[Story], None]


@pytest.fixture(params=["uvloop", "asyncio"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a story in an event loop of either kind; one that does not end in time has failed."""
    if request.param == "uvloop":
        pytest.importorskip("uvloop")

    def tell(story: Story) -> None:
        with asyncio.Runner(loop_factory=partial(new_event_loop, prefer_uvloop=request.param == "uvloop")) as runner:
            runner.run(asyncio.wait_for(story, STORY))

    return tell


async def unheeded(story: Story) -> None:
    """A story whose servers do to their connections what event loops complain of."""
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    await story
