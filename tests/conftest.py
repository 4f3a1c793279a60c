"""What every test gets: how hard Hypothesis tries, and a stage on which a simulator's parts play together."""

import logging
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# Machines of CI are slow and noisy: no deadline for an example. `fuzz` is run again and again, each time elsewhere.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.register_profile("fuzz", settings.get_profile("default"), derandomize=False, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


pytest_plugins = ("simulator_stage",)


@pytest.fixture(autouse=True)
def _log_of_simulators() -> Iterator[None]:
    """Tests read it, even where the fixture of the session keeps its simulator quiet."""
    log = logging.getLogger("cloudsms_simulator")
    level = log.level
    log.setLevel(logging.NOTSET)
    yield
    log.setLevel(level)
