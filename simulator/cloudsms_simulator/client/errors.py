"""Errors of the control client: nobody answers, a refusal, a wait that got too little.

`ApiError` is the base of all. `UnreachableError` (nobody answers; `SilentError`: not in time), `UnreadableError`
(the answer is not that of this version's admin API), and `RefusedError` with `detail` and `problems`, of which
`WaitError` and `VerifyError` say what came close.
"""

from collections.abc import Mapping

from cloudsms_simulator.models.journal import CloseItem


class Close(CloseItem[Mapping[str, object]], frozen=True):
    """What came close to what was looked for: a message, a request or a report as the API shows it."""

    @property
    def name(self) -> str:
        """What it is called: `message 05F…`, `request 3`, `report 05F…-1`."""
        if "due_at" in self.item:
            return f"report {self.item['id']}"
        return f"request {self.item['id']}" if "kind" in self.item else f"message {self.item.get('uid')}"


class ApiError(Exception):
    """The simulator did not do what it was asked."""


class UnreachableError(ApiError):
    """Nobody answers, or not in time."""


class SilentError(UnreachableError):
    """Somebody is there, and does not answer in time."""


class UnreadableError(ApiError):
    """Somebody answers, but not as the simulator's admin API of this version does."""


class RefusedError(ApiError):
    """The simulator refused: `detail` says why and what would be right, `problems` one by one where there are many."""

    def __init__(self, status: int, title: str, detail: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.title = title
        self.detail = detail
        self.problems = problems


class WaitError(RefusedError):
    """A wait got too little. `in_vain`: only the account's clock keeps it from coming; advance that first."""

    def __init__(
        self, detail: str, count: int, total: int, evicted: int, closest: tuple[Close, ...], *, in_vain: bool
    ) -> None:
        super().__init__(408, "in vain" if in_vain else "timed out", detail)
        self.count = count
        self.total = total
        self.evicted = evicted
        self.closest = closest
        self.in_vain = in_vain


class VerifyError(RefusedError):
    """The requests that came are not those expected; `total` is how many there were."""

    def __init__(self, detail: str, total: int, evicted: int, closest: tuple[Close, ...]) -> None:
        super().__init__(409, "not as expected", detail)
        self.total = total
        self.evicted = evicted
        self.closest = closest
