"""Lookups: the one thing that a path names; when it is not there, whether it may have been, and where to look."""

from starlette.exceptions import HTTPException
from starlette.requests import Request

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.exchange import Exchange
from cloudsms_simulator.engine.message import Message
from cloudsms_simulator.engine.report import Report
from cloudsms_simulator.server.admin.office import Office

_SHOWN = 60


def message_of(office: Office, request: Request) -> tuple[Account, Message]:
    """The message of the path, and the account of `?account=`; 404 when it has none of that SMS_UID."""
    account, uid = office.asked(request), request.path_params["uid"]
    message = office.store.message(account, uid)
    if message is None:
        raise no_message(office, account, uid)
    return account, message


def no_message(office: Office, account: Account, uid: str) -> HTTPException:
    """That an account has no message of an SMS_UID: perhaps no more, perhaps another account has it."""
    others = [each.name for each in office.directory if office.store.message(each, uid) is not None]
    gone = office.store.messages(account).evicted
    return _missing(f'there is no message "{uid[:_SHOWN]}" of account "{account.name}"', others, gone, "messages")


def report_of(office: Office, request: Request) -> tuple[Account, Report]:
    """The report of the path, and the account of `?account=`; 404 when it has none of that id."""
    account = office.asked(request)
    uid, number = report_named(request)
    reports = office.store.reports_of(account, uid)
    if not 1 <= number <= len(reports):
        raise no_report(office, account, request.path_params["id"])
    return account, reports[number - 1]


def report_named(request: Request) -> tuple[str, int]:
    """The SMS_UID and the number in the id of a report; 0 for what is none."""
    uid, _, number = request.path_params["id"].rpartition("-")
    return uid, int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0


def no_report(office: Office, account: Account, report_id: str) -> HTTPException:
    """That an account has no report of an id; the message may be there, and the report yet to come."""
    uid = report_id.rpartition("-")[0]
    message = office.store.message(account, uid)
    if message is not None:
        reports = office.store.reports_of(account, uid)
        there = f"it has {', '.join(report.id for report in reports)}" if reports else "it has none yet"
        return HTTPException(404, f'there is no report "{report_id[:_SHOWN]}" of message {uid}; {there}')
    others = [each.name for each in office.directory if office.store.message(each, uid) is not None]
    gone = office.store.reports(account).evicted
    return _missing(f'there is no report "{report_id[:_SHOWN]}" of account "{account.name}"', others, gone, "reports")


def exchange_of(office: Office, account: Account | None, number: str | int) -> Exchange:
    """An exchange of an account, or of nobody; 404 when there is none of that number."""
    text = str(number)
    known = office.store.exchange(account, int(text)) if text.isascii() and text.isdigit() and len(text) < 19 else None
    if known is not None:
        return known
    whose = "nobody" if account is None else f'account "{account.name}"'
    holders: list[Account | None] = [each for each in (*office.directory, None) if each is not account]
    others = []
    if text.isascii() and text.isdigit() and len(text) < 19:
        others = [
            "*" if each is None else each.name for each in holders if office.store.exchange(each, int(text)) is not None
        ]
    gone = office.store.exchanges(account).evicted
    raise _missing(f'there is no request "{text[:_SHOWN]}" of {whose}', others, gone, "requests")


def _missing(what: str, others: list[str], gone: int, kind: str) -> HTTPException:
    if others:
        return HTTPException(404, f"{what}; account={others[0]} has it")
    if gone:
        what += f"; {gone:,} {kind} are gone from the journal, and it may have been one of them"
        return HTTPException(404, what)
    return HTTPException(404, f"{what}, and nothing is gone from its journal")
