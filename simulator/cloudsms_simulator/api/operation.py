"""An operation: a route with its description, from which the OpenAPI document is made; and the queries there are.

A query is a Struct whose fields are what may stand after the `?` of a path. Handlers read the values from the
request themselves; an operation refuses, with 400, a parameter that is not a field of its query, so one that is
misspelt is not passed over.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Annotated

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cloudsms_simulator.api.accounts import CallTimeout
from cloudsms_simulator.api.context import DEFAULT_ACCOUNT, NOBODY
from cloudsms_simulator.api.http import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from cloudsms_simulator.api.waits import MAX_EVENT_ACCOUNTS, Count
from cloudsms_simulator.config import suggestion
from cloudsms_simulator.config.schema import Definitions, Schema

PATH_PARAMETERS: Mapping[str, str] = {
    "name": "the name of an account",
    "id": "the `id` of an item",
    "uid": "the SMS_UID of a message",
    "path": "the path of a file",
}
"""Descriptions of path parameters, by name."""

AccountName = Annotated[str, msgspec.Meta(description="the name of an account")]
MaybeNobody = Annotated[
    str, msgspec.Meta(description=f"the name of an account, or `{NOBODY}` for exchanges that belong to none")
]
Query = Annotated[
    str, msgspec.Meta(description='a search such as `to:852* state:DELIVERED -route:Marketing_516 content:"code"`')
]
Alias = Annotated[str, msgspec.Meta(description="another name of `q`; where both are said, `q` counts")]
Limit = Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE_SIZE, description="the most items of a page")]
Cursor = Annotated[str | None, msgspec.Meta(description="the `cursor` of a page, for the one after it")]


class NoQuery(msgspec.Struct, frozen=True):
    """A query without parameters."""


class OfAccount(msgspec.Struct, frozen=True):
    """A query that names an account."""

    account: AccountName = DEFAULT_ACCOUNT


class OfAnybody(msgspec.Struct, frozen=True):
    """A query that names an account, or `*` for what belongs to none."""

    account: MaybeNobody = DEFAULT_ACCOUNT


class OfSome(msgspec.Struct, frozen=True):
    """A query that names several accounts."""

    account: Annotated[
        tuple[MaybeNobody, ...], msgspec.Meta(max_length=MAX_EVENT_ACCOUNTS, description="said once for each account")
    ] = (DEFAULT_ACCOUNT,)


class Paged(msgspec.Struct, frozen=True):
    """A query of a list, page by page."""

    limit: Limit = DEFAULT_PAGE_SIZE
    cursor: Cursor = None


class Searched(OfAccount, frozen=True):
    """A query of a list that can be searched."""

    q: Query = ""
    match: Alias = ""
    limit: Limit = DEFAULT_PAGE_SIZE
    cursor: Cursor = None


class SearchedOfAnybody(OfAnybody, frozen=True):
    """A query of a list that can be searched, of an account or of none."""

    q: Query = ""
    match: Alias = ""
    limit: Limit = DEFAULT_PAGE_SIZE
    cursor: Cursor = None


class Awaited(OfAccount, frozen=True):
    """A query of a wait: for what, for how many, and for how long."""

    q: Query = ""
    match: Alias = ""
    count: Count = 1
    timeout: CallTimeout = "10s"


class AwaitedOfAnybody(OfAnybody, frozen=True):
    """A query of a wait for requests, of an account or of none."""

    q: Query = ""
    match: Alias = ""
    count: Count = 1
    timeout: CallTimeout = "10s"


class OfExchange(OfAnybody, frozen=True):
    """A query that names an exchange, of an account or of none."""

    request: Annotated[
        int | None, msgspec.Meta(description="the number of an exchange, as `/requests` lists it; the newest without")
    ] = None


Handler = Callable[[Request], Awaitable[Response]]

BodyType = type[msgspec.Struct] | Callable[[Definitions], Schema]
"""A Struct, or a function that returns a JSON Schema and adds what that refers to to the definitions."""


_ACCOUNT_PARAMETER = "account"
"""Accepted by every request that only reads, also where it has no meaning: clients send it with all of theirs."""
_READING_METHODS = ("GET", "HEAD")


class RawContent(msgspec.Struct, frozen=True):
    """An answer that is no Struct."""

    media_type: str
    schema: Schema = MappingProxyType({"type": "string"})
    structs: Mapping[str, type[msgspec.Struct]] = {}
    """The Structs of its parts, by name."""


AnswerType = type[msgspec.Struct] | tuple[type[msgspec.Struct], ...] | RawContent | None
"""The body of an answer: a Struct, one of several Structs, something else, or nothing."""


class Operation(Route):
    """One or more methods of a path. The docstring of its handler says what it does.

    `tag` groups operations; it is the first part of the path below `/api/v1` unless given. `query` has the parameters
    that are allowed, None when any are. `answers` are by status. `problems` are the statuses of problems, but for those
    that follow from the rest: what does not fit, no account or item of that name, and what `AuthMiddleware` refuses.
    """

    def __init__(
        self,
        path: str,
        handler: Handler,
        *,
        answers: Mapping[int, AnswerType],
        methods: Sequence[str] = ("GET",),
        tag: str = "",
        query: type[msgspec.Struct] | None = NoQuery,
        body: BodyType | None = None,
        problems: Sequence[int] = (),
    ) -> None:
        super().__init__(path, handler if query is None else _refusing_unknown(handler, query), methods=list(methods))
        self.handler = handler
        self.http_methods = tuple(methods)
        self.tag = tag or path.removeprefix("/api/v1/").partition("/")[0]
        self.query = query
        self.body = body
        self.answers = answers
        self.problems = tuple(problems)


def _refusing_unknown(handler: Handler, query: type[msgspec.Struct]) -> Handler:
    known = _parameters(query)

    async def checked(request: Request) -> Response:
        given = request.query_params
        for name in given:
            if name not in known:
                if name == _ACCOUNT_PARAMETER and request.method in _READING_METHODS:
                    continue
                listed = f"; there is {', '.join(known)}" if known else "; there is none here"
                near = suggestion(name, known) or listed
                raise HTTPException(400, f'unknown query parameter "{name[:60]}"{near}')
            if not known[name] and (times := len(given.getlist(name))) > 1:
                raise HTTPException(400, f"{name}: got {times} of them in the query, want one")
        return await handler(request)

    return checked


@cache
def _parameters(query: type[msgspec.Struct]) -> Mapping[str, bool]:
    """Whether each parameter of a query may be said more than once, by name."""
    info = msgspec.inspect.type_info(query)
    assert isinstance(info, msgspec.inspect.StructType)
    return {field.name: isinstance(_bare(field.type), msgspec.inspect.CollectionType) for field in info.fields}


def _bare(kind: msgspec.inspect.Type) -> msgspec.inspect.Type:
    return kind.type if isinstance(kind, msgspec.inspect.Metadata) else kind
