"""A visit: what one request for a page is about, and how its visitor wants to read."""

from collections.abc import Mapping
from typing import Literal, get_args
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.server.admin.gate import cookie_of
from cloudsms_simulator.server.admin.office import DEFAULT, Office
from cloudsms_simulator.server.admin.searching import NOBODY
from cloudsms_simulator.server.clock_item import ClockItem, clock_item
from cloudsms_simulator.server.inbox.words import LANGUAGES, Language, language_of

Theme = Literal["auto", "light", "dark"]

_YEAR = 365 * 24 * 3600
CHOICES: Mapping[str, tuple[str, ...]] = {"lang": LANGUAGES, "theme": get_args(Theme)}
"""What a visitor may choose in the address, and need not say again."""
COOKIE_AGE = _YEAR
"""Seconds for which a choice is remembered."""


class Visit(msgspec.Struct, frozen=True):
    """One request for a page.

    `scope` is what `?account=` says: the name of an account, `*` for what is nobody's, "" for everything there is.
    """

    path: str
    query: str
    scope: str
    account: Account | None
    """The account that is meant where it has to be one: that of the scope, else `default`, else the first."""
    accounts: tuple[str, ...]
    clock: ClockItem | None
    language: Language
    theme: Theme
    chosen: Mapping[str, str]
    """What was chosen in the address of this request."""
    signed_in: bool = False
    """Whether the browser said the token of the admin port, and can forget it."""

    def url(self, path: str, **parameters: object) -> str:
        """An address within the inbox that keeps the scope, with parameters that are not None."""
        scope = {"account": self.scope} if self.scope else {}
        said = scope | {name: str(value) for name, value in parameters.items() if value not in (None, "")}
        return f"{path}?{urlencode(said)}" if said else path

    def api(self, path: str, account: str | None = None) -> str:
        """An address of the admin API, about the account of the visit unless another is named."""
        name = account if account is not None else None if self.account is None else self.account.name
        return f"/api/v1{path}" + (f"?{urlencode({'account': name})}" if name else "")


def visit_of(office: Office, request: Request) -> Visit:
    """The visit a request is; HTTPException 404 for an account there is not."""
    scope = request.query_params.get("account", "")
    account = office.named(scope) if scope not in ("", NOBODY) else _any(office)
    return msgspec.structs.replace(
        stranger(request),
        query=request.query_params.get("q", ""),
        scope=scope,
        account=account,
        accounts=tuple(each.name for each in office.directory),
        clock=None if account is None else clock_item(office.timekeeper.read(account)),
        signed_in=cookie_of(request.headers.get("host", "")) in request.cookies,
    )


def stranger(request: Request) -> Visit:
    """The visit of somebody who must not learn of any account."""
    asked = request.query_params
    chosen = {name: asked[name] for name, offered in CHOICES.items() if asked.get(name) in offered}
    wanted = dict(request.cookies) | chosen
    theme: Theme = next((each for each in get_args(Theme) if wanted.get("theme") == each), "auto")
    return Visit(
        path=request.url.path,
        query="",
        scope="",
        account=None,
        accounts=(),
        clock=None,
        language=language_of(wanted.get("lang"), request.headers.get("accept-language", "")),
        theme=theme,
        chosen=chosen,
    )


def accounts_in(office: Office, visit: Visit) -> tuple[Account | None, ...]:
    """The accounts a visit is about, None among them for what is nobody's."""
    if visit.scope == "":
        return (None, *office.directory)
    return (None,) if visit.scope == NOBODY else (visit.account,)


def _any(office: Office) -> Account | None:
    return office.directory.named(DEFAULT) or next(iter(office.directory), None)
