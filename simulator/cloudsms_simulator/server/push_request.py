"""A push request: aiohttp's, with no header but those a report needs. Imported at the first push, as aiohttp is."""

from collections.abc import Iterable

import aiohttp


class PushRequest(aiohttp.ClientRequest):
    """One POST of a report.

    aiohttp leaves out the headers a session does not want, too, but sorts and copies their names for each request: a
    twentieth of what a push costs.
    """

    def update_auto_headers(self, skip_auto_headers: Iterable[str] | None) -> None:
        """Adds neither User-Agent nor Accept nor Accept-Encoding."""
