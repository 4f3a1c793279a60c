"""What schemathesis is told of this API: nobody waits for an hour, or for ten seconds, in a test."""

import schemathesis

from cloudsms_simulator.models.durations import read_duration_or_seconds


@schemathesis.hook
def before_call(_context: object, case: schemathesis.Case, _how: object) -> None:
    """Cuts every time-out that is one to 10 ms; what is none stays, since it must be refused."""
    path = case.operation.path
    if path.endswith("/wait"):
        said = case.query if case.method == "GET" else case.body
    elif path.endswith(("/advance", "/run-until-idle")):
        said = case.body
    else:
        return
    if isinstance(said, dict):
        try:
            read_duration_or_seconds(said.get("timeout", "30s"))
        except (ValueError, TypeError):
            return
        said["timeout"] = "10ms"
