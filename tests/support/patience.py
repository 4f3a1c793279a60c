"""How long a test waits for what has to come until it counts as failed, in seconds.

No test takes longer for it: it goes on as soon as the fact is there. A loaded machine may be thirty times as slow as an
idle one, so these are long, and shorter than the time pytest-timeout gives a test.
"""

DEADLINE = 100.0
"""For one answer, one file, one line, one process that ends."""
STORY = 240.0
"""For a whole story of many such waits."""
