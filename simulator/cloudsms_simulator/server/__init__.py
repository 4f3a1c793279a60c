"""All input and output: sockets, TLS, pushes, the admin API, settings and files."""

import sys
from importlib import import_module

if "freezegun" in sys.modules:
    from cloudsms_simulator.protocol import moments

    if moments.are_replaced():
        # It learns the types of moments when it is imported; at any other time it is imported where it is needed.
        with moments.in_datetime():
            import_module("cryptography.x509")
