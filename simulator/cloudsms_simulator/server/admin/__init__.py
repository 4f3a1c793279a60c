"""The admin API, on a port of its own: what happened, and the clocks, scenarios and rules, as JSON."""
