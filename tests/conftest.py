"""What every test gets: how hard Hypothesis tries."""

import os

from hypothesis import HealthCheck, settings

# Machines of CI are slow and noisy: no deadline for an example. `fuzz` is run again and again, each time elsewhere.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.register_profile("fuzz", settings.get_profile("default"), derandomize=False, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
