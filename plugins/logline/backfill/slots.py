"""How many days of one run are worked on at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator, TaskInstanceState

if TYPE_CHECKING:
    from airflow.sdk import Context

TERMINAL_STATES = frozenset(
    {
        TaskInstanceState.SUCCESS,
        TaskInstanceState.FAILED,
        TaskInstanceState.SKIPPED,
        TaskInstanceState.UPSTREAM_FAILED,
        TaskInstanceState.REMOVED,
    }
)


class WaitForTurnSensor(BaseSensorOperator):
    """Let a mapped task group start only while fewer than a number of earlier ones are still at work.

    Airflow's own limits are fixed when the DAG file is parsed; this one can be a Param. The first ones pass without a
    question to the API server.

    Args:
        last_task_id: the task whose end means that a mapped group is through.
        at_once: how many may be at work at the same time (templated).
        kwargs: the arguments of `BaseSensorOperator`.
    """

    template_fields: Sequence[str] = ("at_once",)

    def __init__(self, *, last_task_id: str, at_once: str, **kwargs: Any) -> None:
        super().__init__(mode="reschedule", **kwargs)
        self.last_task_id = last_task_id
        self.at_once = at_once

    def poke(self, context: Context) -> bool:
        """Whether it is this map index's turn."""
        ti = context["ti"]
        position = ti.map_index or 0
        if position < int(self.at_once):
            return True
        states = ti.get_task_states(dag_id=ti.dag_id, task_ids=[self.last_task_id], run_ids=[ti.run_id])
        ended = states.get(ti.run_id, {})
        at_work = sum(ended.get(f"{self.last_task_id}_{index}") not in TERMINAL_STATES for index in range(position))
        self.log.info("%d earlier days are at work, %s may be", at_work, self.at_once)
        return at_work < int(self.at_once)
