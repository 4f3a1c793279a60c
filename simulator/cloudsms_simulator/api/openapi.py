"""The OpenAPI 3.1 document of the admin API. Imported when somebody asks for the document.

It is made of the operations of `routes`: summaries and descriptions of their handlers' docstrings, parameters of their
paths and queries, and components of their Structs and schema types (`Schemas`). A component is named as its Struct;
what the docstrings of a Struct say of its fields is said in the schema too. Moments are described in the one form in
which they are written. Delivery reports are described as callbacks.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from inspect import getdoc
from typing import Annotated, Literal, TypeAlias, get_origin

import msgspec
from msgspec import inspect

from cloudsms_simulator.api.auth import PROBE_PATHS
from cloudsms_simulator.api.operation import PATH_PARAMETERS, AnswerType, Operation, RawContent
from cloudsms_simulator.config.account_body import account_settings_schema
from cloudsms_simulator.config.schema import Schema, docstrings
from cloudsms_simulator.engine.billing import LedgerReason
from cloudsms_simulator.engine.clock import Mode
from cloudsms_simulator.engine.explanation import DueKind, HistoryKind
from cloudsms_simulator.engine.faults import Identity, TlsTrouble
from cloudsms_simulator.engine.records import Outcome, TlsFacts
from cloudsms_simulator.models.account import AccountItem, CallbackItem, ClockItem, LedgerItem, RuleItem, TroubleItem
from cloudsms_simulator.models.journal import (
    AttemptItem,
    ClockSet,
    MessageItem,
    PendingItem,
    ReportItem,
    RequestItem,
    TimelineEntry,
)
from cloudsms_simulator.models.server import DatabaseKind, Info, Problem, StoreInfo
from cloudsms_simulator.protocol.customer import ReceivedPacket, ReportAnswer, SendAnswer, SendRequest

COMPONENTS = "#/components/schemas/"

SchemaValue: TypeAlias = "Mapping[str, SchemaValue] | list[SchemaValue] | str | int | float | bool | None"
"""JSON as it is put together."""

SchemaObject: TypeAlias = "Mapping[str, SchemaValue]"


class Schemas:
    """The schemas of Structs and of the Structs in them. `taken` are the Structs that the API reads as bodies.

    `written` has, for members of Structs, the types that the server always writes there, where a client takes more.
    Two Structs of one name get the names of their modules too, which is ugly: rename one of them.
    """

    def __init__(
        self,
        structs: Iterable[type[msgspec.Struct]],
        taken: Iterable[type[msgspec.Struct]],
        written: Mapping[type[msgspec.Struct], Mapping[str, object]],
    ) -> None:
        kinds = list(dict.fromkeys([*structs, *(kind for members in written.values() for kind in members.values())]))
        refs, components = msgspec.json.schema_components(
            kinds, ref_template=f"{COMPONENTS}{{name}}", schema_hook=_any_json
        )
        self._refs = dict(zip(kinds, refs, strict=True))
        named = {(get_origin(each.cls) or each.cls).__name__: each for each in _parts(inspect.multi_type_info(kinds))}
        self._components: dict[str, SchemaObject] = {
            name: _described(self._as_written(schema, struct, written), struct)
            for name, schema in components.items()
            for struct in [named.get(str(schema["title"]).partition("[")[0])]
        }
        for each in taken:
            name = self._refs[each]["$ref"].removeprefix(COMPONENTS)
            self._components[name] = {**self._components[name], "additionalProperties": False}

    def _as_written(
        self,
        schema: SchemaObject,
        struct: inspect.StructType | None,
        written: Mapping[type[msgspec.Struct], Mapping[str, object]],
    ) -> SchemaObject:
        members = {} if struct is None else written.get(struct.cls, {})
        properties, required = schema.get("properties"), schema.get("required")
        if not (members and isinstance(properties, Mapping) and isinstance(required, list)):
            return schema
        shown = {**properties, **{name: self._refs[kind] for name, kind in members.items()}}
        return {**schema, "properties": shown, "required": [each for each in shown if each in {*required, *members}]}

    def of(self, struct: type[msgspec.Struct]) -> SchemaObject:
        """The schema of a Struct: a reference."""
        return self._refs[struct]

    def add(self, definitions: Mapping[str, Schema]) -> None:
        """Adds schemas by name that refer to one another as `#/$defs/…`."""
        for name, schema in definitions.items():
            self._components[name] = referring(schema)

    def components(self) -> SchemaObject:
        """All schemas, by name."""
        return dict(sorted(self._components.items()))


def _any_json(kind: type) -> dict[str, str]:
    """The schema of a value of the type `object`."""
    if kind is not object:
        raise NotImplementedError
    return {"description": "any JSON"}


def referring(schema: Schema) -> SchemaObject:
    """A schema whose references lead to the components of the document."""
    moved = _moved(schema)
    assert isinstance(moved, Mapping)
    return moved


def _moved(value: object) -> SchemaValue:
    if isinstance(value, Mapping):
        return {
            str(key): f"{COMPONENTS}{str(each).removeprefix('#/$defs/')}" if key == "$ref" else _moved(each)
            for key, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [_moved(each) for each in value]
    assert value is None or isinstance(value, str | int | float)
    return value


def _described(schema: SchemaObject, struct: inspect.StructType | None) -> SchemaObject:
    """A schema with the docstrings of the Struct's fields as descriptions; as it is without a Struct."""
    if struct is None:
        return schema
    docs: dict[str, str] = {}
    for each in reversed((get_origin(struct.cls) or struct.cls).__mro__):
        if issubclass(each, msgspec.Struct) and each is not msgspec.Struct:
            docs.update(docstrings(each))
    properties = schema.get("properties")
    assert isinstance(properties, Mapping)
    shown: dict[str, SchemaValue] = {}
    for field in struct.fields:
        property_schema = properties[field.encode_name]
        assert isinstance(property_schema, Mapping)
        if field.name in docs:
            property_schema = {"description": docs[field.name], **property_schema}
        shown[field.encode_name] = _with_moments(property_schema) if _is_a_moment(field.type) else property_schema
    return {**schema, "properties": shown}


def _is_a_moment(kind: inspect.Type) -> bool:
    if isinstance(kind, inspect.UnionType):
        return any(map(_is_a_moment, kind.types))
    return isinstance(kind, inspect.DateTimeType)


def _with_moments(schema: SchemaObject) -> SchemaObject:
    """A schema whose strings are moments, with the format `date-time`."""
    choices = schema.get("anyOf")
    if isinstance(choices, list):
        return {**schema, "anyOf": [_with_moments(each) for each in choices if isinstance(each, Mapping)]}
    return {**schema, "format": "date-time"} if schema.get("type") == "string" else schema


def _parts(infos: Iterable[inspect.Type]) -> Iterator[inspect.StructType]:
    """Every Struct in some types."""
    left: list[object] = list(infos)
    seen: set[int] = set()
    while left:
        each = left.pop()
        if isinstance(each, list | tuple):
            left += each
        elif isinstance(each, inspect.Type | inspect.Field) and id(each) not in seen:
            seen.add(id(each))
            left += [getattr(each, name) for name in each.__struct_fields__]
            if isinstance(each, inspect.StructType):
                yield each


_JSON = "application/json"
_PROBLEM = "application/problem+json"
_DESCRIPTION = (
    "What a CloudSMS simulator kept of every request, message and delivery report, and the means to move its clocks, "
    "accounts, scenarios, rules and faults. Lists are newest first. Moments are ISO 8601 in Hong Kong time, durations "
    "ISO 8601 or `3s` or seconds, money exact decimals in strings. Errors are `application/problem+json`: `detail` "
    "says what came and what would be right.\n\nThe platform's own messages, which travel on another port, are the "
    "schemas `SMS_SEND_REQUEST.REQUEST`, `SMS_SEND_REQUEST.ANSWER`, `SMS_PUSH_REPORT.REQUEST` and "
    "`SMS_PUSH_REPORT.ANSWER`."
)
_UIP_PACKETS: Mapping[str, type[msgspec.Struct]] = {
    "SMS_SEND_REQUEST.REQUEST": SendRequest,
    "SMS_SEND_REQUEST.ANSWER": SendAnswer,
    "SMS_PUSH_REPORT.REQUEST": ReceivedPacket,
    "SMS_PUSH_REPORT.ANSWER": ReportAnswer,
}
WRITTEN: Mapping[type[msgspec.Struct], Mapping[str, object]] = {
    MessageItem: {"customer_body": msgspec.Raw | None},
    RequestItem: {"tls": TlsFacts | None},
    AttemptItem: {"tls": TlsFacts | None, "resent": bool, "repeated": bool},
    ReportItem: {"outcome": Outcome},
    TimelineEntry: {"kind": HistoryKind},
    PendingItem: {"kind": DueKind},
    CallbackItem: {
        "connect_timeout_s": float,
        "timeout_s": float,
        "identity": Identity,
        "ca": str | None,
        "client_cert": str | None,
        "client_key": str | None,
    },
    AccountItem: {
        "whitelist": tuple[str, ...],
        "settings": Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={"$ref": f"{COMPONENTS}AccountSettings"})],
    },
    LedgerItem: {"reason": LedgerReason},
    ClockItem: {"mode": Mode},
    ClockSet: {"mode": Mode},
    RuleItem: {"definition": msgspec.Raw},
    TroubleItem: {"trouble": TlsTrouble},
    Info: {"store": StoreInfo},
    StoreInfo: {"kind": Literal["memory"] | DatabaseKind},
}
"""What this server always writes in members of which a client takes more: newer servers may write other words there,
older ones nothing."""
_TAGS: Mapping[str, str] = {
    "accounts": "The customers: each has its own journal, clock, money, rules and callback.",
    "messages": "One for each SMS_UID that was accepted.",
    "requests": "Every exchange, refused ones and refused handshakes included, with findings.",
    "reports": "The delivery reports, with every attempt to push them.",
    "clock": "What time it is for an account, and how it becomes another time.",
    "scenarios": "What the platform plays.",
    "rules": "What decides on requests, rules and faults in one list.",
    "faults": "What goes wrong on purpose.",
    "explain": "Why something went as it did, or would go.",
    "segments": "What a text costs.",
    "send": "What is sent for an account from inside the server, which keeps the AUTH_KEY.",
    "sink": "A built-in server for delivery reports.",
    "events": "What happens, as it happens.",
    "server": "The server itself.",
}
_PROBLEM_REASONS: Mapping[int, str] = {
    400: "Something in the request does not fit; `detail` says what would be right.",
    401: "The server demands a token, and got none or another.",
    403: "The request comes from a page of another site.",
    404: "There is no account, or no item, of that name.",
    409: "It does not go with what there is.",
    410: "What the cursor points at is gone.",
    413: "The body is too large.",
    415: "The body is not `application/json`.",
    421: "The server does not go by the name in `Host`.",
    503: "The server cannot do it now, or is about to stop.",
}
_PLAIN = re.compile(r":[a-z]+(?=})")
"""The converter of a path parameter, as in `{path:path}`, which OpenAPI does not have."""
_CALLBACK = "deliveryReport"
_WITH_A_CALLBACK = (("/api/v1/accounts", "post"), ("/api/v1/accounts/{name}", "patch"))


def openapi_document(operations: Sequence[Operation], version: str, root: str = "") -> bytes:
    """The OpenAPI document of these operations below a base path, as JSON."""
    schemas = Schemas(_structs(operations), _bodies(operations), WRITTEN)
    paths: dict[str, dict[str, SchemaObject]] = {}
    for operation in operations:
        for method in operation.http_methods:
            paths.setdefault(_PLAIN.sub("", operation.path), {})[method.lower()] = _operation(
                operation, method, schemas
            )
    definitions: dict[str, Schema] = {}
    schemas.add({"AccountSettings": account_settings_schema(definitions), **definitions})
    document: SchemaObject = {
        "openapi": "3.1.0",
        "info": {"title": "CloudSMS simulator", "version": version, "description": _DESCRIPTION},
        "servers": [{"url": f"{root}/", "description": "this server"}],
        "security": [{}, {"token": []}],
        "tags": [{"name": name, "description": about} for name, about in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": {**schemas.components(), **{name: schemas.of(struct) for name, struct in _UIP_PACKETS.items()}},
            "responses": {_name_of(status): _problem(status, schemas) for status in _PROBLEM_REASONS},
            "callbacks": {_CALLBACK: _callback(schemas)},
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The admin token; demanded as soon as the admin port is bound wider than loopback.",
                }
            },
        },
    }
    return msgspec.json.encode(document)


def _structs(operations: Iterable[Operation]) -> Iterator[type[msgspec.Struct]]:
    yield Problem
    yield from _UIP_PACKETS.values()
    yield from _bodies(operations)
    for operation in operations:
        for answer in operation.answers.values():
            yield from _structs_of(answer)


def _bodies(operations: Iterable[Operation]) -> Iterator[type[msgspec.Struct]]:
    for operation in operations:
        if isinstance(operation.body, type):
            yield operation.body


def _structs_of(answer: AnswerType) -> Iterator[type[msgspec.Struct]]:
    if isinstance(answer, RawContent):
        yield from answer.structs.values()
    elif isinstance(answer, tuple):
        yield from answer
    elif answer is not None:
        yield answer


def _operation(operation: Operation, method: str, schemas: Schemas) -> SchemaObject:
    about = getdoc(operation.handler) or ""
    summary = _summary(about)
    shown: dict[str, SchemaValue] = {} if about.removesuffix(".") == summary else {"description": about}
    if operation.body is not None:
        shown["requestBody"] = _body(operation, schemas)
    if (operation.path, method.lower()) in _WITH_A_CALLBACK:
        shown["callbacks"] = {_CALLBACK: {"$ref": f"#/components/callbacks/{_CALLBACK}"}}
    return {
        "operationId": _id(method, operation.path),
        "tags": [operation.tag],
        "summary": summary,
        **({"security": []} if operation.path in PROBE_PATHS else {}),
        "parameters": [*_path_parameters(operation), *_query_parameters(operation)],
        **shown,
        "responses": _responses(operation, schemas),
    }


def _id(method: str, path: str) -> str:
    """The operationId, such as `get_messages_uid`."""
    plain = _PLAIN.sub("", path.removeprefix("/api/v1"))
    return "_".join([method.lower(), *re.findall("[a-z0-9]+", plain)])


def _summary(about: str) -> str:
    """The beginning of a docstring that makes sense by itself, as summary."""
    first = " ".join(about.split("\n\n")[0].split())
    for end in ("; ", ". ", ": "):
        first = first.partition(end)[0]
    return first.removesuffix(".")


def _path_parameters(operation: Operation) -> Iterator[SchemaObject]:
    for name in operation.param_convertors:
        about = PATH_PARAMETERS[name]
        yield {"name": name, "in": "path", "required": True, "description": about, "schema": {"type": "string"}}


def _query_parameters(operation: Operation) -> Iterator[SchemaObject]:
    if operation.query is None:
        return
    _, components = msgspec.json.schema_components([operation.query])
    properties = components[operation.query.__name__]["properties"]
    for name, schema in properties.items():
        about = schema.pop("description", "")
        if isinstance(choices := schema.get("anyOf"), list) and {"type": "null"} in choices:
            # Nothing in a query is null: it is left out.
            schema = next(each for each in choices if each != {"type": "null"})
        default = schema.pop("default", None)
        said = {} if default in (None, "") else {"default": default}
        yield {"name": name, "in": "query", "description": about, "schema": {**schema, **said}}


def _body(operation: Operation, schemas: Schemas) -> SchemaObject:
    body = operation.body
    if isinstance(body, type):
        required = any(field.required for field in msgspec.structs.fields(body))
        return {"required": required, "content": {_JSON: {"schema": schemas.of(body)}}}
    assert body is not None
    definitions: dict[str, Schema] = {}
    schema = referring(body(definitions))
    schemas.add(definitions)
    return {"required": "required" in schema, "content": {_JSON: {"schema": schema}}}


def _responses(operation: Operation, schemas: Schemas) -> SchemaObject:
    shown: dict[str, SchemaObject] = {
        str(status): {"description": HTTPStatus(status).phrase, **_content(answer, schemas)}
        for status, answer in operation.answers.items()
    }
    for status in _problems(operation):
        shown.setdefault(str(status), {"$ref": f"#/components/responses/{_name_of(status)}"})
    return dict(sorted(shown.items()))


def _content(answer: AnswerType, schemas: Schemas) -> SchemaObject:
    if answer is None:
        return {}
    if isinstance(answer, RawContent):
        parts = {f"x-{name}": schemas.of(struct) for name, struct in answer.structs.items()}
        return {"content": {answer.media_type: {"schema": {**referring(answer.schema), **parts}}}}
    answers = answer if isinstance(answer, tuple) else (answer,)
    media_type = _PROBLEM if all(issubclass(get_origin(each) or each, Problem) for each in answers) else _JSON
    forms = [schemas.of(each) for each in answers]
    return {"content": {media_type: {"schema": forms[0] if len(forms) == 1 else {"anyOf": [*forms]}}}}


def _problems(operation: Operation) -> set[int]:
    """The statuses of all problems that an operation may answer with."""
    found = {*operation.problems, 403, 421}
    if operation.path not in PROBE_PATHS:
        found.add(401)
    if operation.query is not None:
        found.add(400)
        if "account" in operation.query.__struct_fields__:
            found.add(404)
        if "cursor" in operation.query.__struct_fields__:
            found.add(410)
    if operation.param_convertors:
        found.add(404)
    if operation.body is not None:
        found |= {400, 413, 415}
    return found


def _name_of(status: int) -> str:
    return f"Problem{status}"


def _problem(status: int, schemas: Schemas) -> SchemaObject:
    return {"description": _PROBLEM_REASONS[status], "content": {_PROBLEM: {"schema": schemas.of(Problem)}}}


def _callback(schemas: Schemas) -> SchemaObject:
    """The callback object: a delivery report, and what the customer's server is to answer."""
    return {
        "{$request.body#/callback/url}": {
            "post": {
                "summary": "A delivery report",
                "description": "Pushed over mutual TLS to the `callback.url` of the account, once for each SMS_UID.",
                "requestBody": {"required": True, "content": {_JSON: {"schema": schemas.of(ReceivedPacket)}}},
                "responses": {
                    "200": {
                        "description": "Received. Any 2xx ends the report; what is wrong with the ANSWER is told.",
                        "content": {_JSON: {"schema": schemas.of(ReportAnswer)}},
                    }
                },
            }
        }
    }
