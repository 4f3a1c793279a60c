"""The admin API: HTTP and JSON on a port of its own, for tests, for the command line and for the pages of the inbox.

A request passes `app`: `AuthKeyMaskingMiddleware` (no whole AUTH_KEY leaves), then `AuthMiddleware` (`auth`: right
host, right origin, right token). `routes` is the table of all endpoints; a row is an `Operation` with its path, its
handler and the Structs of its query, body and answer. The handler, a method of a class `...Handlers` in the module of
its resource (`accounts`, `journal`, `waits`, `rules`, `tools`, `server`), finds the account and the thing that the
request names through `ApiContext` (`context`), reads the body with `http.read_json`, calls one service, and answers
with `http.json_response` or with a page of a list. Whatever it refuses is an HTTPException, which `http` turns into
`application/problem+json`. `openapi` makes the OpenAPI document of the same table, so nothing is described twice.

To add an endpoint: a handler with a docstring, and a row in `routes`.
"""
