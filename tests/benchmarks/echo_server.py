"""Program: a Starlette application that answers a POST with the JSON it was sent. Prints its port.

Arguments: none for HTTP; certificate, key and authority (PEM files) for TLS that demands client certificates.
"""

import ssl
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp


async def echo(request: Request) -> JSONResponse:
    """Everything that was sent."""
    return JSONResponse(await request.json())


def serve(app: ASGIApp, certificate: str | None = None, key: str | None = None, authority: str | None = None) -> None:
    """Serves an application until it is stopped."""
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="critical",
        ssl_certfile=certificate,
        ssl_keyfile=key,
        ssl_ca_certs=authority,
        ssl_cert_reqs=ssl.CERT_NONE if authority is None else ssl.CERT_REQUIRED,
    )
    sock = config.bind_socket()
    print(sock.getsockname()[1], flush=True)
    uvicorn.Server(config).run(sockets=[sock])


if __name__ == "__main__":
    serve(Starlette(routes=[Route("/dave/io", echo, methods=["POST"])]), *sys.argv[1:])
