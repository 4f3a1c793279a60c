"""The admin API, on a port of its own: what happened, and the clocks, as JSON."""
