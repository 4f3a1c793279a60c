"""Rules, faults and scenarios as a client lays them down and takes them back."""

from collections.abc import Mapping

from cloudsms_simulator.client_call import Call, Going, Steps
from cloudsms_simulator.client_items import Json, Page, Rule, Scenarios, Trouble, Used, Verdict
from cloudsms_simulator.client_said import API, body_of, segment_of
from cloudsms_simulator.client_verb import D_co, Resource, Verb


class Rules(Resource[D_co]):
    """What one account goes by: rules and faults, in the order in which they count."""

    _path = f"{API}/rules"

    def __init__(self, driver: D_co, account: str) -> None:
        super().__init__(driver)
        self._query = {"account": account}

    @Verb
    def all(self) -> Going[list[Rule]]:
        """All of them, with how often each decided."""
        page = yield from Call("GET", self._path, Page[Rule], self._query)
        return list(page.items)

    @Verb
    def add(self, definition: Mapping[str, object]) -> Steps[Rule]:
        """Lays down one, with the keys of scenario files, before all others; it takes the place of one of its id."""
        return Call("POST", self._path, Rule, self._query, body_of(definition))

    @Verb
    def remove(self, id: str) -> Going[list[Rule]]:
        """Takes back one that was laid down by itself; what is left."""
        page = yield from Call("DELETE", f"{self._path}/{segment_of(id)}", Page[Rule], self._query)
        return list(page.items)

    @Verb
    def switch(self, id: str, enabled: bool) -> Steps[Rule]:
        """Switches one on or off, the scenario's too, until another scenario is put to use or the account is reset."""
        return Call("POST", f"{self._path}/{segment_of(id)}", Rule, self._query, body_of({"enabled": enabled}))

    @Verb
    def clear(self) -> Going[list[Rule]]:
        """Takes back all that were laid down by themselves; what is left."""
        page = yield from Call("DELETE", self._path, Page[Rule], self._query)
        return list(page.items)

    @Verb
    def unused(self) -> Going[list[Rule]]:
        """Those of the rules and faults that never decided."""
        page = yield from Call("GET", f"{API}/rules/unused", Page[Rule], self._query)
        return list(page.items)


class Faults(Rules[D_co]):
    """The faults among them, and the listeners that have trouble with TLS."""

    _path = f"{API}/faults"

    @Verb
    def troubles(self) -> Going[list[Trouble]]:
        """The listeners that are open."""
        page = yield from Call("GET", f"{API}/faults/tls", Page[Trouble])
        return list(page.items)

    @Verb
    def tls(self, trouble: str) -> Steps[Trouble]:
        """Where a client meets a trouble such as `expired`; opened first, if nobody asked for it before."""
        return Call("POST", f"{API}/faults/tls", Trouble, body=body_of({"trouble": trouble}))


class ScenarioVerbs(Resource[D_co]):
    """The scenarios there are, and the one that an account plays."""

    def __init__(self, driver: D_co, account: str) -> None:
        super().__init__(driver)
        self._query = {"account": account}

    @Verb
    def all(self) -> Steps[Scenarios]:
        """The bundled scenarios, and what the account plays."""
        return Call("GET", f"{API}/scenarios", Scenarios, self._query)

    @Verb
    def use(self, name: str | None = None, *, text: str | None = None, seed: int | None = None) -> Steps[Used]:
        """Puts a bundled scenario to use, or one that is sent as text."""
        said = {"name": name, "text": text, "seed": seed}
        wanted = {key: value for key, value in said.items() if value is not None}
        return Call("POST", f"{API}/scenarios/use", Used, self._query, body_of(wanted))

    @Verb
    def stop(self) -> Steps[Used]:
        """Puts none to use."""
        return Call("POST", f"{API}/scenarios/stop", Used, self._query)

    @Verb
    def validate(self, text: str) -> Steps[Verdict]:
        """Everything that is wrong with the text of a scenario."""
        return Call("POST", f"{API}/scenarios/validate", Verdict, body=body_of({"text": text}))

    @Verb
    def schema(self) -> Steps[Json]:
        """The JSON Schema of scenario files."""
        return Call("GET", f"{API}/scenarios/schema", Json)
