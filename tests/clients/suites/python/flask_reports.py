"""Delivery reports in a Flask application."""

from datetime import datetime, timedelta, timezone

from flask import Flask, request
from flask.typing import ResponseReturnValue

HONG_KONG = timezone(timedelta(hours=8))


def create_app(states: dict[str, str]) -> Flask:
    """An application that notes the state of each message, by its SMS_UID."""
    app = Flask(__name__)

    @app.post("/sms/reports")
    def report() -> ResponseReturnValue:
        packet = request.get_json()
        [result] = packet["SMS_RESULT_LIST"]
        states[packet["SMS_UID"]] = result["RESULT_DESC"]
        # HTTP 200 alone is no answer: it wants a packet that repeats SERIAL.
        return {
            "METHOD": "SMS_PUSH_REPORT",
            "TYPE": "ANSWER",
            "SERIAL": packet["SERIAL"],
            "TIME": f"{datetime.now(HONG_KONG):%Y-%m-%d %H:%M:%S}",
            "RESULT_CODE": 1,
            "RESULT_DESC": "OK",
        }

    return app
