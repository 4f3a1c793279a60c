"""The country codes that exist: the calling codes of E.164, 1 to 998, one to three digits.

A country that shares a code has no longer one of its own: the Bahamas are 1, never 1242. A development test compares
the table with the package `phonenumbers`.

Spec: RESULT_CODE and RESULT_DESC, Remark, Invalid country code.
"""

# fmt: off
ASSIGNED: frozenset[int] = frozenset((
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
