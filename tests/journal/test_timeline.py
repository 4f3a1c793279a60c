"""A chronicle as the API shows it."""

import asyncio
from datetime import timedelta
from decimal import Decimal

from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.explanation import HistoryEntry
from cloudsms_simulator.engine.money import Money
from cloudsms_simulator.journal.views import timeline_item
from cloudsms_simulator.models.journal import TimelineEntry

HOUR = timedelta(hours=1)


def test_entries_are_shown_with_the_walls_moment_where_it_is_known(stage, noon) -> None:
    async def story() -> None:
        here = stage()
        [message] = await here.send()
        amount = Money(Decimal("-0.05"), "USD")
        entries = [
            HistoryEntry(at=noon, kind="debited", text="Money.", amount=amount, request=3),
            HistoryEntry(at=noon + HOUR, kind="retry", text="Later.", report=2, attempt=4, state=99),
        ]
        item = timeline_item(message, entries, Clock(noon, noon - 9 * HOUR, 60.0), noon)
        assert (item.uid, item.account, item.to, item.now) == (message.uid, "default", "85267000011", noon)
        assert not item.settled
        first, second = item.items
        assert first == TimelineEntry(
            at=noon,
            wall_at=None,
            kind="debited",
            text="Money.",
            to_come=False,
            request_id=3,
            report_id=None,
            attempt=None,
            state=None,
            state_name=None,
            amount=amount,
            finding=None,
        )
        assert (second.wall_at, second.to_come) == (noon - 9 * HOUR + HOUR / 60, True)
        assert (second.report_id, second.attempt, second.state_name) == (f"{message.uid}-2", 4, "UNKNOWN")

    asyncio.run(story())
