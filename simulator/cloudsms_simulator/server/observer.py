"""Whom a listener tells what no request shows: connections that failed, and bytes that were no request.

Spec: CloudSMS Platform Server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudsms_simulator.server.connection import Connection

Peer = tuple[str, int]
"""Address and port of the other side; an IPv4 peer of an IPv6 socket is written as IPv4."""


class Observer:
    """Does nothing; override what should be noticed.

    Everything is called in the event loop, before the peer can see the effect, and must not block.
    """

    def on_closed(self, peer: Peer) -> None:
        """A connection was closed without a word, its address not being admitted."""

    def on_refused(self, peer: Peer, error: OSError) -> None:
        """A TLS handshake failed.

        `error` is an `ssl.SSLError` with `reason` (and `verify_message`), or a `ConnectionError` when the peer went
        away, or took more than ten seconds.
        """

    def on_bad_request(self, connection: Connection, excerpt: bytes, reason: str) -> None:
        """What came is not HTTP; it is answered with 400, or 431 for an endless head, and the connection closed.

        `excerpt` is how the unreadable request begins, at most 256 octets of it. A request before it
        that awaits its answer gets that first.
        """

    def on_surplus(self, connection: Connection, surplus: bytes) -> None:
        """After a request and its answer came bytes that are no request; the connection is closed without a word.

        Bytes that came before the answer and that the application took itself (`Connection.take_surplus`) are not
        told again. Empty lines are not surplus.
        """

    def on_head_timeout(self, connection: Connection, excerpt: bytes) -> None:
        """The head of a request did not arrive in time, or only `excerpt` of it did; the connection is closed."""
