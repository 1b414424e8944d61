"""Planning an erasure: whom it is about, and what is held of them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from ipaddress import ip_address
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from logline.params import ParamError, check_known_params, parse_range
from logline.preflight import check_bigquery
from logline.settings import Settings
from logline.text_table import counted, text_table
from logline.warehouse.queries import Query, fetch_rows

# What empty Params mean.
FIRST_DAY, LAST_DAY = "1970-01-01", "9999-12-31"
TOO_NEW_MINUTES = 90
"""How long BigQuery may refuse to change what a stream has written: the longest time that users have met."""
_MOST_SUBJECTS = 100
_MATCHES_NOTHING = "$."


@dataclass(frozen=True)
class Erasure:
    """What a run erases; every value can stand in SQL between quotes.

    Attributes:
        suffix: The end of the names of its staging tables.
        first_day: First day.
        last_day: Last day.
        requested_by: Name of the user who started the run, or empty.
        subject_sha256: Hash of whom it is about.
    """

    suffix: str
    first_day: str
    last_day: str
    requested_by: str
    subject_sha256: str


@dataclass(frozen=True)
class Subjects:
    """Whom an erasure is about: addresses and user names, as the tables have them."""

    addresses: tuple[str, ...]
    users: tuple[str, ...]

    def parameters(self) -> dict[str, str]:
        """Return the query parameters of `dags/sql/erasures`."""
        return {
            "addresses": json.dumps(self.addresses),
            "users": json.dumps(self.users),
            "address_pattern": _any_of(map(_address_pattern, self.addresses)),
            "line_pattern": _any_of([*map(_address_pattern, self.addresses), *map(_user_pattern, self.users)]),
        }

    def sha256(self, run_id: str) -> str:
        """Return the hash that is kept of them, with the run's id: so two runs are not seen to be about one person."""
        text = "".join(f"{part}\n" for part in (run_id, *sorted((*self.addresses, *self.users))))
        return hashlib.sha256(text.encode()).hexdigest()


def read_subjects(params: Mapping[str, Any]) -> Subjects:
    """Read whom the Params name; of an IPv6 address both what was given and how servers write it.

    Raises:
        ParamError: one line that says what to change.
    """
    given = {name: _texts(name, params[name]) for name in ("remote_addr", "remote_user")}
    if not any(given.values()):
        raise ParamError("nobody is named: give remote_addr, remote_user or both")
    if sum(map(len, given.values())) > _MOST_SUBJECTS:
        raise ParamError(f"more than {_MOST_SUBJECTS} addresses and user names: take several runs")
    addresses = [form for address in given["remote_addr"] for form in (address, _canonical(address))]
    return Subjects(tuple(dict.fromkeys(addresses)), given["remote_user"])


def read_days(params: Mapping[str, Any]) -> tuple[str, str]:
    """Read the first and the last day.

    Raises:
        ParamError: one line that says what to change.
    """
    first, last = parse_range(params["start_date"], params["end_date"])
    return first.isoformat() if first else FIRST_DAY, last.isoformat() if last else LAST_DAY


def found_table(found: Sequence[Mapping[str, Any]]) -> str:
    """Format what is held as a table with a total."""
    names = ("table_name", "found", "first_day", "last_day", "too_new")
    total = ("total", sum(row["found"] for row in found), "", "", sum(row["too_new"] for row in found))
    rows = [tuple(row[name] for name in names) for row in found]
    return text_table(("table", "rows", "first day", "last day", "too new"), [*rows, total])


class PlanErasureOperator(BaseOperator):
    """Check the Params, and list what is held of the persons they name.

    Args:
        found: `erasures/found.sql` (templated).
    """

    template_fields: Sequence[str] = ("found",)

    def __init__(self, *, settings: Settings, found: Query, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings = settings
        self.found = found

    def execute(self, context: Context) -> dict[str, str]:
        """Check and list; return the run's `Erasure`.

        Raises:
            AirflowFailException: one line that says what to change, or when to try again; nothing has been erased then.
            AirflowException: BigQuery does not answer now.
            AirflowSkipException: nothing is held, or it was a dry run.
        """
        params, dag_run = context["params"], context["dag_run"]
        check_known_params(dag_run.conf, context["dag"].params)
        subjects, (first, last) = read_subjects(params), read_days(params)
        check_bigquery(self.settings)
        query = self.found.with_strings(**subjects.parameters(), start_date=first, end_date=last)
        found = fetch_rows(self.settings, query)
        rows = sum(row["found"] for row in found)
        self.log.info("What is held\n%s", found_table(found))
        if params["dry_run"]:
            raise AirflowSkipException(f"dry run: {counted(rows, 'row')} would be erased, nothing has been")
        if too_new := sum(row["too_new"] for row in found):
            raise ParamError(
                f"{counted(too_new, 'row')} came by the stream in the last {TOO_NEW_MINUTES} minutes, which BigQuery "
                f"may refuse to change: run it again after {max(row['not_before'] or '' for row in found)} UTC, "
                "or give an end_date before these"
            )
        if not rows:
            raise AirflowSkipException("nothing is held of them: nothing to do")
        run_id = dag_run.run_id
        return asdict(
            Erasure(
                suffix=hashlib.sha256(run_id.encode()).hexdigest()[:8],
                first_day=first,
                last_day=last,
                requested_by=re.sub(r"[^\w.@+-]", "_", dag_run.triggering_user_name or ""),
                subject_sha256=subjects.sha256(run_id),
            )
        )


def _texts(name: str, value: Any) -> tuple[str, ...]:
    texts = tuple(value or ())
    for text in texts:
        if not isinstance(text, str) or not re.fullmatch(r"[^\s\"'\\]{2,256}", text):
            raise ParamError(
                f"{name} {text!r} is not a text of 2 to 256 characters without blanks, quotes and backslashes"
            )
    return texts


def _canonical(address: str) -> str:
    """Return an IPv6 address as servers write it, anything else as it is: an anonymised form is none."""
    try:
        return str(ip_address(address))
    except ValueError:
        return address


def _any_of(patterns: Any) -> str:
    return "|".join(patterns) or _MATCHES_NOTHING


def _address_pattern(address: str) -> str:
    """Match an address that is not a part of a longer one; a port may follow it."""
    if re.fullmatch(r"[0-9.]+", address):
        return rf"(?:^|[^0-9.]){re.escape(address)}(?:$|[^0-9.]|\.(?:$|[^0-9]))"
    return rf"(?:^|[^0-9A-Fa-f:])(?i:{re.escape(address)})(?:$|[^0-9A-Fa-f:])"


def _user_pattern(user: str) -> str:
    return rf"(?:^|[^0-9A-Za-z_.@+-]){re.escape(user)}(?:$|[^0-9A-Za-z_.@+-])"
