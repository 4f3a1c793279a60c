"""Bubbles: a text as a handset shows it, one bubble for each segment, with what made it dear marked in it."""

from collections.abc import Iterator

import msgspec

from cloudsms_simulator.engine.text_bill import Forcing, TextBill
from cloudsms_simulator.protocol.gsm import is_gsm

_FEW = 3
_ONE_IN = 4
"""Characters to blame are marked where they are few, or at most one in so many: a Chinese text is not to blame."""


class Stretch(msgspec.Struct, frozen=True):
    """Characters of a text; `kind` is "forced" for those outside GSM, "signature", or ""."""

    text: str
    kind: str = ""
    about: str = ""
    """What these characters are, for people."""


class Bubble(msgspec.Struct, frozen=True):
    """One segment; `length` and `room` in the unit of the text's alphabet."""

    stretches: tuple[Stretch, ...]
    length: int
    room: int


class Talk(msgspec.Struct, frozen=True):
    """The bubbles of a text, and the characters that are marked in them: those to blame for its alphabet."""

    bubbles: tuple[Bubble, ...]
    blamed: tuple[Forcing, ...]
    outside: int
    """How many characters of the text are outside GSM, marked or not."""


def talk_of(bill: TextBill) -> Talk:
    """The bubbles of a text."""
    to_blame = tuple(each for each in bill.forcing if each.dcs == bill.dcs) or bill.forcing
    times = sum(each.times for each in to_blame)
    blamed = to_blame if times <= _FEW or times * _ONE_IN <= len(bill.text) else ()
    known = {each.character: each for each in blamed}
    bubbles, start = [], 0
    for part in bill.parts:
        bubbles.append(Bubble(tuple(_stretches(bill, part.text, start, known)), part.length, part.room))
        start += len(part.text)
    return Talk(tuple(bubbles), blamed, sum(not is_gsm(each) for each in bill.text))


def _stretches(bill: TextBill, text: str, start: int, blamed: dict[str, Forcing]) -> Iterator[Stretch]:
    """A segment in stretches of one kind; joined characters, such as those of a family emoji, stay together."""
    signature = bill.signature
    kinds = []
    for index, character in enumerate(text, start):
        signed = signature is not None and signature.start <= index < signature.end
        kinds.append("forced" if character in blamed else "signature" if signed else "")
    begin = 0
    for end in range(1, len(text) + 1):
        if end == len(text) or kinds[end] != kinds[begin]:
            stretch = text[begin:end]
            names = dict.fromkeys(stretch) if kinds[begin] == "forced" else {}
            about = ", ".join(f"{blamed[each].code_point} {blamed[each].name}" for each in names)
            yield Stretch(stretch, kinds[begin], about)
            begin = end
