"""Functions that answer requests in the place of bqemulator's."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute


def replace_route(router: APIRouter, old: Callable[..., Any], new: Callable[..., Any], method: str) -> None:
    """Let another function answer the requests that one of the router's answers."""
    (route,) = (route for route in router.routes if isinstance(route, APIRoute) and route.endpoint is old)
    router.routes.remove(route)
    router.add_api_route(route.path.removeprefix(router.prefix), new, methods=[method])
