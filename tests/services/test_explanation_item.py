"""The explanation item: what is told of an exchange when little is known of it."""

from datetime import datetime

import pytest

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.explanation import ExplainedExchange
from cloudsms_simulator.engine.records import Exchange
from cloudsms_simulator.models.explanation import FaultItem
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.findings import Told, found
from cloudsms_simulator.protocol.profile import SPEC
from cloudsms_simulator.services.explainer import explanation_item

TEXT = b'{"SMS_CONTENT":"It\xe2\x80\x99s","MULTI_MSISDN_LIST":[{"COUNTRY_CODE":852,"DEST_MSISDN":"67000011"}]}'


def case_of(
    noon: datetime, body: bytes = b"", account: Account | None = None, **of_exchange: object
) -> ExplainedExchange:
    finding = found("store-failed", "body", Told("this request"), "a request the simulator can process")
    code = ResultCode.DB_NOT_FIND
    exchange = Exchange(3, account and account.name, "uip", noon, None, (), 200, code, body, None, (finding,))
    for name, value in of_exchange.items():
        exchange = Exchange(**{key: getattr(exchange, key) for key in exchange.__struct_fields__} | {name: value})
    return ExplainedExchange(
        exchange=exchange, account=account, profile=SPEC, findings=(finding,), messages=(), entries=(), answer=None
    )


def test_an_exchange_without_messages_has_no_destinations_and_no_total(noon: datetime) -> None:
    item = explanation_item(case_of(noon), None)
    assert (item.request_id, item.destinations, item.total, item.text, item.callback) == (3, (), None, None, None)
    assert item.meaning == "Data storage error Please try again later (10 minutes)"
    assert item.summary.startswith("refused, because of simulator store-failed: body: got this request")


def test_a_text_has_the_price_of_its_destinations_where_an_account_has_one(noon: datetime) -> None:
    known = explanation_item(case_of(noon, TEXT, Account()), None).text
    unknown = explanation_item(case_of(noon, TEXT), None).text
    assert known is not None
    assert unknown is not None
    assert (str(known.cost), unknown.cost) == ("USD 0.05", None)
    assert known.forced_by == unknown.forced_by


@pytest.mark.parametrize(("status", "told"), [(None, "no answer"), (500, "HTTP 500")])
def test_what_struck_before_there_was_a_code_is_the_summary(noon: datetime, status: int | None, told: str) -> None:
    case = case_of(noon, fault="HTTP_500", rule="flaky", code=None, http_status=status)
    item = explanation_item(case, None)
    assert item.summary == f"{told}, because of fault flaky: HTTP_500"
    assert (item.fault, item.meaning) == (FaultItem("HTTP_500", "flaky", None, None), "")
