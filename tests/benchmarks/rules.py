"""Rules: a send that a hundred rules look at, against one that none does."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import floors
import load
from effort import Effort
from packets import SINGLE
from processes import Cores
from rounds import Comparison, afresh, compare, rate_of
from servers import simulator

RULES = 100


def rules(effort: Effort, cores: Cores, folder: Path) -> Iterator[floors.Row]:
    """Plain HTTP, by wrk. No rule fits, so every one of them is looked at for every message."""
    scenario = folder / "hundred.yaml"
    scenario.write_text(_scenario())
    apart = folder / "apart"
    apart.mkdir()

    def compared(stack: ExitStack) -> Comparison:
        ruled = stack.enter_context(simulator(cores.server, folder, None, "--scenario", str(scenario)))
        plain = stack.enter_context(simulator(cores.server, apart, None))
        return compare(
            effort.rounds_each,
            partial(load.run, ruled, SINGLE, effort.seconds, cores, folder),
            partial(load.run, plain, SINGLE, effort.seconds, cores, apart),
        )

    seen = afresh(effort.programs, compared)
    detail = f"{RULES} rules {rate_of(seen.ours)}, none {rate_of(seen.theirs)}; {seen.detail}"
    yield floors.Row(floors.RULES, 1 / seen.by_cpu, detail, 1 / seen.on_the_wall)


def _scenario() -> str:
    """Rules as people write them: by number, by text, by both."""
    matches = ('to: "8526{0:03}*"', 'content: {{ contains: "word{0}" }}', 'to: "65{0:03}*", route: "Marketing_*"')
    lines = ["version: 1", "name: hundred", "rules:"]
    for index in range(RULES):
        match = matches[index % len(matches)].format(index)
        lines.append(f"  - {{ id: rule-{index}, match: {{ {match} }}, reply: Busy }}")
    return "\n".join([*lines, ""])
