"""The sink of an account as a client sees it: where its reports go, and how they are answered."""

from collections.abc import Mapping, Sequence

from cloudsms_simulator.client_call import Call, Steps
from cloudsms_simulator.client_items import Sink
from cloudsms_simulator.client_said import API, Duration, body_of
from cloudsms_simulator.client_verb import D_co, Resource, Verb


class SinkVerbs(Resource[D_co]):
    """`/sink`."""

    def __init__(self, driver: D_co, account: str) -> None:
        super().__init__(driver)
        self._query = {"account": account}

    @Verb
    def show(self) -> Steps[Sink]:
        """Where it is, how it answers, and what it received. Asking opens it."""
        return Call("GET", f"{API}/sink", Sink, self._query)

    @Verb
    def answer(
        self,
        answer: str | None = None,
        *,
        status: int | None = None,
        body: str | None = None,
        delay: Duration | None = None,
    ) -> Steps[Sink]:
        """How the reports to come are answered: `ok`, `none`, `wrong-serial`, `not-json`, `http-503`, a result code; or
        with a status or a body."""
        said = {"answer": answer, "status": status, "body": body, "delay": delay}
        wanted = {key: value for key, value in said.items() if value is not None}
        return Call("PUT", f"{API}/sink", Sink, self._query, body_of(wanted))

    @Verb
    def answers(self, answers: Sequence[str | Mapping[str, object]]) -> Steps[Sink]:
        """How the next reports are answered, one each, as `answer` says it: `["Busy", {"status": 503}, "ok"]`; the last
        holds for all that follow."""
        return Call("PUT", f"{API}/sink", Sink, self._query, body_of({"sequence": list(answers)}))

    @Verb
    def clear(self) -> Steps[Sink]:
        """Forgets what it received, and has it answer rightly again."""
        return Call("DELETE", f"{API}/sink", Sink, self._query)
