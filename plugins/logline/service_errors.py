"""What a service's error means to a task: one line, and whether a later try can succeed.

Google's clients retry by themselves for up to ten minutes without a word. Where a task only asks, they make one try
(`NEVER`): Airflow tries again, and the log says why.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from typing import Any

from airflow.sdk.exceptions import AirflowException, AirflowFailException
from google.api_core.exceptions import DeadlineExceeded, GoogleAPIError, ServiceUnavailable
from google.api_core.retry import Retry, if_exception_type
from google.auth.exceptions import GoogleAuthError, TransportError
from googleapiclient.errors import HttpError
from httplib2.error import HttpLib2Error
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema

NEVER = Retry(predicate=if_exception_type())
TIMEOUT_SECONDS = 20
# Of the 4xx: time-out, conflict, precondition, too early, too many requests, cancelled.
_PASSING_STATUSES = frozenset({408, 409, 412, 425, 429, 499})
# Reasons that services give beside 400 or 403, see https://cloud.google.com/bigquery/docs/error-messages and
# https://cloud.google.com/storage/docs/json_api/v1/status-codes
_PASSING_REASONS = frozenset(
    {
        *("rateLimitExceeded", "userRateLimitExceeded", "jobRateLimitExceeded", "quotaExceeded", "RATE_LIMIT_EXCEEDED"),
        *("backendError", "internalError", "jobBackendError", "jobInternalError"),
        *("resourceInUse", "tableUnavailable", "timeout"),
    }
)


def may_pass(error: BaseException) -> bool:
    """Return whether a later try can succeed though nobody mends anything.

    It cannot where the request, a permission, a name or the credentials are wrong. It can where the service was not
    reached, was too slow, too busy or broken, or refused because of something else that was under way.
    """
    if isinstance(error, GoogleAuthError):
        # Credentials that could not be renewed because their server was not reached say so in their cause only.
        cause = error.__cause__
        return error.retryable or isinstance(error, TransportError) or (cause is not None and may_pass(cause))
    status = _status(error)
    if status is None:
        # A key file that is not there, an address that is none.
        return not isinstance(error, FileNotFoundError | PermissionError | InvalidSchema | InvalidURL | MissingSchema)
    return not 400 <= status < 500 or status in _PASSING_STATUSES or not _PASSING_REASONS.isdisjoint(_reasons(error))


# What Google's clients put before the service's own words: the method and the whole address of the request.
_REQUEST = re.compile(r"(?:GET|POST|PUT|PATCH|DELETE) https?://\S+: ")


@contextmanager
def answering(service: str, *, refused: str, missing: str | None = None) -> Iterator[None]:
    """Turn what a service says into one line of an exception that Airflow retries, or not: see `may_pass`.

    Args:
        service: its name.
        refused: what cannot be done when it refuses; its own words follow.
        missing: the whole line when it does not find what was asked for.

    Raises:
        AirflowFailException: somebody has to mend something first.
        AirflowException: the service does not answer, or cannot now.
    """
    try:
        yield
    except (GoogleAPIError, GoogleAuthError, HttpError, HttpLib2Error, HTTPException, OSError) as error:
        words = str(getattr(error, "message", None) or getattr(error, "reason", None) or error)
        said = _REQUEST.sub("", " ".join(words.split()), count=1)
        if not may_pass(error):
            line = missing if _status(error) == 404 else None
            raise AirflowFailException(line or f"{refused}: {said}") from None
        if _status(error) is None or isinstance(error, ServiceUnavailable | DeadlineExceeded):
            line = f"{service} does not answer ({_root_cause(error)}): start it, or correct its address"
            raise AirflowException(line) from None
        raise AirflowException(f"{service} cannot do it now ({_status(error)}): {said}") from None


def _status(error: BaseException) -> int | None:
    """Return the HTTP status that was answered, or the one that a gRPC status stands for."""
    status = error.status_code if isinstance(error, HttpError) else getattr(error, "code", None)
    return int(status) if isinstance(status, int) else None


def _reasons(error: BaseException) -> set[Any]:
    details = error.error_details if isinstance(error, HttpError) else getattr(error, "errors", ())
    return {detail.get("reason") for detail in details if isinstance(detail, dict)}


def _root_cause(error: BaseException) -> str:
    """Return the innermost reason of a failed connection, for example `[Errno 111] Connection refused`."""
    reason = getattr(error.args[0], "reason", error) if error.args else error
    return str(reason).rpartition(": ")[2] or type(error).__name__
