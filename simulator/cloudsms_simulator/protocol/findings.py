"""Findings: the things worth telling about an exchange, each under the id of a rule.

The wire carries one code; the journal keeps every finding. `FINDING_RULES` has a row for each rule that a finding can
name, and `found` is the one way to make a finding. `simulator/READINGS.md` lists every row; a test holds the two
together.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

OUT_OF_RANGE = float("inf")
"""Stands for a number no float can hold, such as 1e400: valid JSON, and never what a field wants."""

Severity = Literal["error", "warning", "suspicion", "note"]


class Finding(msgspec.Struct, frozen=True, gc=False):
    """One finding.

    `path` says where: a JSON path such as `$.MULTI_MSISDN_LIST[3].COUNTRY_CODE`, or `body`, `headers`, `connection`,
    `answer`, `report`. `got` and `want` say what came and what would be right, as text for people. `heading` is the
    specification's heading that says so. Of its severities, `error` refuses, `warning` is a mistake that passes,
    `suspicion` is what the client's behaviour lets suspect, and `note` is worth knowing but no mistake.
    """

    rule: str
    severity: Severity
    path: str
    got: str
    want: str
    heading: str


_LONGEST_EXCERPT = 80
_MOST_OCTETS = 4 * (_LONGEST_EXCERPT + 1)
"""No character of UTF-8 takes more than four."""


def excerpt(value: object) -> str:
    """A value as a finding quotes it: JSON-like, at most 80 characters and an ellipsis. Absent (UNSET) is `nothing`."""
    if value is msgspec.UNSET:
        return "nothing"
    if isinstance(value, str):
        value = value[: _LONGEST_EXCERPT + 1]
    try:
        text = msgspec.json.encode(value)[:_MOST_OCTETS].decode("utf-8", "replace")
    except (TypeError, ValueError, OverflowError, RecursionError):
        text = repr(value)
    return text if len(text) <= _LONGEST_EXCERPT else f"{text[:_LONGEST_EXCERPT]}…"


class FindingRule(msgspec.Struct, frozen=True):
    """A rule: its kebab-case id, how bad it is, the specification's heading, and what it says in one line.

    A rule that refuses packets has a remedy in `REMEDIES`, `protocol/correction.py`, or says here why there is none.
    """

    id: str
    severity: Severity
    heading: str
    summary: str
    no_remedy: str | None = None
    """Why nobody but the sender can mend a packet that breaks the rule."""
    not_in_packet: str | None = None
    """Why no change of the packet answers the rule, where it is not broken by what a packet holds."""


_REQUEST = "Request UIP Format"
_RESPONSE = "Response UIP Format"
_PRINCIPLE = "Interface specification and communication principle"
_CODES = "RESULT_CODE and RESULT_DESC"
_GENERAL = "General Parameters"
_REPORT_ANSWER = "Delivery Report (DR) response Format"
_REPORTS = "Delivery Report (DR) CallBack"
_STATES = "SMS_STATE and RESULT_DESC"

_LATER = "the packet is in order; send it again later, after ten minutes as the document says"
_SCENARIO = "the scenario, or a magic number, says so whatever the packet holds"
_NO_PACKET = "what came is no packet; the finding says what would be one"
_OURS = "the packet may well be in order; what failed is the simulator, and its log says why"

_ROWS: tuple[FindingRule, ...] = (
    # The packet as a whole: checks 1 to 4.
    FindingRule("body-empty", "error", _CODES, "The body is empty or only white space."),
    FindingRule("body-cut", "error", _CODES, "The body ends inside a JSON value or a UTF-8 sequence."),
    FindingRule("body-not-json", "error", _PRINCIPLE, "The body is not strict JSON in UTF-8."),
    FindingRule("body-trailing", "error", _PRINCIPLE, "Bytes follow the JSON value."),
    FindingRule("body-trailing-ignored", "warning", _PRINCIPLE, "Bytes after the JSON value were ignored."),
    FindingRule("body-empty-packet", "error", _CODES, "The body is JSON, but no object with members."),
    FindingRule("duplicate-key", "warning", _PRINCIPLE, "A key is there twice; the last one counts."),
    FindingRule("unknown-field", "warning", _REQUEST, "A field the specification does not know was ignored."),
    FindingRule("not-looked-through", "warning", _PRINCIPLE, "The body has too many keys and values to look at each."),
    FindingRule("null-field", "warning", _REQUEST, "An optional field is null and counts as absent."),
    FindingRule("uip-v2", "error", _PRINCIPLE, "The packet is UIP v2, with a `uip_head`; this platform speaks v1.",
        no_remedy="UIP v2 is another protocol: write the packet with the fields of v1, all on the top level"),
    FindingRule("body-compressed", "error", _PRINCIPLE, "The body is compressed; the platform reads plain JSON."),
    FindingRule("body-is-form", "error", _PRINCIPLE, "The body is a form; the platform reads JSON."),
    FindingRule("names-misspelt", "error", _REQUEST, "Names of fields are in another case than the specification's.",
        no_remedy="write the names of fields as the specification does"),
    FindingRule("polled-for-report", "error", "METHOD", "The request asks for a report; reports are pushed.",
        no_remedy="nothing to correct: a report is not asked for, it comes to the account's callback by itself"),
    # General parameters: checks 5 and 6.
    FindingRule("method-missing", "error", "METHOD", "METHOD is missing or empty."),
    FindingRule("method-wrong", "error", "METHOD", "METHOD is not SMS_SEND_REQUEST."),
    FindingRule("type-missing", "error", "TYPE", "TYPE is missing or empty."),
    FindingRule("type-wrong", "error", "TYPE", "TYPE is not REQUEST."),
    FindingRule("surrounding-spaces", "warning", _GENERAL, "Spaces around the value were trimmed."),
    FindingRule("serial-missing", "error", "SERIAL", "SERIAL is missing."),
    FindingRule("serial-wrong", "error", "SERIAL", "SERIAL is not an unsigned integer from 1 to 65535."),
    FindingRule("time-missing", "error", "TIME", "TIME is missing or empty."),
    FindingRule("time-wrong", "error", "TIME", "TIME is not a string of at most 32 octets."),
    FindingRule("time-format", "warning", "TIME", "TIME is not written YYYY-MM-DD HH:MM:SS."),
    FindingRule("time-unix", "warning", "TIME", "TIME holds unix seconds."),
    FindingRule("time-iso-8601", "warning", "TIME", "TIME is written as ISO 8601."),
    FindingRule("time-12-hour", "warning", "TIME", "TIME is on a 12-hour clock."),
    FindingRule("time-zone", "warning", "TIME", "TIME is off by whole hours: the clock of another zone."),
    FindingRule("time-skew", "warning", "TIME", "TIME is not the moment the packet was sent."),
    FindingRule("digit-string", "warning", _REQUEST, "An unsigned integer came as a string of digits."),
    # The key and the version: checks 7 to 10.
    FindingRule("auth-key-missing", "error", "AUTH_KEY", "AUTH_KEY is missing or empty."),
    FindingRule("auth-key-wrong", "error", "AUTH_KEY", "AUTH_KEY is not a string of at most 128 octets."),
    FindingRule("auth-key-unknown", "error", "AUTH_KEY", "No account has this AUTH_KEY."),
    FindingRule("auth-key-spaces", "warning", "AUTH_KEY", "AUTH_KEY begins or ends with white space."),
    FindingRule("auth-key-in-header", "warning", "AUTH_KEY", "AUTH_KEY came as a header; it belongs in the body."),
    FindingRule("version-missing", "error", _REQUEST, "VERSION is missing, or is not a string."),
    FindingRule("version-unknown", "error", _REQUEST, "VERSION is not one the platform accepts."),
    FindingRule("rate-limited", "error", _CODES, "More packets in this second than the account may send.",
        not_in_packet=_LATER),
    # The submission: checks 11 to 15.
    FindingRule("route-missing", "error", "ROUTE_ID", "ROUTE_ID is missing or empty."),
    FindingRule("route-wrong", "error", "ROUTE_ID", "ROUTE_ID is not a string of at most 255 octets."),
    FindingRule("route-is-auth-key", "warning", "ROUTE_ID", "ROUTE_ID holds the AUTH_KEY, as two samples say."),
    FindingRule("route-unknown", "warning", "ROUTE_ID", "The account has no such route; the message ends in state 60."),
    FindingRule("sender-wrong", "error", _REQUEST, "ORIGINAL_ADDR is not a string of at most 32 octets 0x20 to 0x7F."),
    FindingRule("signature-wrong", "error", "SIGNATURE", "SIGNATURE is not a string of at most 64 octets."),
    FindingRule("signature-type-wrong", "error", "SIGNATURE_TYPE", "SIGNATURE_TYPE is not an integer from 1 to 5."),
    FindingRule("signature-type-alone", "warning", "SIGNATURE_TYPE", "SIGNATURE_TYPE without SIGNATURE: no change."),
    FindingRule("signature-type-missing", "warning", "SIGNATURE", "SIGNATURE without SIGNATURE_TYPE is not added."),
    FindingRule("signature-typed-and-sent", "warning", "SIGNATURE_TYPE", "The text already carries a signature."),
    FindingRule("signature-brackets", "warning", "SIGNATURE", "SIGNATURE is in brackets, and gets another pair."),
    FindingRule("signature-unregistered", "warning", "SIGNATURE", "The direction wants a registered signature."),
    FindingRule("priority-wrong", "error", _REQUEST, "PRIORITY is not an unsigned integer of 4 octets."),
    FindingRule("priority-reserved", "warning", _REQUEST, "PRIORITY above 1 is reserved."),
    FindingRule("repeat-wrong", "error", "Examples", "REPEAT is not an unsigned integer of 4 octets."),
    FindingRule("customer-body-wrong", "error", "CUSTOMER_BODY", "CUSTOMER_BODY is no object of at most 255 octets."),
    FindingRule("customer-body-absent", "note", "CUSTOMER_BODY", "Without it, only SMS_UID matches a report."),
    FindingRule("content-missing", "error", "SMS_CONTENT", "SMS_CONTENT is missing or empty.",
        no_remedy="only its sender knows the text"),
    FindingRule("content-wrong", "error", "SMS_CONTENT", "SMS_CONTENT is not a string."),
    FindingRule("content-too-long", "error", "SMS_CONTENT", "The signed text needs more than 10 segments."),
    FindingRule("content-over-1530", "warning", "SMS_CONTENT", "The text is over 1530 bytes by the byte rule."),
    FindingRule("content-forced-ucs2", "warning", "CloudSMS SMPP slicing rules", "One character makes the text dear."),
    FindingRule("content-placeholder", "warning", "SMS_CONTENT", "The text holds a placeholder nobody filled in."),
    FindingRule("content-split-by-hand", "warning", "SMS_CONTENT", "The text looks split by hand; we split it."),
    # The destinations: checks 16 and 17.
    FindingRule("list-missing", "error", _REQUEST, "MULTI_MSISDN_LIST is missing or empty.",
        no_remedy="only its sender knows whom it is for"),
    FindingRule("list-wrong", "error", _REQUEST, "MULTI_MSISDN_LIST is not an array."),
    FindingRule("list-is-object", "error", _REQUEST, "MULTI_MSISDN_LIST is one object, not an array of them."),
    FindingRule("list-is-json-text", "error", _REQUEST, "MULTI_MSISDN_LIST is JSON inside a string."),
    FindingRule("list-too-long", "error", _REQUEST, "MULTI_MSISDN_LIST has more than 200 entries."),
    FindingRule("list-repeats", "warning", _REQUEST, "A number is in MULTI_MSISDN_LIST more than once."),
    FindingRule("destination-wrong", "error", _REQUEST, "An entry of MULTI_MSISDN_LIST is not an object."),
    FindingRule("country-missing", "error", "Remark", "COUNTRY_CODE is missing or null."),
    FindingRule("country-wrong", "error", "Remark", "COUNTRY_CODE is not an assigned country calling code."),
    FindingRule("country-repeated", "warning", _REQUEST, "The number repeats its country code."),
    FindingRule("msisdn-missing", "error", "Remark", "DEST_MSISDN is missing or empty.",
        no_remedy="only its sender knows the number"),
    FindingRule("msisdn-wrong", "error", "Remark", "DEST_MSISDN is not 1 to 32 digits."),
    FindingRule("msisdn-placeholder", "error", "Examples", "DEST_MSISDN is the document's placeholder.",
        no_remedy="only its sender knows the digits behind the x"),
    FindingRule("msisdn-plus", "error", "Remark", "DEST_MSISDN has a plus sign; only digits are allowed."),
    FindingRule("msisdn-spaces", "error", "Remark", "DEST_MSISDN has spaces or punctuation; only digits are allowed."),
    FindingRule("msisdn-trunk-prefix", "warning", "Remark", "The number begins with its country's trunk prefix."),
    FindingRule("msisdn-other-digits", "error", "Remark", "DEST_MSISDN has digits that are not ASCII."),
    FindingRule("msisdn-mainland", "error", "Remark", "A number in mainland China does not have 11 digits."),
    # What the account decides: checks 18 and 19, the queue, the local rejections.
    FindingRule("queue-full", "error", _CODES, "More reports are outstanding than the account may have.",
        not_in_packet=_LATER),
    FindingRule("blacklisted-number", "error", _CODES, "The number is on the blacklist.",
        no_remedy="the account's blacklist has the number, and nothing in the packet changes that"),
    FindingRule("blacklisted-word", "error", _CODES, "The signed text holds a blacklisted word.",
        no_remedy="only its sender can say it in other words"),
    FindingRule("unpriced", "error", _CODES, "The account has no price for the country.",
        no_remedy="the account needs a price for the country, or the message another country"),
    FindingRule("batch-refused", "error", _CODES, "Refused because another destination of the batch was.",
        not_in_packet="another destination of the batch is refused; in a request of its own this one would pass"),
    FindingRule("scripted-code", "warning", _CODES, "A rule of the scenario, or a magic number, refused this.",
        not_in_packet=_SCENARIO),
    FindingRule("scripted-fault", "warning", _CODES, "A fault befell the answer, as the scenario or a number says.",
        not_in_packet=_SCENARIO),
    FindingRule("local-rejected", "warning", _STATES, "Accepted, but rejected locally: the report says state 60.",
        not_in_packet="the account, or the number, is what does not fit"),
    # The transport.
    FindingRule("surplus-bytes", "warning", _PRINCIPLE, "Bytes followed the body: Content-Length is too small.",
        not_in_packet="Content-Length has to count octets, not characters"),
    FindingRule("body-too-large", "error", _PRINCIPLE, "The body is over the limit.",
        not_in_packet="send fewer destinations at once: 200 of them fit easily"),
    FindingRule("body-unfinished", "error", _PRINCIPLE, "The body did not arrive whole.", not_in_packet=_NO_PACKET),
    FindingRule("head-unfinished", "error", _PRINCIPLE, "The request's head did not arrive in time.",
        not_in_packet=_NO_PACKET),
    FindingRule("path-wrong", "error", "CloudSMS Platform Server", "The path is not /dave/io.",
        not_in_packet=_NO_PACKET),
    FindingRule("http-method-wrong", "error", _PRINCIPLE, "The HTTP method is not POST.", not_in_packet=_NO_PACKET),
    FindingRule("not-http", "error", _PRINCIPLE, "What came is no HTTP request.", not_in_packet=_NO_PACKET),
    FindingRule("source-not-whitelisted", "error", "CloudSMS Platform Server", "The address is not whitelisted.",
        not_in_packet="the packet may well be in order; it came from an address nobody expects"),
    FindingRule("handshake-refused", "error", _PRINCIPLE, "The TLS handshake failed.", not_in_packet=_NO_PACKET),
    FindingRule("unknown-error", "error", _CODES, "The simulator itself failed; its log has the traceback.",
        not_in_packet=_OURS),
    FindingRule("store-failed", "error", _CODES, "The store could not be written.", not_in_packet=_OURS),
    # Reports, and the customer's answers to them.
    FindingRule("report-late", "warning", _REPORTS, "The final state came after the maximum return time of 24 hours."),
    FindingRule("report-dropped", "warning", _REPORTS, "A state due after 25 hours was dropped: EXPIRED came first."),
    FindingRule("push-refused", "error", _REPORTS, "Nothing listens at the callback URL."),
    FindingRule("push-timeout", "error", _REPORTS, "The customer's server did not answer in time."),
    FindingRule("push-tls", "error", _PRINCIPLE, "TLS with the customer's server failed."),
    FindingRule("push-failed", "error", _REPORTS, "The push broke off."),
    FindingRule("push-redirect", "error", _REPORTS, "The customer's server redirected; redirects are not followed."),
    FindingRule("push-path", "error", _REPORTS, "The callback URL's path is unknown to the customer's server."),
    FindingRule("dr-http-status", "error", _REPORT_ANSWER, "The HTTP status is not 2xx."),
    FindingRule("dr-answer-empty", "error", _REPORT_ANSWER, "The report was answered without an ANSWER packet."),
    FindingRule("dr-answer-not-json", "error", _REPORT_ANSWER, "The answer is not JSON."),
    FindingRule("dr-answer-not-object", "error", _REPORT_ANSWER, "The answer is JSON, but not an object."),
    FindingRule("dr-answer-method", "error", _REPORT_ANSWER, "METHOD of the answer is not SMS_PUSH_REPORT."),
    FindingRule("dr-answer-type", "error", _REPORT_ANSWER, "TYPE of the answer is not ANSWER."),
    FindingRule("dr-answer-serial", "error", _REPORT_ANSWER, "SERIAL of the answer is not the report's."),
    FindingRule("dr-answer-time", "warning", _REPORT_ANSWER, "TIME of the answer is not YYYY-MM-DD HH:MM:SS."),
    FindingRule("dr-answer-code", "error", _REPORT_ANSWER, "RESULT_CODE of the answer is missing or is not 1."),
    FindingRule("dr-answer-desc", "warning", _REPORT_ANSWER, "RESULT_DESC of the answer is missing or is no string."),
    # What the client does around a request lets suspect; see `engine/diagnosis.py`.
    FindingRule("resent-unchanged", "suspicion", _CODES, "The same again, and refused again: that mends nothing."),
    FindingRule("resent-too-soon", "suspicion", _CODES, "The same again before the ten minutes the document asks for."),
    FindingRule("resent-at-once", "suspicion", _CODES, "The same again within seconds of an error."),
    FindingRule("sent-twice", "suspicion", "SMS Dispatching", "The same text to the same number within seconds."),
    FindingRule("otp-sent-twice", "suspicion", "SMS Dispatching", "The same one-time password twice within a minute."),
    FindingRule("batch-sent-again", "suspicion", _RESPONSE, "A batch again, with destinations that were accepted."),
    FindingRule("batch-refusals-ignored", "suspicion", _RESPONSE, "Refused destinations of a batch never came again."),
    FindingRule("customer-body-never", "note", "CUSTOMER_BODY", "No request around has a CUSTOMER_BODY."),
    FindingRule("connection-per-request", "suspicion", _PRINCIPLE, "Every request had a TLS connection of its own."),
    FindingRule("time-stands-still", "suspicion", "TIME", "TIME is the same in requests far apart."),
)  # fmt: skip

FINDING_RULES: Mapping[str, FindingRule] = {row.id: row for row in _ROWS}


class Told(msgspec.Struct, frozen=True):
    """What came, already in words: `found(…, Told("nothing listens"), …)`."""

    text: str


def found(rule_id: str, path: str, got: object, want: str) -> Finding:
    """A finding under a rule; `got` is quoted as JSON unless it is `Told` in words. None: a key that is null or absent.

    A rule that is not in the table is a mistake of ours and raises KeyError.
    """
    rule = FINDING_RULES[rule_id]
    return Finding(rule.id, rule.severity, path, _shown(got), want, rule.heading)


def _shown(got: object) -> str:
    if got is None:
        return "nothing, or null"
    if isinstance(got, Told):
        return got.text
    return "a number out of range" if got == OUT_OF_RANGE else excerpt(got)
