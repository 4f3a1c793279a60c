#!/bin/sh
# Send one SMS to two numbers with curl.
#
# Usage: sh send.sh TEXT        (TEXT without quotes and backslashes: it goes into the JSON as it is)
# Prints the platform's answer, one line of JSON.
set -eu

# --data-binary keeps the body byte for byte. The Content-Type curl then sends is a form's; the platform does not look.
# Two destinations get two SMS_UIDs and two delivery reports, and each has a RESULT_CODE of its own.
curl --silent --show-error --fail --max-time 10 --write-out '\n' \
    --cacert "$CLOUDSMS_CA" --cert "$CLOUDSMS_CERT" --key "$CLOUDSMS_KEY" \
    --data-binary @- "$CLOUDSMS_URL" <<PACKET
{
    "METHOD": "SMS_SEND_REQUEST",
    "TYPE": "REQUEST",
    "SERIAL": 1,
    "TIME": "$(date '+%Y-%m-%d %H:%M:%S')",
    "AUTH_KEY": "$CLOUDSMS_AUTH_KEY",
    "ROUTE_ID": "$CLOUDSMS_ROUTE_ID",
    "MULTI_MSISDN_LIST": [
        {"DEST_MSISDN": "67123411", "COUNTRY_CODE": 852},
        {"DEST_MSISDN": "67123428", "COUNTRY_CODE": 852}
    ],
    "SMS_CONTENT": "$1",
    "SIGNATURE": "CloudSMS",
    "SIGNATURE_TYPE": 1,
    "VERSION": "2021-01-01",
    "REPEAT": 0,
    "CUSTOMER_BODY": {"order": "curl-1001"}
}
PACKET
