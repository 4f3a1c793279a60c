"""What one request for a page is about, and how it is to be shown: account, search, clock, language, theme.

The English texts stand in the templates; their translations into Simplified Chinese stand in the files of `zh/`, one
file for what pages share and one for each page. The language is the one a person chose, else the first of their
Accept-Language that there is, else English; choices are kept in cookies for a year. The scope, `?account=`, is the
name of an account, `*` for the requests that belong to no account, or nothing for everything there is.
"""

import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import parse_qsl, urlencode

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request

from cloudsms_simulator.api.auth import cookie_of
from cloudsms_simulator.api.context import DEFAULT_ACCOUNT, NOBODY, ApiContext
from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.models.account import ClockItem
from cloudsms_simulator.net.http_parser import base_path, path_below_root
from cloudsms_simulator.services.clocks import clock_item

Language = Literal["en", "zh"]

LANGUAGES: tuple[Language, ...] = get_args(Language)
LANGUAGE_TAGS: Mapping[Language, str] = {"en": "en", "zh": "zh-Hans"}
"""The languages as HTML and browsers name them."""
TRANSLATIONS_FOLDER = Path(__file__).with_name("zh")


class Translations(msgspec.Struct, frozen=True):
    """The texts of one language, found by the English ones."""

    language: Language
    texts: Mapping[str, str]

    def get(self, english: str) -> str:
        """The translation of an English text; the English text where there is none."""
        return self.texts.get(english, english)

    def plural(self, one: str, many: str, number: int) -> str:
        """The translation for a number of things; Chinese has one form for all numbers."""
        return self.get(one if number == 1 else many)


@lru_cache
def translations_of(language: Language) -> Translations:
    """The texts of a language, read from the files of `zh/` once in a process."""
    if language == "en":
        return Translations(language, {})
    texts: dict[str, str] = {}
    for path in sorted(TRANSLATIONS_FOLDER.glob("*.toml")):
        texts |= tomllib.loads(path.read_text(encoding="utf-8"))
    return Translations(language, texts)


def language_of(chosen: str | None, accepted: str) -> Language:
    """The language a person chose, else the first of their `Accept-Language` that there is, else English."""
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
"""Query parameters by which a person chooses how pages look, with their values. Cookies remember the choice."""
COOKIE_AGE = _YEAR
"""Seconds for which a choice is remembered."""


class PageContext(msgspec.Struct, frozen=True):
    """What one request for a page is about, and how the page is to be shown.

    `scope` is what `?account=` says: an account's name, `*` for what belongs to no account, "" for everything there is.
    """

    path: str
    """The path of the page, below the base path."""
    query: str
    scope: str
    account: Account | None
    """The account where there has to be one: that of the scope, else `default`, else the first; None without any."""
    accounts: tuple[str, ...]
    clock: ClockItem | None
    language: Language
    theme: Theme
    chosen: Mapping[str, str]
    """The choices in the address of this request, for the cookies."""
    signed_in: bool = False
    """Whether the browser has logged in with the token of the admin port, and can log out."""
    root: str = ""
    """The base path that every address of this server begins with; empty at the root."""

    def url(self, path: str, **parameters: object) -> str:
        """An address within the inbox that keeps the scope, with parameters that are not None."""
        return f"{self.root}{path}{self.parameters(**parameters)}"

    def parameters(self, **parameters: object) -> str:
        """What follows the path in such an address: nothing, or a `?` and the parameters."""
        scope = {"account": self.scope} if self.scope else {}
        said = scope | {name: str(value) for name, value in parameters.items() if value not in (None, "")}
        return f"?{urlencode(said)}" if said else ""

    def api(self, path: str, account: str | None = None) -> str:
        """An address of the admin API, about the page's account unless another is named."""
        name = account if account is not None else None if self.account is None else self.account.name
        return f"{self.root}/api/v1{path}" + (f"?{urlencode({'account': name})}" if name else "")


def page_context_of(context: ApiContext, request: Request) -> PageContext:
    """The context of a request for a page. Raises HTTPException 404 when it names an account there is not."""
    scope = request.query_params.get("account", "")
    account = context.named(scope) if scope not in ("", NOBODY) else _any_account(context)
    return msgspec.structs.replace(
        context_before_login(request),
        query=request.query_params.get("q", ""),
        scope=scope,
        account=account,
        accounts=tuple(each.name for each in context.directory),
        clock=None if account is None else clock_item(context.clocks.read(account)),
        signed_in=cookie_of(request.headers.get("host", "")) in request.cookies,
    )


def context_before_login(request: Request) -> PageContext:
    """The context of a page for somebody without the token, who must not learn of any account."""
    parameters = request.query_params
    chosen = {name: parameters[name] for name, offered in READING_CHOICES.items() if parameters.get(name) in offered}
    wanted = dict(request.cookies) | chosen
    theme: Theme = next((each for each in get_args(Theme) if wanted.get("theme") == each), "auto")
    return PageContext(
        path=path_below_root(request.scope),
        query="",
        scope="",
        account=None,
        accounts=(),
        clock=None,
        language=language_of(wanted.get("lang"), request.headers.get("accept-language", "")),
        theme=theme,
        chosen=chosen,
        root=base_path(request.scope),
    )


def accounts_in_scope(context: ApiContext, page: PageContext) -> tuple[Account | None, ...]:
    """The accounts a page is about; None among them stands for what belongs to no account."""
    if page.scope == "":
        return (None, *context.directory)
    return (None,) if page.scope == NOBODY else (page.account,)


def _any_account(context: ApiContext) -> Account | None:
    return context.directory.named(DEFAULT_ACCOUNT) or next(iter(context.directory), None)


MAX_FORM = 256 * 1024
"""The most octets of a form."""


async def read_form(request: Request) -> Mapping[str, str]:
    """The fields of a form, the last one of each name. Raises HTTPException 413 for a form that is too large."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_FORM:
            raise HTTPException(413, f"the form is larger than {MAX_FORM:,} octets, which is the most")
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
