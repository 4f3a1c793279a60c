import json
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudsms_simulator.protocol import delivery_report
from cloudsms_simulator.protocol.delivery_report import audit
from cloudsms_simulator.protocol.findings import Finding

HEADING = "Delivery Report (DR) response Format"
GOOD: dict[str, object] = {
    "METHOD": "SMS_PUSH_REPORT",
    "TYPE": "ANSWER",
    "SERIAL": 2,
    "TIME": "2026-11-01 12:00:08",
    "RESULT_CODE": 1,
    "RESULT_DESC": "OK",
}


def audited(body: object, status: int = 200) -> list[tuple[str, str, str, str]]:
    """Rule, severity, path and what came, of each finding on the answer to SERIAL 2."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    findings = audit(2, status, sent)
    assert {finding.heading for finding in findings} <= {HEADING}
    return [(finding.rule, finding.severity, finding.path, finding.got) for finding in findings]


def test_the_answer_of_the_document_has_no_finding() -> None:
    assert audited(GOOD) == []


def test_the_leading_space_of_the_documents_sample_is_no_finding() -> None:
    assert audited(GOOD | {"METHOD": " SMS_PUSH_REPORT", "TYPE": "ANSWER "}) == []


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_every_2xx_is_a_good_status(status: int) -> None:
    assert audited(GOOD, status) == []


@pytest.mark.parametrize("status", [0, 100, 199, 301, 404, 500])
def test_any_other_status_is_the_only_finding(status: int) -> None:
    assert audited(b"<html>", status) == [("dr-http-status", "error", "answer", str(status))]


@pytest.mark.parametrize("body", [b"", b" \r\n"])
def test_an_answer_without_a_body_is_found(body: bytes) -> None:
    assert audited(body) == [("dr-answer-empty", "error", "answer", "HTTP 200 without a body")]


@pytest.mark.parametrize(
    ("body", "got"),
    [
        (b"OK", '"O" where a value should begin, at byte 0'),
        (b'{"METHOD":"SMS_PUSH', "the body ends inside a string, at byte 19"),
        (b'{"METHOD":"\xff"}', "byte 0xFF is not UTF-8, at byte 11"),
        (b"\xef\xbb\xbf{}", "a byte order mark, at byte 0"),
        (b"{} {}", "more after the JSON value, from byte 2"),
        (b'{"METHOD":"\\ud800"}', "lone surrogate, at byte 11"),
        (b"[" * 5000, "nested more than 100 deep, at byte 100"),
    ],
)
def test_an_answer_that_is_not_json_is_found(body: bytes, got: str) -> None:
    assert audited(body) == [("dr-answer-not-json", "error", "answer", got)]


@pytest.mark.parametrize(("body", "got"), [([GOOD], "JSON array"), ("OK", "JSON string"), (None, "JSON literal")])
def test_json_that_is_no_object_is_found(body: object, got: str) -> None:
    assert audited(body) == [("dr-answer-not-object", "error", "answer", got)]


@pytest.mark.parametrize(
    ("field", "value", "rule", "severity", "got"),
    [
        ("METHOD", "SMS_SEND_REQUEST", "dr-answer-method", "error", '"SMS_SEND_REQUEST"'),
        ("METHOD", "sms_push_report", "dr-answer-method", "error", '"sms_push_report"'),
        ("METHOD", None, "dr-answer-method", "error", "nothing, or null"),
        ("TYPE", "REQUEST", "dr-answer-type", "error", '"REQUEST"'),
        ("TYPE", 1, "dr-answer-type", "error", "1"),
        ("SERIAL", 3, "dr-answer-serial", "error", "3"),
        ("SERIAL", "2", "dr-answer-serial", "error", '"2"'),
        ("SERIAL", 2.0, "dr-answer-serial", "error", "2.0"),
        ("SERIAL", True, "dr-answer-serial", "error", "true"),
        ("TIME", "Response Time", "dr-answer-time", "warning", '"Response Time"'),
        ("TIME", "2026-11-01T12:00:08", "dr-answer-time", "warning", '"2026-11-01T12:00:08"'),
        ("TIME", 1793505608, "dr-answer-time", "warning", "1793505608"),
        ("RESULT_CODE", 0, "dr-answer-code", "error", "0"),
        ("RESULT_CODE", "1", "dr-answer-code", "error", '"1"'),
        ("RESULT_CODE", True, "dr-answer-code", "error", "true"),
        ("RESULT_DESC", "", "dr-answer-desc", "warning", '""'),
        ("RESULT_DESC", 1, "dr-answer-desc", "warning", "1"),
        ("RESULT_DESC", "é" * 64, "dr-answer-desc", "warning", None),
    ],
)
def test_a_wrong_field_is_found(field: str, value: object, rule: str, severity: str, got: str | None) -> None:
    [(found_rule, found_severity, path, found_got)] = audited(GOOD | {field: value})

    assert (found_rule, found_severity, path) == (rule, severity, f"$.{field}")
    assert got is None or found_got == got


@pytest.mark.parametrize("field", GOOD)
def test_a_missing_field_is_found(field: str) -> None:
    [(rule, _, path, got)] = audited({name: value for name, value in GOOD.items() if name != field})

    assert (rule.startswith("dr-answer-"), path, got) == (True, f"$.{field}", "nothing")


def test_an_empty_object_lacks_every_field_in_the_documents_order() -> None:
    assert [path for _, _, path, _ in audited({})] == [f"$.{field}" for field in GOOD]


def test_an_echo_of_the_report_is_no_answer() -> None:
    report = {"METHOD": "SMS_PUSH_REPORT", "TYPE": "REQUEST", "SERIAL": 2, "TIME": "2026-11-01 12:00:08"}

    assert [rule for rule, _, _, _ in audited(report)] == ["dr-answer-type", "dr-answer-code", "dr-answer-desc"]


def test_unknown_fields_are_nobodys_business() -> None:
    assert audited(GOOD | {"TENANT_ID": 0, "DETAIL_LIST": [{}]}) == []


@settings(deadline=None)
@given(
    st.integers(0, 599),
    st.binary(max_size=40)
    | st.dictionaries(st.sampled_from([*GOOD]), st.text()).map(lambda packet: json.dumps(packet).encode()),
)
def test_any_answer_can_be_audited(status: int, body: bytes) -> None:
    assert all(isinstance(finding, Finding) for finding in audit(2, status, body))


def spelled(value: object) -> st.SearchStrategy[str]:
    """A value as JSON, in more than one spelling: a string with an escape is the same string."""
    plain = json.dumps(value)
    if not isinstance(value, str):
        return st.just(plain)
    return st.sampled_from([plain, plain.replace("S", "\\u0053"), plain.replace(":", "\\u003a")])


VALUES: dict[str, list[object]] = {
    "METHOD": ["SMS_PUSH_REPORT", " SMS_PUSH_REPORT", "sms_push_report", None],
    "TYPE": ["ANSWER", "ANSWER ", "REQUEST", 1],
    "SERIAL": [2, 2.0, 3, "2", True, -2, 2**64 + 2],
    "TIME": ["2026-11-01 12:00:08", "2026-11-31 12:00:08", "2026-11-01T12:00:08", "2026-11-01 12:00:0\u0668", 0],
    "RESULT_CODE": [1, 1.0, True, 0, "1", 2**64 + 1],
    "RESULT_DESC": ["OK", "Ok", " OK", "", "\u00f6", 1],
    "DETAIL_LIST": [[], [{}], "\u4f60", "\ud800", 1e400],
}
MEMBERS = st.sampled_from([*VALUES]).flatmap(
    lambda name: st.sampled_from(VALUES[name]).flatmap(spelled).map(lambda value: f"{json.dumps(name)}:{value}")
)
SPACES = st.sampled_from(["", " ", "\n", "\x00", "\ufeff"])


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """An answer that is right but for a few members, which may be doubled, and for what surrounds it."""
    members = [f"{json.dumps(name)}:{draw(spelled(value))}" for name, value in GOOD.items()]
    for _ in range(draw(st.integers(0, 2))):
        members.insert(draw(st.integers(0, len(members))), draw(MEMBERS))
    if draw(st.integers(0, 3)) == 0:
        del members[draw(st.integers(0, len(members) - 1))]
    return f"{draw(SPACES)}{{{','.join(members)}}}{draw(SPACES)}".encode("utf-8", "surrogatepass")


@settings(deadline=None)
@given(st.integers(1, 3), answers() | st.binary(max_size=40))
def test_an_answer_recognised_at_a_glance_is_one_the_checks_find_nothing_in(serial: int, body: bytes) -> None:
    with patch.object(delivery_report, "_is_right", return_value=False):
        checked = audit(serial, 200, body)

    assert audit(serial, 200, body) == checked


def test_the_checks_are_spared_for_an_answer_that_is_right_word_for_word() -> None:
    with patch.object(delivery_report, "_decoder", None):
        assert audited(GOOD) == []


def test_an_answer_after_a_byte_order_mark_is_wanted_without_it() -> None:
    [finding] = audit(2, 200, b"\xef\xbb\xbf" + json.dumps(GOOD).encode())

    assert finding.got == "a byte order mark, at byte 0"
    assert finding.want.endswith("; without a byte order mark")


@pytest.mark.parametrize(
    ("body", "rule", "got"),
    [
        (
            b'{"a":[' + b"0," * 40_000 + b"x]}",
            "dr-answer-not-json",
            "what is no JSON object, from somewhere behind byte 65536",
        ),
        (b'{"a":[' + b"0," * 40_000, "dr-answer-not-json", "what is no JSON object, from somewhere behind byte 65536"),
        (b"{}" + b" " * 80_000 + b"{}", "dr-answer-not-json", "more after the JSON value, from byte 2"),
        (b"[" + b"0," * 40_000 + b"0]", "dr-answer-not-object", "JSON array"),
        (b'{"a":x' + b" " * 80_000, "dr-answer-not-json", '"x" where a value should begin, at byte 5'),
    ],
    ids=["broken late", "cut off late", "more after it", "an array", "broken early"],
)
def test_of_a_long_answer_that_is_not_json_only_64_kib_are_looked_through(body: bytes, rule: str, got: str) -> None:
    with patch.object(delivery_report, "scan", wraps=delivery_report.scan) as scan:
        [(found_rule, _, _, found_got)] = audited(body)
    assert (found_rule, found_got) == (rule, got)
    assert len(scan.call_args.args[0]) <= 64 * 1024
