"""What one request for a page is about, and how its visitor wants to read: account, search, language, theme, clock.

English stands in the templates themselves; what it is in Simplified Chinese stands in the files of `zh/`, text by
text, one file for what pages share and one for each page. The language is the one a person chose, else the first
offered of their Accept-Language, else English; choices are kept in cookies for a year. The scope, `?account=`, is
the name of an account, `*` for the requests that belong to nobody, or nothing for everything there is.
"""

import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request

from cloudsms_simulator.api.auth import cookie_of
from cloudsms_simulator.api.context import DEFAULT_ACCOUNT, NOBODY, ApiContext
from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.services.clocks import ClockItem, clock_item

Language = Literal["en", "zh"]

LANGUAGES: tuple[Language, ...] = get_args(Language)
LANGUAGE_TAGS: Mapping[Language, str] = {"en": "en", "zh": "zh-Hans"}
"""As HTML and browsers name them."""
TRANSLATIONS_FOLDER = Path(__file__).with_name("zh")


class Translations(msgspec.Struct, frozen=True):
    """The texts of one language, found by the English ones."""

    language: Language
    texts: Mapping[str, str]

    def get(self, english: str) -> str:
        """A text; the English one where there is no other."""
        return self.texts.get(english, english)

    def plural(self, one: str, many: str, number: int) -> str:
        """A text that depends on a number; Chinese has one form for all of them."""
        return self.get(one if number == 1 else many)


@lru_cache
def translations_of(language: Language) -> Translations:
    """The words of a language."""
    if language == "en":
        return Translations(language, {})
    texts: dict[str, str] = {}
    for path in sorted(TRANSLATIONS_FOLDER.glob("*.toml")):
        texts |= tomllib.loads(path.read_text(encoding="utf-8"))
    return Translations(language, texts)


def language_of(chosen: str | None, accepted: str) -> Language:
    """The language a person chose, else the first that is offered of their `Accept-Language`, else English."""
    for language in LANGUAGES:
        if chosen == language:
            return language
    wanted = (part.split(";")[0].strip().lower() for part in _by_weight(accepted))
    for tag in wanted:
        for language in LANGUAGES:
            if tag == language or tag.startswith(f"{language}-"):
                return language
    return "en"


def _by_weight(accepted: str) -> Sequence[str]:
    def weight(part: str) -> float:
        _, _, value = part.partition(";q=")
        try:
            return float(value or 1)
        except ValueError:
            return 0.0

    return sorted(accepted[:500].split(","), key=weight, reverse=True)


Theme = Literal["auto", "light", "dark"]

_YEAR = 365 * 24 * 3600
READING_CHOICES: Mapping[str, tuple[str, ...]] = {"lang": LANGUAGES, "theme": get_args(Theme)}
"""What a visitor may choose in the address, and need not say again."""
COOKIE_AGE = _YEAR
"""Seconds for which a choice is remembered."""


class PageContext(msgspec.Struct, frozen=True):
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


def page_context_of(office: ApiContext, request: Request) -> PageContext:
    """The visit a request is; HTTPException 404 for an account there is not."""
    scope = request.query_params.get("account", "")
    account = office.named(scope) if scope not in ("", NOBODY) else _any_account(office)
    return msgspec.structs.replace(
        context_before_login(request),
        query=request.query_params.get("q", ""),
        scope=scope,
        account=account,
        accounts=tuple(each.name for each in office.directory),
        clock=None if account is None else clock_item(office.timekeeper.read(account)),
        signed_in=cookie_of(request.headers.get("host", "")) in request.cookies,
    )


def context_before_login(request: Request) -> PageContext:
    """The visit of somebody who must not learn of any account."""
    asked = request.query_params
    chosen = {name: asked[name] for name, offered in READING_CHOICES.items() if asked.get(name) in offered}
    wanted = dict(request.cookies) | chosen
    theme: Theme = next((each for each in get_args(Theme) if wanted.get("theme") == each), "auto")
    return PageContext(
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


def accounts_in_scope(office: ApiContext, visit: PageContext) -> tuple[Account | None, ...]:
    """The accounts a visit is about, None among them for what is nobody's."""
    if visit.scope == "":
        return (None, *office.directory)
    return (None,) if visit.scope == NOBODY else (visit.account,)


def _any_account(office: ApiContext) -> Account | None:
    return office.directory.named(DEFAULT_ACCOUNT) or next(iter(office.directory), None)
