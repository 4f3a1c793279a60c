"""What every test gets: how hard Hypothesis tries, a stage on which a simulator's parts play together, and processes
that start as fast as they can.
"""

import logging
import os
import sys
from collections.abc import Iterator
from importlib import import_module

import pytest
from hypothesis import HealthCheck, settings

# Machines of CI are slow and noisy: no deadline for an example. `fuzz` is run again and again, each time elsewhere.
settings.register_profile(
    "default", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True, max_examples=50
)
settings.register_profile("fuzz", settings.get_profile("default"), derandomize=False, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

pytest_plugins = ("both_loops", "collection", "simulator_stage")

# Containers like to set it. Hundreds of processes start here, and each would compile all that it imports.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# Java spends most of a short run on making itself fast for a long one.
os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")


STORES = {
    "hesitant": ("hesitant_store", "HesitantStore"),
    "sqlite": ("durable_stores", "SqliteStore"),
    "postgresql": ("durable_stores", "PostgresStore"),
}
"""Stores that may take the place of the memory store, by what `--store-kind` calls them."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--store-kind",
        choices=STORES,
        help="have every simulator and stage keep it in a store that waits and decides twice, or in a database",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Puts another store in the place of the memory store, for those that make one themselves."""
    kind = config.getoption("--store-kind")
    if kind is not None:
        import simulator_stage

        from cloudsms_simulator import simulator

        module, name = STORES[kind]
        simulator_stage.MemoryStore = simulator.MemoryStore = getattr(import_module(module), name)


@pytest.fixture(autouse=True)
def _log_of_simulators() -> Iterator[None]:
    """Tests read it, even where the fixture of the session keeps its simulator quiet."""
    log = logging.getLogger("cloudsms_simulator")
    level = log.level
    log.setLevel(logging.NOTSET)
    yield
    log.setLevel(level)
