"""Reports that say something else than they should.

Spec: Delivery Report (DR) Request Format. Reading: R22.
"""

import json
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.protocol.delivery_report import (
    NO_ALTERATIONS,
    Alterations,
    DeliveryReport,
    altered,
    encode_report,
    malformed,
)
from cloudsms_simulator.protocol.timestamps import HONG_KONG

RAW = b'{ "b":1.50, "a" : 1e400,"a":-0,\n"c":"\\u4f60\\/\\ud83d\\ude00" }'
NOON = datetime(2026, 11, 1, 12, 0, 0, tzinfo=HONG_KONG)
REPORT = encode_report(
    DeliveryReport(
        serial=2,
        time=NOON,
        report_time=NOON,
        source_msisdn="CloudSMS",
        sms_uid="5A3B394096E50X01D1FA163E81BFFF",
        country_code=852,
        dest_msisdn="67123411",
        state=2,
        customer_body=RAW,
    )
)
ITEM = b'{"COUNTRY_CODE":852,"DEST_MSISDN":"67123411","SMS_STATE":2,"RESULT_DESC":"DELIVERED"}'


def test_without_an_alteration_a_report_is_as_it_was() -> None:
    assert altered(REPORT, NO_ALTERATIONS) == REPORT


@pytest.mark.parametrize(
    ("alterations", "before", "after"),
    [
        (Alterations(serial=65535), b'"SERIAL":2', b'"SERIAL":65535'),
        (Alterations(serial=0), b'"SERIAL":2', b'"SERIAL":0'),
        (Alterations(serial=2**70), b'"SERIAL":2', b'"SERIAL":1180591620717411303424'),
        (Alterations(uid_case="lower"), b"5A3B394096E50X01D1FA163E81BFFF", b"5a3b394096e50x01d1fa163e81bfff"),
        (Alterations(desc="手机关机"), b'"DELIVERED"', '"手机关机"'.encode()),
        (Alterations(desc=""), b'"DELIVERED"', b'""'),
        (Alterations(omit=frozenset({"TYPE"})), b'"TYPE":"REQUEST",', b""),
        (Alterations(omit=frozenset({"RESULT_DESC"})), b',"RESULT_DESC":"DELIVERED"', b""),
        (Alterations(omit=frozenset({"SMS_RESULT_LIST"})), b'"SMS_RESULT_LIST":[' + ITEM + b"],", b""),
        (Alterations(omit=frozenset({"CUSTOMER_BODY"})), b',"CUSTOMER_BODY":' + RAW, b""),
        (Alterations(omit=frozenset({"COST"})), b"", b""),
        (Alterations(extra=(("COST", b'"0.10"'), ("N", b"[1.0]"))), RAW, RAW + b',"COST":"0.10","N":[1.0]'),
        (Alterations(extra=(("SERIAL", b'"2"'),)), b'"SERIAL":2', b'"SERIAL":"2"'),
        (Alterations(extra=(("CUSTOMER_BODY", b"null"),)), RAW, b"null"),
    ],
    ids=str,
)
def test_an_alteration_changes_its_place_and_nothing_else(
    alterations: Alterations, before: bytes, after: bytes
) -> None:
    assert altered(REPORT, alterations) == REPORT.replace(before, after, 1)


def test_a_key_left_out_and_added_moves_to_the_end() -> None:
    alterations = Alterations(omit=frozenset({"TYPE"}), extra=(("TYPE", b'"PUSH"'),))

    assert altered(REPORT, alterations) == REPORT.replace(b'"TYPE":"REQUEST",', b"")[:-1] + b',"TYPE":"PUSH"}'


def test_every_key_can_be_left_out() -> None:
    packet = json.loads(REPORT)
    everything = frozenset((*packet, *packet["SMS_RESULT_LIST"][0]))

    assert altered(REPORT, Alterations(omit=everything)) == b"{}"
    assert malformed(b"{}") == b"{"


def test_alterations_go_together() -> None:
    alterations = Alterations(
        serial=9, uid_case="lower", desc="Sent", omit=frozenset({"TIME", "SMS_STATE"}), extra=(("X", b"1"),)
    )

    assert altered(REPORT, alterations) == (
        b'{"METHOD":"SMS_PUSH_REPORT","TYPE":"REQUEST","SERIAL":9,"REPORT_TIME":"2026-11-01 12:00:00",'
        b'"SOURCE_MSISDN":"CloudSMS","SMS_UID":"5a3b394096e50x01d1fa163e81bfff",'
        b'"SMS_RESULT_LIST":[{"COUNTRY_CODE":852,"DEST_MSISDN":"67123411","RESULT_DESC":"Sent"}],'
        b'"CUSTOMER_BODY":' + RAW + b',"X":1}'
    )


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.integers() | st.text('{}[]"\\a')))
def test_a_malformed_report_is_never_json(body: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        json.loads(malformed(altered(REPORT, Alterations(extra=(("CUSTOMER_BODY", json.dumps(body).encode()),)))))
