"""Problems: errors as RFC 9457 writes them, `application/problem+json`; `detail` says what to do."""

from collections.abc import Mapping

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from cloudsms_simulator.server.problems import SettingsError
from cloudsms_simulator.server.turns import CalledOffError

TITLES = {
    400: "bad request",
    404: "not found",
    405: "method not allowed",
    409: "conflict",
    410: "gone",
    413: "too large",
    415: "not JSON",
    503: "stopping",
}


class Problem(msgspec.Struct, frozen=True):
    """An error; `title` is the same for all of its kind.

    `problems` are the mistakes that `detail` tells, one each, where there may be several.
    """

    title: str
    status: int
    detail: str
    type: str = "about:blank"
    problems: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """The answer that tells a problem."""
    return Response(msgspec.json.encode(problem), problem.status, headers, "application/problem+json")


async def on_http_exception(request: Request, error: Exception) -> Response:
    """For what a handler refuses with HTTPException, and for paths and methods there are none of."""
    assert isinstance(error, HTTPException)
    detail, headers = error.detail, error.headers
    if error.status_code == 404 and detail == "Not Found":
        detail = f"there is nothing at {request.url.path[:200]}; /api/v1/docs lists what there is"
    elif error.status_code == 405:
        allowed = ", ".join(_methods_at(request))
        headers = {**(headers or {}), "Allow": allowed}
        detail = f"{request.method[:20]} does nothing at {request.url.path[:200]}; use {allowed}"
    title = TITLES.get(error.status_code, "error")
    return problem_response(Problem(title, error.status_code, detail), headers)


async def on_settings_error(request: Request, error: Exception) -> Response:
    """For rules and scenarios that have mistakes: all of them."""
    assert isinstance(error, SettingsError)
    return problem_response(Problem(TITLES[400], 400, str(error), problems=error.problems))


async def on_called_off(request: Request, error: Exception) -> Response:
    """For a call that moved a clock when its account was reset or deleted, or when the simulator stopped."""
    assert isinstance(error, CalledOffError)
    status = 503 if error.reason == "stopped" else 409
    return problem_response(Problem(TITLES[status], status, str(error)))


async def on_slip(request: Request, error: Exception) -> Response:
    """For a failure of ours; its traceback goes to the log."""
    return problem_response(Problem("internal error", 500, "a mistake of the simulator; its log has the traceback"))


def _methods_at(request: Request) -> list[str]:
    """What a path takes; several routes may share it."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    matching = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    return sorted({method for route in matching for method in route.methods or ()})
