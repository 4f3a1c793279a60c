"""Delivery reports in a Django project of one file."""

import json
from datetime import datetime, timedelta, timezone

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

HONG_KONG = timezone(timedelta(hours=8))
STATES: dict[str, str] = {}
"""The state of each message by its SMS_UID; a model, in a project with a database."""


@csrf_exempt  # the platform has no token; it shows a certificate instead
@require_POST
def report(request: HttpRequest) -> JsonResponse:
    """Notes the state of a message."""
    packet = json.loads(request.body)
    [result] = packet["SMS_RESULT_LIST"]
    STATES[packet["SMS_UID"]] = result["RESULT_DESC"]
    return JsonResponse(
        {
            "METHOD": "SMS_PUSH_REPORT",
            "TYPE": "ANSWER",
            "SERIAL": packet["SERIAL"],
            "TIME": f"{datetime.now(HONG_KONG):%Y-%m-%d %H:%M:%S}",
            "RESULT_CODE": 1,
            "RESULT_DESC": "OK",
        }
    )


urlpatterns = [path("sms/reports", report)]

if not settings.configured:
    settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["localhost", "127.0.0.1"], SECRET_KEY="only-for-tests")
application = get_wsgi_application()
