"""Number plans: how long the mobile numbers of a country are, and the trunk prefix that is dialled inside it only.

Facts of the countries' numbering plans, for advice; the checks never ask them. Countries that share a code are taken
together. Where a zero belongs to the number, as in Italy's landlines and in 225, 226, 229 and 242, there is no trunk
prefix. A development test derives the table from the package `phonenumbers`.

Spec: RESULT_CODE and RESULT_DESC, Remark. Reading: R20, R24.
"""

from collections.abc import Mapping

import msgspec


class NumberPlan(msgspec.Struct, frozen=True):
    """The numbers of a country, without the country code.

    `lengths` are the numbers of digits that a mobile number may have; of a service without mobiles, any number.
    """

    lengths: tuple[int, ...]
    trunk_prefix: str
    """What is dialled before a number inside the country, and is no part of it; "" where there is none."""


# fmt: off
_ROWS: tuple[tuple[tuple[int, ...], str, tuple[int, ...]], ...] = (
    # Lengths, trunk prefix, country codes.
    ((4, 5, 6, 7), "", (690,)),
    ((4, 7), "", (683,)),
    ((5,), "", (247, 290, 500, 682)),
    ((5, 6, 7, 8, 9), "0", (27,)),
    ((5, 7), "", (677,)),
    ((6,), "", (298, 299, 672, 681, 687)),
    ((6, 7), "", (688,)),
    ((6, 7, 8, 9, 10), "0", (358,)),
    ((6, 9), "", (376,)),
    ((6, 9), "0", (508,)),
    ((7,), "", (238, 239, 246, 248, 269, 297, 501, 592, 597, 673, 674, 676, 678, 679, 680, 691, 960)),
    ((7,), "0", (291,)),
    ((7,), "1", (692,)),
    ((7, 8), "", (241, 372, 507, 599)),
    ((7, 8), "0", (961,)),
    ((7, 8, 9), "0", (252,)),
    ((7, 8, 9, 10), "0", (95,)),
    ((7, 8, 9, 10, 11, 12, 13), "0", (43,)),
    ((7, 8, 9, 10, 12), "", (882,)),
    ((7, 9), "", (220, 354)),
    ((7, 9), "0", (231, 243, 423)),
    ((7, 10), "", (685,)),
    ((8,), "", (
        45, 47, 65, 216, 222, 223, 226, 227, 228, 230, 235, 236, 253, 257, 266, 267, 268, 350, 356, 357, 371,
        378, 502, 503, 504, 505, 506, 509, 670, 675, 689, 800, 808, 852, 853, 965, 968, 973, 974, 975,
    )),
    ((8,), "0", (53, 232, 370, 373, 374, 382, 383, 386, 389, 591, 598, 686, 976)),
    ((8,), "8", (993,)),
    ((8, 9), "0", (359, 377, 385, 387, 855)),
    ((8, 9, 10), "0", (64, 381)),
    ((8, 9, 10, 11, 12), "", (883,)),
    ((9,), "", (34, 48, 56, 221, 224, 237, 240, 242, 244, 245, 258, 351, 352, 420, 979, 992, 998)),
    ((9,), "0", (
        32, 33, 40, 41, 46, 51, 61, 66, 84, 93, 94, 211, 212, 213, 218, 233, 249, 250, 251, 254, 255, 256, 260,
        261, 262, 263, 264, 265, 353, 355, 380, 421, 590, 593, 594, 595, 596, 886, 962, 963, 966, 967, 970, 971,
        972, 994, 995, 996,
    )),
    ((9,), "06", (36,)),
    ((9,), "8", (375,)),
    ((9, 10), "", (39, 881)),
    ((9, 10), "0", (60, 82, 856)),
    ((9, 10, 11, 12), "0", (62,)),
    ((9, 11), "0", (31,)),
    ((9, 12), "", (870,)),
    ((10,), "", (30, 52, 225, 229)),
    ((10,), "0", (20, 44, 57, 58, 63, 81, 90, 91, 92, 98, 234, 850, 880, 964, 977)),
    ((10,), "1", (1,)),
    ((10,), "8", (7,)),
    ((10, 11), "0", (49, 54, 55)),
    ((11,), "", (888,)),
    ((11,), "0", (86,)),
    ((12,), "", (878,)),
)
# fmt: on

NUMBER_PLANS: Mapping[int, NumberPlan] = {
    code: NumberPlan(lengths, trunk_prefix) for lengths, trunk_prefix, codes in _ROWS for code in codes
}
"""By country code; every assigned code has one."""


def fits_plan(country_code: int, digits: str) -> bool:
    """Whether a number has a length that mobile numbers of its country have; False for a code nobody has."""
    plan = NUMBER_PLANS.get(country_code)
    return plan is not None and len(digits) in plan.lengths


def without_trunk_prefix(country_code: int, digits: str) -> str | None:
    """The number without the trunk prefix in front of it; None when it has none, or would not fit its country then."""
    plan = NUMBER_PLANS.get(country_code)
    if plan is None or not plan.trunk_prefix or not digits.startswith(plan.trunk_prefix):
        return None
    bare = digits.removeprefix(plan.trunk_prefix)
    return bare if len(bare) in plan.lengths else None


def without_country_code(country_code: int, digits: str) -> str | None:
    """The number without the country code in front of it; None when it has none there.

    Numbers may begin like their country's code: 39 is the code of Italy, and 392 123 4567 an Italian number. So the
    code is repeated only in what has no length of that country with it, and one without it.
    """
    code = str(country_code)
    if not digits.startswith(code) or fits_plan(country_code, digits):
        return None
    bare = digits.removeprefix(code)
    return bare if fits_plan(country_code, bare) else without_trunk_prefix(country_code, bare)
