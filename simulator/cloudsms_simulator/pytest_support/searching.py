"""Searches put together from what a test says: `to="852*", state="DELIVERED"`."""

import re

Wanted = str | int | bool | None

_LITERAL = frozenset({"content", "text", "body", "reason"})
"""Fields in which a text is looked for as it stands, not as a pattern."""
_SPECIAL = re.compile(r"([\\*?\[\]])")


def search_of(**fields: Wanted) -> str:
    """A search for what all fields say; None says nothing. Numbers, names and ids may be globs."""
    return " ".join(f"{name}:{_quoted(name, value)}" for name, value in fields.items() if value is not None)


def _quoted(name: str, value: Wanted) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if name in _LITERAL:
        text = _SPECIAL.sub(r"\\\1", text)
    escaped = text.replace('"', '\\"')
    return f'"{escaped}"'
