"""Send one SMS with `requests`.

Usage: python send.py TEXT
Prints the platform's answer, one line of JSON.
"""

import json
import os
import sys
import time

import requests

packet = {
    "METHOD": "SMS_SEND_REQUEST",
    "TYPE": "REQUEST",
    "SERIAL": 1,
    # Taken for every packet: a TIME computed once when the program starts is soon hours old.
    "TIME": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime()),
    "AUTH_KEY": os.environ["CLOUDSMS_AUTH_KEY"],
    "ROUTE_ID": os.environ["CLOUDSMS_ROUTE_ID"],
    "MULTI_MSISDN_LIST": [{"DEST_MSISDN": "67123411", "COUNTRY_CODE": 852}],
    "SMS_CONTENT": sys.argv[1],
    "SIGNATURE": "CloudSMS",
    "SIGNATURE_TYPE": 3,
    "ORIGINAL_ADDR": "CloudSMS",
    "VERSION": "2021-01-01",
    # Comes back in the delivery report, unchanged: the customer's own name for this message.
    "CUSTOMER_BODY": {"order": "python-1001"},
}

# A string as `data` goes out without a Content-Type. The platform does not look at it.
response = requests.post(
    os.environ["CLOUDSMS_URL"],
    data=json.dumps(packet),
    cert=(os.environ["CLOUDSMS_CERT"], os.environ["CLOUDSMS_KEY"]),
    verify=os.environ["CLOUDSMS_CA"],
    timeout=10,
)
# HTTP 200 says that there is an answer; whether the SMS was taken, its RESULT_CODE says.
response.raise_for_status()
print(json.dumps(response.json()))
