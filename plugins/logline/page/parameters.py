"""What a viewer can say: typed, and bound as parameters of a query."""

from __future__ import annotations

from datetime import date
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

MOST_DAYS = 732
# Of a name in the DNS.
MOST_LETTERS = 253


class Nothing(BaseModel):
    """Nothing can be said."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Period(Nothing):
    """Days, both included."""

    first_day: date
    last_day: date

    @model_validator(mode="after")
    def _is_a_period(self) -> Self:
        if not 0 <= (self.last_day - self.first_day).days < MOST_DAYS:
            raise ValueError(f"first_day and last_day must be 1 to {MOST_DAYS} days, in this order")
        return self


class Host(Nothing):
    """A host; "(none)" for requests whose log has none."""

    host: str = Field(max_length=MOST_LETTERS)


class HostPeriod(Period):
    """Days, and a host; None takes all."""

    host: str | None = Field(default=None, max_length=MOST_LETTERS)


class OrderedPaths(HostPeriod):
    """Days, a host, and which paths come first."""

    by: Literal["requests", "duration"] = "requests"


class AgentsOfKind(HostPeriod):
    """Days, a host, and a kind of agent; None takes all but browsers."""

    kind: str | None = Field(default=None, max_length=40)


class Run(Nothing):
    """A run of a DAG."""

    run_id: str = Field(max_length=250)
