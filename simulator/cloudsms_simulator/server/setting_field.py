"""A setting: a field of a `SettingTable` whose annotation carries its kind and whose docstring says what it is for.

Command line options, the table of variables, `config init` and the documentation are all made of these.
"""

import ast
import inspect
from collections.abc import Mapping
from functools import cache
from typing import Annotated, get_origin, get_type_hints

import msgspec

from cloudsms_simulator.server.kinds import Kind

PREFIX = "CLOUDSMS_SIM_"
"""Begins the name of every environment variable that is ours."""


class SettingTable(msgspec.Struct, frozen=True, kw_only=True):
    """What the Structs of settings have in common."""


class SettingField(msgspec.Struct, frozen=True):
    """One setting: its name in TOML, its kind, its default and its docstring on one line."""

    name: str
    kind: Kind
    default: object
    doc: str

    @property
    def flag(self) -> str:
        """`--admin-port`."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def variable(self) -> str:
        """`CLOUDSMS_SIM_ADMIN_PORT`."""
        return f"{PREFIX}{self.name.upper()}"


@cache
def fields_of(table: type[SettingTable]) -> tuple[SettingField, ...]:
    """The settings of a table, in its order."""
    docs = docstrings(table)
    hints = get_type_hints(table, include_extras=True)
    return tuple(
        SettingField(field.name, _kind(hints[field.name]), field.default, docs.get(field.name, ""))
        for field in msgspec.structs.fields(table)
    )


def _kind(hint: object) -> Kind:
    if get_origin(hint) is Annotated:
        for extra in getattr(hint, "__metadata__", ()):
            if isinstance(extra, Kind):
                return extra
    raise TypeError(f"{hint} names no kind")


@cache
def docstrings(struct: type[msgspec.Struct]) -> Mapping[str, str]:
    """The docstrings of a Struct's fields, each on one line; none where the source is not at hand."""
    try:
        (definition,) = ast.parse(inspect.getsource(struct)).body
    except (OSError, SyntaxError):
        return {}
    docs: dict[str, str] = {}
    name = ""
    for statement in getattr(definition, "body", ()):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            name = statement.target.id
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) and name:
            docs[name] = " ".join(str(statement.value.value).split())
            name = ""
    return docs
