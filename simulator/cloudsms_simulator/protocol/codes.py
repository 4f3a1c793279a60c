"""The codes on the wire, each with its table: result codes, states of messages, country codes and their numbers.

RESULT_CODE: `ResultCode` and `RESULT_CODES`, whether the platform took a packet, or one of its destinations. The
table is the specification's, row by row, with the three damaged cells mended: `Invalide_paramete` is spelled as the
Remark below the table spells it, `0x100000D` has its lost zero back, and both rows named `Empty_data` stay.

SMS_STATE: `State` and `STATES`, what became of a message, as its delivery reports say.

COUNTRY_CODE: `COUNTRY_CODES`, the calling codes of E.164, 1 to 998, one to three digits. A country that shares a code
has no longer one of its own: the Bahamas are 1, never 1242. `COUNTRY_CODES_OF` translates mobile country codes (MCC,
ITU-T E.212), which some take for country codes: 454 is Hong Kong's, whose country code is 852. They are never on the
wire; networks of no country (901) are left out.

`NUMBER_PLANS`: how long the mobile numbers of a country are, and the trunk prefix that is dialled inside it only. Facts
for advice; the checks never ask them. Countries that share a code are taken together. Where a zero belongs to the
number, as in Italy's landlines and in 225, 226, 229 and 242, there is no trunk prefix. Development tests compare these
tables with the package `phonenumbers`.

Spec: RESULT_CODE and RESULT_DESC, and its Remark, Invalid country code. Spec: SMS_STATE and RESULT_DESC. Reading: R20,
R24.
"""

from collections.abc import Mapping
from enum import IntEnum

import msgspec

# RESULT_CODE.


class ResultCode(IntEnum):
    """The fifteen codes. On the wire they are decimal JSON integers: `INVALID_PARAMETER` is 268435457."""

    OK = 0x01
    UNKNOWN_ERROR = 0x02
    BUSY = 0x03
    EMPTY_DATA = 0x04
    CHANNEL_NOT_EXIST = 0x05
    INVALID_PARAMETER = 0x10000001
    INVALID_CONTEXT = 0x10000003
    SEND_FAILED = 0x10000004
    QUEUE_TOO_LARGE = 0x10000005
    INTERCEPT = 0x10000006
    LOST_INFO = 0x10000007
    EMPTY_DATA_RECEIVED = 0x1000000D
    DB_NOT_FIND = 0x1000000E
    UNPRICED_AREA = 0x1000000F
    INVALID_VERSION = 0x10000010

    __hash__ = int.__hash__
    """An Enum hashes its name, in Python; a code is looked up for every destination."""


class ResultCodeRow(msgspec.Struct, frozen=True):
    """One row of the table: the code, RESULT_DESC, what it means, and what the document tells the customer to do."""

    code: ResultCode
    desc: str
    description: str
    solution: str


_TRY_AGAIN = "Please try again later (10 minutes)"
_COMPLETE = "Check that the API packet required parameters are complete."

RESULT_CODES: tuple[ResultCodeRow, ...] = (
    ResultCodeRow(ResultCode.OK, "OK", "Success.", ""),
    ResultCodeRow(ResultCode.UNKNOWN_ERROR, "Unknown_error", "Unknown exception error.", "Please report to CloudSMS"),
    ResultCodeRow(ResultCode.BUSY, "Busy", "The platform is busy.", _TRY_AGAIN),
    ResultCodeRow(
        ResultCode.EMPTY_DATA,
        "Empty_data",
        "Empty packet.",
        "Please check that the API request packet is submitted correctly",
    ),
    ResultCodeRow(
        ResultCode.CHANNEL_NOT_EXIST,
        "Channel_not_exist",
        "AUTH_KEY mistakes.",
        "Please check whether the AUTH_KEY is filled in correctly",
    ),
    ResultCodeRow(
        ResultCode.INVALID_PARAMETER,
        "Invalid_parameter",
        "Parameter error.",
        "Check that the API request package parameters are correct. For example: whether the Parameter is correct, "
        "whether the Type is correct",
    ),
    ResultCodeRow(
        ResultCode.INVALID_CONTEXT,
        "Invalid_context",
        "Invalid SMS content, SMS content is lost or too long.",
        f"Check whether the API packet is in JSON format; {_COMPLETE}",
    ),
    ResultCodeRow(ResultCode.SEND_FAILED, "Send_failed", "SMS sending failed.", "Please report to CloudSMS"),
    ResultCodeRow(ResultCode.QUEUE_TOO_LARGE, "Queue_too_large", "The cache is full.", _TRY_AGAIN),
    ResultCodeRow(
        ResultCode.INTERCEPT, "Intercept", "Text messages are intercepted (possibly blacklisted).", _TRY_AGAIN
    ),
    ResultCodeRow(ResultCode.LOST_INFO, "Lost_info", "Incomplete packet (partial loss)", _COMPLETE),
    ResultCodeRow(
        ResultCode.EMPTY_DATA_RECEIVED,
        "Empty_data",
        "Received empty packet",
        "Please check that the customer API packet format and required parameters are complete.",
    ),
    ResultCodeRow(ResultCode.DB_NOT_FIND, "DB_not_find", "Data storage error", _TRY_AGAIN),
    ResultCodeRow(
        ResultCode.UNPRICED_AREA,
        "Unpriced_area",
        "Prices are not allowed to be sent or set in this area",
        "Please check the SMS direction that supports sending.",
    ),
    ResultCodeRow(
        ResultCode.INVALID_VERSION,
        "Invalid_Version",
        "Invalid version",
        "Please change to the latest Web API version number.",
    ),
)

_ROW_OF_CODE = {row.code: row for row in RESULT_CODES}


def row_of(code: ResultCode) -> ResultCodeRow:
    """The table's row of a code."""
    return _ROW_OF_CODE[code]


def desc_of(code: ResultCode) -> str:
    """RESULT_DESC as the table names it: `Channel_not_exist`. At most 127 octets, all of them displayable ASCII."""
    return _ROW_OF_CODE[code].desc


def hex_code(code: ResultCode) -> str:
    """The code as people write it: `0x05`, `0x10000001`."""
    return f"0x{code:02X}" if code < 0x10 else f"0x{code:08X}"


# SMS_STATE.


class State(IntEnum):
    """The ten states of the table. A scenario may send any other integer; it is final unless said otherwise."""

    ENROUTE = 1
    DELIVERED = 2
    EXPIRED = 3
    DELETED = 4
    UNDELIVERABLE = 5
    ACCEPTED = 6
    UNKNOWN = 7
    REJECTED = 8
    IDLE = 9
    LOCAL_REJECTED = 60


class StateRow(msgspec.Struct, frozen=True):
    """One row of the table; `final` tells whether nothing follows."""

    state: State
    description: str
    final: bool


STATES: tuple[StateRow, ...] = (
    StateRow(State.ENROUTE, "Message is transmitting", final=False),
    StateRow(State.DELIVERED, "Message has arrived", final=True),
    StateRow(State.EXPIRED, "Message timeout", final=True),
    StateRow(State.DELETED, "Message deleted", final=True),
    StateRow(State.UNDELIVERABLE, "Message cannot be delivered", final=True),
    StateRow(
        State.ACCEPTED,
        "The message has been received (for example, it has been manually read by customer service on behalf of "
        "the user)",
        final=True,
    ),
    StateRow(State.UNKNOWN, "Invalid message status", final=True),
    StateRow(State.REJECTED, "Message rejected", final=True),
    StateRow(State.IDLE, "Message is being processed", final=False),
    StateRow(State.LOCAL_REJECTED, "SMS is rejected locally by CloudSMS platform", final=True),
)

_STATE_NAMES = {int(row.state): row.state.name for row in STATES}
_UNKNOWN_STATE = State.UNKNOWN.name
_INTERMEDIATE = frozenset(int(row.state) for row in STATES if not row.final)


def state_desc(state: int) -> str:
    """RESULT_DESC of a state: its name, or `UNKNOWN` for an integer outside the table. At most 32 octets."""
    return _STATE_NAMES.get(state, _UNKNOWN_STATE)


def is_final(state: int) -> bool:
    """Whether a message that reached this state stays there: all but ENROUTE and IDLE."""
    return state not in _INTERMEDIATE


# fmt: off
COUNTRY_CODES: frozenset[int] = frozenset((
    # Zone 1: North America.
    1,
    # Zone 2: Africa, Greenland, Aruba, Faroe Islands.
    20, 27, 211, 212, 213, 216, 218, 220, 221, 222, 223, 224, 225, 226, 227, 228, 229, 230, 231, 232, 233, 234,
    235, 236, 237, 238, 239, 240, 241, 242, 243, 244, 245, 246, 247, 248, 249, 250, 251, 252, 253, 254, 255,
    256, 257, 258, 260, 261, 262, 263, 264, 265, 266, 267, 268, 269, 290, 291, 297, 298, 299,
    # Zone 3: Europe.
    30, 31, 32, 33, 34, 36, 39, 350, 351, 352, 353, 354, 355, 356, 357, 358, 359, 370, 371, 372, 373, 374, 375,
    376, 377, 378, 380, 381, 382, 383, 385, 386, 387, 389,
    # Zone 4: Europe.
    40, 41, 43, 44, 45, 46, 47, 48, 49, 420, 421, 423,
    # Zone 5: Latin America.
    51, 52, 53, 54, 55, 56, 57, 58, 500, 501, 502, 503, 504, 505, 506, 507, 508, 509, 590, 591, 592, 593, 594,
    595, 596, 597, 598, 599,
    # Zone 6: South-East Asia, Oceania.
    60, 61, 62, 63, 64, 65, 66, 670, 672, 673, 674, 675, 676, 677, 678, 679, 680, 681, 682, 683, 685, 686, 687,
    688, 689, 690, 691, 692,
    # Zone 7: Russia, Kazakhstan.
    7,
    # Zone 8: East Asia, and what belongs to no country: freephone, satellites, networks.
    81, 82, 84, 86, 800, 808, 850, 852, 853, 855, 856, 870, 878, 880, 881, 882, 883, 886, 888,
    # Zone 9: West, South and Central Asia, and premium rate.
    90, 91, 92, 93, 94, 95, 98, 960, 961, 962, 963, 964, 965, 966, 967, 968, 970, 971, 972, 973, 974, 975, 976,
    977, 979, 992, 993, 994, 995, 996, 998,
))
# fmt: on
"""Every assigned code, those of worldwide services (800 freephone, 881 satellites, 979 premium rate) included."""


# fmt: off
COUNTRY_CODES_OF: Mapping[int, tuple[int, ...]] = {
    # Zone 2: Europe.
    202: (30,), 204: (31,), 206: (32,), 208: (33,), 212: (377,), 213: (376,), 214: (34,), 216: (36,), 218: (387,),
    219: (385,), 220: (381,), 221: (383,), 222: (39,), 225: (39,), 226: (40,), 228: (41,), 230: (420,), 231: (421,),
    232: (43,), 234: (44,), 235: (44,), 238: (45,), 240: (46,), 242: (47,), 244: (358,), 246: (370,), 247: (371,),
    248: (372,), 250: (7,), 255: (380,), 257: (375,), 259: (373,), 260: (48,), 262: (49,), 266: (350,), 268: (351,),
    270: (352,), 272: (353,), 274: (354,), 276: (355,), 278: (356,), 280: (357,), 282: (995,), 283: (374,),
    284: (359,), 286: (90,), 288: (298,), 290: (299,), 292: (378,), 293: (386,), 294: (389,), 295: (423,), 297: (382,),
    # Zone 3: North America and the Caribbean.
    302: (1,), 308: (508,), 310: (1,), 311: (1,), 312: (1,), 313: (1,), 314: (1,), 315: (1,), 316: (1,), 330: (1,),
    332: (1,), 334: (52,), 338: (1,), 340: (590, 594, 596), 342: (1,), 344: (1,), 346: (1,), 348: (1,), 350: (1,),
    352: (1,), 354: (1,), 356: (1,), 358: (1,), 360: (1,), 362: (599, 1), 363: (297,), 364: (1,), 365: (1,),
    366: (1,), 368: (53,), 370: (1,), 372: (509,), 374: (1,), 376: (1,),
    # Zone 4: Asia.
    400: (994,), 401: (7,), 402: (975,), 404: (91,), 405: (91,), 406: (91,), 410: (92,), 412: (93,), 413: (94,),
    414: (95,), 415: (961,), 416: (962,), 417: (963,), 418: (964,), 419: (965,), 420: (966,), 421: (967,),
    422: (968,), 424: (971,), 425: (972, 970), 426: (973,), 427: (974,), 428: (976,), 429: (977,), 430: (971,),
    431: (971,), 432: (98,), 434: (998,), 436: (992,), 437: (996,), 438: (993,), 440: (81,), 441: (81,), 450: (82,),
    452: (84,), 454: (852,), 455: (853,), 456: (855,), 457: (856,), 460: (86,), 461: (86,), 466: (886,), 467: (850,),
    470: (880,), 472: (960,),
    # Zone 5: Oceania and South-East Asia.
    502: (60,), 505: (61, 672), 510: (62,), 514: (670,), 515: (63,), 520: (66,), 525: (65,), 528: (673,), 530: (64,),
    534: (1,), 535: (1,), 536: (674,), 537: (675,), 539: (676,), 540: (677,), 541: (678,), 542: (679,), 543: (681,),
    544: (1,), 545: (686,), 546: (687,), 547: (689,), 548: (682,), 549: (685,), 550: (691,), 551: (692,), 552: (680,),
    553: (688,), 554: (690,), 555: (683,),
    # Zone 6: Africa.
    602: (20,), 603: (213,), 604: (212,), 605: (216,), 606: (218,), 607: (220,), 608: (221,), 609: (222,),
    610: (223,), 611: (224,), 612: (225,), 613: (226,), 614: (227,), 615: (228,), 616: (229,), 617: (230,),
    618: (231,), 619: (232,), 620: (233,), 621: (234,), 622: (235,), 623: (236,), 624: (237,), 625: (238,),
    626: (239,), 627: (240,), 628: (241,), 629: (242,), 630: (243,), 631: (244,), 632: (245,), 633: (248,),
    634: (249,), 635: (250,), 636: (251,), 637: (252,), 638: (253,), 639: (254,), 640: (255,), 641: (256,),
    642: (257,), 643: (258,), 645: (260,), 646: (261,), 647: (262,), 648: (263,), 649: (264,), 650: (265,),
    651: (266,), 652: (267,), 653: (268,), 654: (269,), 655: (27,), 657: (291,), 658: (290, 247), 659: (211,),
    # Zone 7: South America.
    702: (501,), 704: (502,), 706: (503,), 708: (504,), 710: (505,), 712: (506,), 714: (507,), 716: (51,), 722: (54,),
    724: (55,), 730: (56,), 732: (57,), 734: (58,), 736: (591,), 738: (592,), 740: (593,), 742: (594,), 744: (595,),
    746: (597,), 748: (598,), 750: (500,),
}
# fmt: on
"""The country codes of the countries that an MCC belongs to; nearly always one."""


# Number plans.


class NumberPlan(msgspec.Struct, frozen=True):
    """The numbers of a country, without the country code.

    `lengths` are the numbers of digits that a mobile number may have; of a service without mobiles, any number.
    """

    lengths: tuple[int, ...]
    trunk_prefix: str
    """What is dialled before a number inside the country, and is no part of it; "" where there is none."""


# fmt: off
_NUMBER_PLAN_ROWS: tuple[tuple[tuple[int, ...], str, tuple[int, ...]], ...] = (
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
    code: NumberPlan(lengths, trunk_prefix) for lengths, trunk_prefix, codes in _NUMBER_PLAN_ROWS for code in codes
}
"""The number plan of each country code; every assigned code has one."""


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
