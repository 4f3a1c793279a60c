"""Program: a bare aiohttp loop that POSTs one report so many times, so many at once.

Arguments: URL, how many at once, and for TLS certificate, key and authority (PEM files). A number on its standard
input asks for so many POSTs; it answers with the CPU seconds they took.
"""

import asyncio
import ssl
import sys
import time
from collections.abc import Iterator

import aiohttp
import uvloop
from packets import report

_HEADERS = {"Content-Type": "application/json"}


async def push_all(
    session: aiohttp.ClientSession, url: str, context: ssl.SSLContext | bool, todo: Iterator[int]
) -> None:
    """POSTs the report until nothing is left to do."""
    body = report()
    for _ in todo:
        async with session.post(url, data=body, headers=_HEADERS, ssl=context) as response:
            await response.read()


async def serve(url: str, at_once: int, context: ssl.SSLContext | bool) -> None:
    """Pushes whenever it is asked to; its connections stay open in between."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60)) as session:
        while line := await asyncio.to_thread(sys.stdin.readline):
            begun = time.process_time()
            todo = iter(range(int(line)))
            await asyncio.gather(*(push_all(session, url, context, todo) for _ in range(at_once)))
            print(time.process_time() - begun, flush=True)


def main(url: str, at_once: str, *files: str) -> None:
    """Serves until its standard input ends."""
    context: ssl.SSLContext | bool = True
    if files:
        certificate, key, authority = files
        context = ssl.create_default_context(cafile=authority)
        context.load_cert_chain(certificate, key)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(url, int(at_once), context))


if __name__ == "__main__":
    main(*sys.argv[1:])
