"""Receive delivery reports over mutual TLS with the standard library.

Usage: python receive.py [--forget-answer]
Prints the port it listens on, then every report, one line of JSON each, until it is stopped. `--forget-answer` answers
HTTP 200 with nothing in it: enough for HTTP, not for the platform, which wants an ANSWER packet.
"""

import json
import os
import ssl
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FORGETS_TO_ANSWER = "--forget-answer" in sys.argv


class ReportHandler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        report = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        print(json.dumps(report), flush=True)
        answer = b"" if FORGETS_TO_ANSWER else json.dumps(answer_to(report)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the reports are the output."""


def answer_to(report: dict[str, object]) -> dict[str, object]:
    """The ANSWER that belongs to a report: same METHOD, same SERIAL."""
    return {
        "METHOD": "SMS_PUSH_REPORT",
        "TYPE": "ANSWER",
        "SERIAL": report["SERIAL"],
        "TIME": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime()),
        "RESULT_CODE": 1,
        "RESULT_DESC": "OK",
    }


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(os.environ["CLOUDSMS_CERT"], os.environ["CLOUDSMS_KEY"])
# Two-way: only a caller with a certificate of this authority can push a report.
context.load_verify_locations(os.environ["CLOUDSMS_CA"])
context.verify_mode = ssl.CERT_REQUIRED

server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("CLOUDSMS_DR_PORT", "0"))), ReportHandler)
server.socket = context.wrap_socket(server.socket, server_side=True)
print(json.dumps({"port": server.server_address[1]}), flush=True)
server.serve_forever()
