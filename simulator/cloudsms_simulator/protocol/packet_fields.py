"""The fields of packets with what the specification says of them, for whoever is told by a JSON Schema.

The limits are told and not enforced: a customer's reader takes what comes. JSON Schema counts characters where the
specification counts octets of UTF-8, so it never refuses what is right.

Spec: Parameter Details. Reading: R6.
"""

from typing import Annotated

import msgspec

from cloudsms_simulator.protocol import limits

TEXT_OF_CODE_OCTETS = 127
NAME_OF_STATE_OCTETS = 32


def _about(description: str, **schema: object) -> msgspec.Meta:
    return msgspec.Meta(description=description, extra_json_schema=schema or None)


_TIME = r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$"
_WIRE = "YYYY-MM-DD HH:MM:SS in Hong Kong"

Serial = Annotated[int, _about("Tells packets apart; it may come again.", minimum=1, maximum=limits.HIGHEST_SERIAL)]
EchoedSerial = Annotated[
    int, _about("That of the request; 0 when it had none.", minimum=0, maximum=limits.HIGHEST_SERIAL)
]
Time = Annotated[str, _about(f"When the packet was sent: {_WIRE}.", maxLength=limits.TIME_OCTETS, pattern=_TIME)]
ReportTime = Annotated[
    str, _about(f"When the state was reached: {_WIRE}.", maxLength=limits.TIME_OCTETS, pattern=_TIME)
]
AuthKey = Annotated[str, _about("Tells the account.", minLength=1, maxLength=limits.AUTH_KEY_OCTETS)]
RouteId = Annotated[str, _about("One of the account's routes.", minLength=1, maxLength=limits.ROUTE_OCTETS)]
CountryCode = Annotated[int, _about("E.164 country calling code.", minimum=1, maximum=999)]
EchoedCountryCode = Annotated[
    int, _about("The country code as it came; 0 when it was none.", minimum=0, maximum=limits.HIGHEST_ECHOED_COUNTRY)
]
Msisdn = Annotated[
    str,
    _about("Number without country code, digits only.", maxLength=limits.MSISDN_OCTETS, pattern="^[0-9]+$"),
]
EchoedMsisdn = Annotated[str, _about("The number, as it came.", maxLength=limits.MSISDN_OCTETS)]
Content = Annotated[str, _about(f"The text: at most {limits.MOST_SEGMENTS} segments once signed.", minLength=1)]
Signature = Annotated[str, _about("The signature, without brackets.", maxLength=limits.SIGNATURE_OCTETS)]
SignatureType = Annotated[
    int, _about("Where it goes: 1 【S】text, 2 text【S】, 3 [S] text, 4 text[S], 5 nowhere.", minimum=1, maximum=5)
]
Sender = Annotated[
    str, _about("The sender that is asked for.", maxLength=limits.SENDER_OCTETS, pattern=r"^[\x20-\x7F]*$")
]
Priority = Annotated[int, _about("0 or 1; more is reserved.", minimum=0, maximum=limits.HIGHEST_UINT)]
Repeat = Annotated[int, _about("In the samples only; it does nothing.", minimum=0, maximum=limits.HIGHEST_UINT)]
CustomerBody = Annotated[
    msgspec.Raw,
    _about(
        f"Comes back with each report, byte for byte; at most {limits.CUSTOMER_BODY_OCTETS} octets of compact JSON.",
        type="object",
    ),
]
SmsUid = Annotated[
    str, _about("The message's name, 30 characters.", pattern="^[0-9A-F]{13}X[0-9A-F]{3}[0-9A-FH][0-9A-F]{12}$")
]
Code = Annotated[int, _about("The result code: 1 is OK, 268435457 is 0x10000001.", minimum=0, maximum=2**32 - 1)]
CodeText = Annotated[str, _about("What the table calls the code.", maxLength=TEXT_OF_CODE_OCTETS)]
State = Annotated[int, _about("The state, by its number in the table.")]
StateName = Annotated[str, _about("What the table calls the state.", maxLength=NAME_OF_STATE_OCTETS)]
