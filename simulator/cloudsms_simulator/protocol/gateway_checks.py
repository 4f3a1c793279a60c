"""Checks 1 to 9, the gateway's: is this a packet, of the right kind, from somebody known?

Spec: General Parameters. Spec: AUTH_KEY. Reading: R3.
"""

from cloudsms_simulator.protocol import limits, uip
from cloudsms_simulator.protocol.candidate import Candidate, Refusal, missing, refused, unsigned
from cloudsms_simulator.protocol.finding_rules import Told, found
from cloudsms_simulator.protocol.limits import octets
from cloudsms_simulator.protocol.result_codes import ResultCode


def body_is_not_empty(candidate: Candidate) -> Refusal | None:
    """Check 1. Spec: the Java sample, which posts nothing."""
    if candidate.decoded.form != "empty":
        return None
    return refused(ResultCode.EMPTY_DATA, found("body-empty", "body", Told("no body"), "a JSON object"))


def body_is_complete(candidate: Candidate) -> Refusal | None:
    """Check 2: the body does not end in the middle of something."""
    decoded = candidate.decoded
    if decoded.form != "cut":
        return None
    got = Told(f"{decoded.reason}, at octet {decoded.offset}")
    want = "the whole JSON object; Content-Length counts octets, not characters"
    return refused(ResultCode.LOST_INFO, found("body-cut", "body", got, want))


def body_is_json(candidate: Candidate) -> Refusal | None:
    """Check 3: strict JSON in strict UTF-8, and nothing after it."""
    decoded = candidate.decoded
    if decoded.form == "broken":
        got = Told(f"{decoded.reason}, at octet {decoded.offset}")
        return refused(ResultCode.INVALID_CONTEXT, found("body-not-json", "body", got, "strict JSON in UTF-8"))
    if decoded.trailing and candidate.profile.trailing_bytes == "reject":
        got = Told(f"more bytes from octet {decoded.offset}")
        return refused(ResultCode.INVALID_CONTEXT, found("body-trailing", "body", got, "nothing after the object"))
    return None


def body_is_an_object(candidate: Candidate) -> Refusal | None:
    """Check 4: an object with members."""
    if candidate.decoded.form != "no-object":
        return None
    got = Told(f"{candidate.decoded.reason}, without the members of a packet")
    return refused(ResultCode.EMPTY_DATA_RECEIVED, found("body-empty-packet", "body", got, "an object with members"))


def method_and_type(candidate: Candidate) -> Refusal | None:
    """Check 5: METHOD is SMS_SEND_REQUEST and TYPE is REQUEST, spaces around them aside; and it is not UIP v2."""
    packet = candidate.packet
    if packet.method == limits.METHOD and packet.type == limits.TYPE and packet.uip_head == uip.ABSENT:
        return None
    findings = []
    if packet.uip_head != uip.ABSENT:
        findings.append(found("uip-v2", "$.uip_head", Told("a UIP v2 packet"), "the flat packet of UIP v1"))
    for name, rule, got, want in (
        ("$.METHOD", "method", packet.method, limits.METHOD),
        ("$.TYPE", "type", packet.type, limits.TYPE),
    ):
        if missing(got):
            findings.append(found(f"{rule}-missing", name, got, want))
        elif not isinstance(got, str) or got.strip(limits.WHITE_SPACE) != want:
            findings.append(found(f"{rule}-wrong", name, got, want))
    return refused(ResultCode.INVALID_PARAMETER, *findings) if findings else None


def serial_and_time(candidate: Candidate) -> Refusal | None:
    """Check 6: SERIAL from 1 to 65535, repeated or not; TIME a filled-in string of at most 32 octets."""
    packet = candidate.packet
    serial = unsigned(packet.serial, candidate.profile)
    time = packet.time
    serial_ok = serial is not None and 1 <= serial <= limits.HIGHEST_SERIAL
    if serial_ok and isinstance(time, str) and time and octets(time) <= limits.TIME_OCTETS:
        return None
    findings = []
    if not serial_ok:
        rule = "serial-missing" if missing(packet.serial) else "serial-wrong"
        findings.append(found(rule, "$.SERIAL", packet.serial, "an integer from 1 to 65535"))
    if missing(time):
        findings.append(found("time-missing", "$.TIME", time, "YYYY-MM-DD HH:MM:SS"))
    elif not isinstance(time, str) or octets(time) > limits.TIME_OCTETS:
        findings.append(found("time-wrong", "$.TIME", time, "a string of at most 32 octets, YYYY-MM-DD HH:MM:SS"))
    return refused(ResultCode.INVALID_PARAMETER, *findings)


def auth_key_is_there(candidate: Candidate) -> Refusal | None:
    """Check 7. The profile says which code a packet without AUTH_KEY gets."""
    key = candidate.packet.auth_key
    if not missing(key):
        return None
    code = ResultCode(candidate.profile.missing_key_code)
    return refused(code, found("auth-key-missing", "$.AUTH_KEY", key, "the account's AUTH_KEY"))


def auth_key_is_a_string(candidate: Candidate) -> Refusal | None:
    """Check 8: a string of at most 128 octets; "fixed 128 bytes" is the size of a buffer, real keys have 88."""
    key = candidate.packet.auth_key
    if missing(key) or (isinstance(key, str) and octets(key) <= limits.AUTH_KEY_OCTETS):
        return None
    got = Told(f"a string of {octets(key)} octets" if isinstance(key, str) else f"a JSON {_kind(key)}")
    return refused(
        ResultCode.INVALID_PARAMETER, found("auth-key-wrong", "$.AUTH_KEY", got, "a string of at most 128 octets")
    )


def auth_key_is_known(candidate: Candidate) -> Refusal | None:
    """Check 9."""
    key = candidate.packet.auth_key
    if candidate.account is not None or not isinstance(key, str) or not key or octets(key) > limits.AUTH_KEY_OCTETS:
        return None
    findings = [
        found(
            "auth-key-unknown",
            "$.AUTH_KEY",
            Told(f"a key of {len(key)} character{'' if len(key) == 1 else 's'}"),
            "an account's key",
        )
    ]
    if key != key.strip():
        findings.append(found("auth-key-spaces", "$.AUTH_KEY", Told("white space around the key"), "the bare key"))
    return refused(ResultCode.CHANNEL_NOT_EXIST, *findings)


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    return {dict: "object", list: "array", int: "number", float: "number"}.get(type(value), type(value).__name__)
