"""Verification codes by SMS: the code under test, with requests."""

import itertools
from datetime import datetime, timedelta, timezone

import requests

BUSY = 3
HONG_KONG = timezone(timedelta(hours=8))


class RefusedError(Exception):
    """The platform did not take a message."""


class Codes:
    """Sends codes over the connection it keeps. `cert` and `ca` are paths, as requests takes them."""

    def __init__(self, url: str, auth_key: str, route_id: str, cert: tuple[str, str], ca: str) -> None:
        self._url = url
        self._standing = {"AUTH_KEY": auth_key, "ROUTE_ID": route_id, "VERSION": "2021-01-01"}
        self._serials = itertools.cycle(range(1, 65536))
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.cert, self._session.verify = cert, ca

    def send(self, number: str, code: str) -> str:
        """The SMS_UID of the message. A platform that is busy is asked again; anything else it refuses is an error."""
        for _ in range(3):
            answer = self._session.post(self._url, json=self._packet(number, code), timeout=10).json()
            if answer["RESULT_CODE"] == 1:
                return str(answer["DETAIL_LIST"][0]["SMS_UID"])
            if answer["RESULT_CODE"] != BUSY:
                raise RefusedError(answer["RESULT_DESC"])
        raise RefusedError("the platform stays busy")

    def close(self) -> None:
        """Lets go of the connection."""
        self._session.close()

    def _packet(self, number: str, code: str) -> dict[str, object]:
        return self._standing | {
            "METHOD": "SMS_SEND_REQUEST",
            "TYPE": "REQUEST",
            "SERIAL": next(self._serials),
            "TIME": f"{datetime.now(HONG_KONG):%Y-%m-%d %H:%M:%S}",
            "MULTI_MSISDN_LIST": [{"COUNTRY_CODE": 852, "DEST_MSISDN": number}],
            "SMS_CONTENT": f"Your code is {code}",
            "CUSTOMER_BODY": {"code": code},
        }
