"""An HTTP answer, put together from what arrives on a connection.

Spec: Delivery Report (DR) CallBack.
"""

import httptools

MOST_OCTETS_READ = 1024 * 1024
_FIRST_FINAL_STATUS = 200


class HttpAnswer:
    """The answer to one request. Interim ones, such as 100 Continue, are passed over."""

    def __init__(self) -> None:
        self.status: int | None = None
        """None until the head is whole."""
        self.body = bytearray()
        """At most 1 MiB of it."""
        self.complete = False
        """Whether nothing more is expected, or wanted. One without a length ends with its connection."""
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Takes what arrived. Raises httptools.HttpParserError when it is no HTTP and the status is not known yet."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as error:
            raise httptools.HttpParserError("an answer in another protocol") from error
        except httptools.HttpParserError:
            if self.status is None:
                raise
            self.complete = True

    def on_headers_complete(self) -> None:
        """The parser's: the head is whole."""
        if self.status is None and self._parser.get_status_code() >= _FIRST_FINAL_STATUS:
            self.status = self._parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        """The parser's: a piece of the body."""
        if not self.complete:
            self.body += data[: MOST_OCTETS_READ - len(self.body)]
            self.complete = len(self.body) == MOST_OCTETS_READ

    def on_message_complete(self) -> None:
        """The parser's: the end."""
        self.complete = self.status is not None
