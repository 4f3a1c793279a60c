"""An operation: a route with its description, of which the OpenAPI document is made.

What it says of its query is held to: a parameter that is misspelt is refused, not passed over.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cloudsms_simulator.server.admin.parameters import NoQuery
from cloudsms_simulator.server.kinds import Definitions, Schema
from cloudsms_simulator.server.problems import suggestion

Handler = Callable[[Request], Awaitable[Response]]

Body = type[msgspec.Struct] | Callable[[Definitions], Schema]
"""A Struct, or a function that gives a JSON Schema and puts what that refers to among the definitions."""


_WHOSE = "account"
"""Clients say it in every request; where nothing is changed it does no harm where it says nothing."""
_READING = ("GET", "HEAD")


class Content(msgspec.Struct, frozen=True):
    """What is answered with, where that is no Struct."""

    media_type: str
    schema: Schema = MappingProxyType({"type": "string"})
    structs: Mapping[str, type[msgspec.Struct]] = {}
    """What stands in it, by name."""


Answer = type[msgspec.Struct] | tuple[type[msgspec.Struct], ...] | Content | None
"""What is answered with: a Struct, one of several, something else, or nothing."""


class Operation(Route):
    """One or more methods of a path. The docstring of its handler tells what it does.

    `tag` groups operations; the first part of the path below `/api/v1` unless said. `query` has the parameters there
    may be, None when nobody minds any. `answers` are by status; `problems` are the statuses of other problems than
    those that follow from the rest: what does not fit, no account or item of that name, and what the guard refuses.
    """

    def __init__(
        self,
        path: str,
        handler: Handler,
        *,
        answers: Mapping[int, Answer],
        methods: Sequence[str] = ("GET",),
        tag: str = "",
        query: type[msgspec.Struct] | None = NoQuery,
        body: Body | None = None,
        problems: Sequence[int] = (),
    ) -> None:
        super().__init__(path, handler if query is None else _held_to(handler, query), methods=list(methods))
        self.handler = handler
        self.verbs = tuple(methods)
        self.tag = tag or path.removeprefix("/api/v1/").partition("/")[0]
        self.query = query
        self.body = body
        self.answers = answers
        self.problems = tuple(problems)


def _held_to(handler: Handler, query: type[msgspec.Struct]) -> Handler:
    known = {
        field.name: isinstance(kind, msgspec.inspect.CollectionType)
        for field in _fields(query)
        for kind in (_bare(field.type),)
    }

    async def held(request: Request) -> Response:
        given = request.query_params
        for name in given:
            if name not in known:
                if name == _WHOSE and request.method in _READING:
                    continue
                listed = f"; there is {', '.join(known)}" if known else "; there is none here"
                near = suggestion(name, known) or listed
                raise HTTPException(400, f'unknown query parameter "{name[:60]}"{near}')
            if not known[name] and (times := len(given.getlist(name))) > 1:
                raise HTTPException(400, f"{name}: got {times} of them in the query, want one")
        return await handler(request)

    return held


def _fields(query: type[msgspec.Struct]) -> tuple[msgspec.inspect.Field, ...]:
    info = msgspec.inspect.type_info(query)
    assert isinstance(info, msgspec.inspect.StructType)
    return info.fields


def _bare(kind: msgspec.inspect.Type) -> msgspec.inspect.Type:
    return kind.type if isinstance(kind, msgspec.inspect.Metadata) else kind
