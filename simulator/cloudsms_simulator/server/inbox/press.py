"""The press: makes pages of templates, in the language and colours of the visit, under a policy that runs nothing else.

Spec: none.
"""

import asyncio
import re
import secrets
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import CodeType

import jinja2
from starlette.responses import HTMLResponse, Response

from cloudsms_simulator.protocol.key_ring import KeyRing
from cloudsms_simulator.protocol.masking import hide_in_text
from cloudsms_simulator.server.inbox.typography import FILTERS
from cloudsms_simulator.server.inbox.visit import COOKIE_AGE, Visit
from cloudsms_simulator.server.inbox.words import LANGUAGES, TAGS, Language, words_in

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""The Content-Security-Policy of every page: nothing from elsewhere, no script and no style in a page itself."""
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with none at all a form would say that it is from nowhere (Origin: null)
    "Cache-Control": "no-store",
}
TEMPLATES = Path(__file__).with_name("templates")

_OTHER = re.compile(r'"(\w+\.html)"')
"""How a template names another one that it is made of."""


class Press:
    """Prints pages. `edition` tells the files of this version from those a browser keeps of another.

    `keys` gives the AUTH_KEYs of all accounts, which no value on a page may show.
    """

    def __init__(self, edition: str, keys: Callable[[], KeyRing] = KeyRing) -> None:
        hidden = partial(_without_keys, keys)
        self._environments = {language: _environment(language, hidden) for language in LANGUAGES}
        self._run = secrets.token_hex(4)
        """Tells this server's requests from those of one that ran before, whose numbers began at 1 too."""
        self._edition = edition
        self._loaded: set[str] = set()

    async def load(self, template: str) -> None:
        """Returns when a template, and all it is made of, is compiled: in a thread, as it takes a tenth of a second.

        A template that was not loaded is compiled when it is first shown.
        """
        if template not in self._loaded:
            await asyncio.to_thread(self._compile, template)
            self._loaded.add(template)

    def page(self, template: str, visit: Visit, status: int = 200, /, **values: object) -> Response:
        """A page, or a piece of one, with what its template shows."""
        html = self._environments[visit.language].get_template(template)
        text = html.render(visit=visit, run=self._run, edition=self._edition, tag=TAGS[visit.language], **values)
        response = HTMLResponse(text, status, HEADERS)
        for name, value in visit.chosen.items():
            response.set_cookie(name, value, max_age=COOKIE_AGE, samesite="strict")
        return response

    def _compile(self, template: str) -> None:
        environment = self._environments[LANGUAGES[0]]
        found, seen = [template], {template}
        while found:
            name = found.pop()
            environment.get_template(name)
            others = set(_OTHER.findall((TEMPLATES / name).read_text(encoding="utf-8"))) - seen
            found += others
            seen |= others


class _Compiled(jinja2.BytecodeCache):
    """What templates were compiled to, which is the same in every language and for every server of a process."""

    def __init__(self) -> None:
        self._code: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        """Looks into it for a template."""
        bucket.code = self._code.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        """Puts a template into it."""
        if bucket.code is not None:
            self._code[bucket.key, bucket.checksum] = bucket.code


_COMPILED = _Compiled()


def _without_keys(keys: Callable[[], KeyRing], value: object) -> object:
    """What a template is about to write, without AUTH_KEYs."""
    if not isinstance(value, str):
        return value
    hidden = hide_in_text(value, keys())
    return value if hidden == value else type(value)(hidden)


def _environment(language: Language, hidden: Callable[[object], object]) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        bytecode_cache=_COMPILED,
        autoescape=True,
        finalize=hidden,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    words = words_in(language)
    environment.install_gettext_callables(words.get, words.plural, newstyle=True)  # type: ignore[attr-defined]
    environment.filters.update(FILTERS)
    return environment
