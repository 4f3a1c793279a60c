"""Sockets, HTTP/1.1, TLS, certificates, and what a process runs on: clock, event loop, threads. No SMS in here.

`sockets` binds a port; a `Listener` accepts on it, does the TLS handshake (`tls`, with files from `certificates`) and
makes an `HttpConnection` of each client. That turns octets into requests, with heads as `http_parser` reads them, and
answers into octets; requests that come in the same turn of the event loop go to the application together
(`RequestBatcher`). A `ConnectionObserver` is told what no request shows: refused handshakes, surplus octets, heads that
never end. `http_client` is the other direction: an HTTP/1.1 client that keeps its connections open, with answers as
`http_parser` reads them. Where another ASGI server has the port, `asgi` gives its requests to the application as ours
come to it.
"""

import sys
from importlib import import_module

if "freezegun" in sys.modules:
    from cloudsms_simulator import moments

    if moments.are_replaced():
        # It learns the types of moments when it is imported; at any other time it is imported where it is needed.
        with moments.in_datetime():
            import_module("cryptography.x509")
