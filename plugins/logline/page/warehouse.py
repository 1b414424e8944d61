"""BigQuery as the page reads it: quickly, or with one line that says why not."""

from __future__ import annotations

import concurrent.futures
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from google.api_core.exceptions import GoogleAPIError, NotFound
from google.auth.exceptions import GoogleAuthError
from google.cloud.bigquery import Client, QueryJobConfig, ScalarQueryParameter
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from requests.exceptions import RequestException, Timeout

from logline.service_errors import NEVER
from logline.settings import Settings

REQUEST_SECONDS = 10.0
QUERY_SECONDS = 20.0
# What one query of the page may bill at most, where LOGLINE_MAX_BYTES_BILLED does not allow less.
MAX_BYTES_BILLED = 10**9

_SQL = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "sql"),
    undefined=StrictUndefined,
    autoescape=False,  # noqa: S701 (SQL, and nothing but the installation's dataset is put into it)
)
_TYPES = {str: "STRING", type(None): "STRING", date: "DATE"}


def sql_of(name: str, dataset: str) -> str:
    """Return the query `sql/NAME.sql` of an installation."""
    return _SQL.get_template(f"{name}.sql").render(dataset=dataset)


def query_config(name: str, parameters: Mapping[str, Any], max_bytes_billed: int) -> QueryJobConfig:
    """Return how a query is run: its named parameters bound, its time and its bytes bounded."""
    return QueryJobConfig(
        query_parameters=[ScalarQueryParameter(key, _TYPES[type(value)], value) for key, value in parameters.items()],
        labels={"logline-page": name},
        maximum_bytes_billed=max_bytes_billed,
        job_timeout_ms=int(1000 * QUERY_SECONDS),
    )


class UnavailableError(Exception):
    """BigQuery cannot be asked now; the message is one line."""


class NothingThereError(Exception):
    """A table is missing: `provision` has not run."""


@dataclass(frozen=True)
class TableState:
    """What tells whether a table has changed, and how fresh it is; asking for it costs nothing.

    Attributes:
        modified: When it was changed last.
        rows: Of it.
        size: Bytes of it.
    """

    modified: datetime | None
    rows: int | None
    size: int | None


class Warehouse:
    """Run the page's queries, each within seconds."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._own = threading.local()

    def rows(self, name: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the rows of the query `sql/NAME.sql` with its named parameters bound; safe in several threads.

        Raises:
            UnavailableError: BigQuery does not answer, refuses, or takes too long.
            NothingThereError: a table of the query is missing.
        """
        config = query_config(name, parameters, min(MAX_BYTES_BILLED, self._settings.max_bytes_billed))
        sql = sql_of(name, self._settings.dataset)
        with _said_in_one_line():
            job = self.client().query(sql, job_config=config, retry=NEVER, job_retry=None, timeout=REQUEST_SECONDS)
            return [dict(row.items()) for row in job.result(retry=NEVER, job_retry=None, timeout=QUERY_SECONDS)]

    def state(self, table: str) -> TableState:
        """Return the state of a table.

        Raises:
            UnavailableError: BigQuery does not answer, or refuses.
            NothingThereError: there is no such table.
        """
        name = f"{self._settings.project}.{self._settings.dataset}.{table}"
        with _said_in_one_line():
            found = self.client().get_table(name, retry=NEVER, timeout=REQUEST_SECONDS)
        return TableState(found.modified, found.num_rows, found.num_bytes)

    def client(self) -> Client:
        """Return the BigQuery client of this thread; the first call takes seconds."""
        if not hasattr(self._own, "client"):
            # Airflow's API server starts without waiting for this import.
            from airflow.providers.google.common.hooks.base_google import GoogleBaseHook

            self._own.client = Client(
                project=self._settings.project,
                credentials=GoogleBaseHook().get_credentials(),
                location=self._settings.location,
            )
        client: Client = self._own.client
        return client


@contextmanager
def _said_in_one_line() -> Iterator[None]:
    """Raise what BigQuery and its client raise as the two errors of this module."""
    try:
        yield
    except NotFound as error:
        raise NothingThereError(_one_line(error)) from None
    except concurrent.futures.TimeoutError:
        raise UnavailableError(f"BigQuery took longer than {QUERY_SECONDS:.0f} s") from None
    except Timeout:
        raise UnavailableError(f"BigQuery has not answered within {REQUEST_SECONDS:.0f} s") from None
    except RequestException:
        raise UnavailableError("BigQuery cannot be reached") from None
    except (GoogleAPIError, GoogleAuthError, OSError) as error:
        raise UnavailableError(f"BigQuery refuses: {_one_line(error)}") from None


def _one_line(error: Exception, longest: int = 300) -> str:
    text = " ".join(str(getattr(error, "message", None) or error).split())
    return text if len(text) <= longest else text[:longest] + "…"
