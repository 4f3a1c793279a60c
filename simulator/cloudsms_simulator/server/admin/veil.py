"""The veil: no whole AUTH_KEY leaves the admin port, wherever a customer put it.

What is kept is without the keys of the accounts there were when it came. What is kept as it came, because it goes back
to its customer, and the keys of accounts that are younger than what is kept, are hidden here, in one place for all that
the API shows. Pages hide them where their values are written.

Spec: Parameter Details, AUTH_KEY. Reading: R18.
"""

from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloudsms_simulator.protocol.key_ring import KeyRing
from cloudsms_simulator.protocol.masking import hide, hide_in_json
from cloudsms_simulator.server.aside import aside

_WHOLE = (("GET", "/api/v1/state"), ("POST", "/api/v1/accounts"))
"""Where whole keys are promised: all that there is, to be put back, and an account that was just made."""
_EVENTS = "text/event-stream"
_SHOWN = {"application/json", "application/problem+json", "text/plain", _EVENTS}


class Veil:
    """Stands before an application; `keys` gives the AUTH_KEYs of all accounts."""

    def __init__(self, app: ASGIApp, keys: Callable[[], KeyRing]) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request; what it is answered goes out without keys."""
        is_lifespan = scope["type"] != "http"
        await self._app(scope, receive, send if is_lifespan else _Answer(scope, send, self._keys).send)


class _Answer:
    """One answer on its way. Its head waits for a body that comes in one piece, as the length may change."""

    def __init__(self, scope: Scope, send: Send, keys: Callable[[], KeyRing]) -> None:
        self._whole = (scope["method"], scope["path"]) in _WHOLE
        self._send = send
        self._keys = keys
        self._head: Message | None = None
        self._kind = ""

    async def send(self, message: Message) -> None:
        """Takes what the application sends."""
        if message["type"] == "http.response.start":
            kind = Headers(raw=message["headers"]).get("content-type", "").partition(";")[0].strip()
            # A refusal of either says nothing that was promised.
            self._kind = kind if kind in _SHOWN and not (self._whole and message["status"] < 400) else ""
            if self._kind not in ("", _EVENTS):
                self._head = message
                return
        elif message["type"] == "http.response.body" and self._kind:
            body, keys = message.get("body", b""), self._keys()
            message = {**message, "body": await aside(len(body), lambda: self._hidden(body, keys))}
            if self._head is not None:
                headers = MutableHeaders(raw=self._head["headers"])
                if "content-length" in headers:
                    headers["content-length"] = str(len(message["body"]))
                await self._send(self._head)
                self._head = None
        await self._send(message)

    def _hidden(self, body: bytes, keys: KeyRing) -> bytes:
        if self._kind == _EVENTS:
            return b"\n".join([_hidden_in_line(line, keys) for line in body.split(b"\n")])
        return hide(body, keys) if self._kind == "text/plain" else hide_in_json(body, keys)


def _hidden_in_line(line: bytes, keys: KeyRing) -> bytes:
    """A line of a stream of events: what one is about is JSON."""
    name, colon, data = line.partition(b": ")
    return name + colon + hide_in_json(data, keys) if name == b"data" else line
