"""The press: makes pages of templates, in the language and colours of the visit, under a policy that runs nothing else.

Spec: none.
"""

import secrets
from collections.abc import Mapping
from pathlib import Path

import jinja2
from starlette.responses import HTMLResponse, Response

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


class Press:
    """Prints pages. `edition` tells the files of this version from those a browser keeps of another."""

    def __init__(self, edition: str) -> None:
        self._environments = {language: _environment(language) for language in LANGUAGES}
        self._run = secrets.token_hex(4)
        """Tells this server's requests from those of one that ran before, whose numbers began at 1 too."""
        self._edition = edition

    def page(self, template: str, visit: Visit, status: int = 200, /, **values: object) -> Response:
        """A page, or a piece of one, with what its template shows."""
        html = self._environments[visit.language].get_template(template)
        text = html.render(visit=visit, run=self._run, edition=self._edition, tag=TAGS[visit.language], **values)
        response = HTMLResponse(text, status, HEADERS)
        for name, value in visit.chosen.items():
            response.set_cookie(name, value, max_age=COOKIE_AGE, samesite="strict")
        return response


def _environment(language: Language) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    words = words_in(language)
    environment.install_gettext_callables(words.get, words.plural, newstyle=True)  # type: ignore[attr-defined]
    environment.filters.update(FILTERS)
    return environment
