"""Slots: how many days of one run are worked on at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseSensorOperator, Context
from airflow.utils.state import State

from logline.text_table import counted


class WaitForSlotSensor(BaseSensorOperator):
    """Let a mapped task group start only while fewer than a number of earlier ones are still running.

    Airflow's own limits are fixed when the DAG file is parsed; this one can be a Param. The first groups pass without
    asking the API server.

    Args:
        last_task_id: the task whose end ends a mapped group.
        slots: how many may run at the same time (templated).
    """

    template_fields: Sequence[str] = ("slots",)

    def __init__(self, *, last_task_id: str, slots: str, **kwargs: Any) -> None:
        super().__init__(mode="reschedule", **kwargs)
        self.last_task_id = last_task_id
        self.slots = slots

    def poke(self, context: Context) -> bool:
        """Return whether a slot is free for this map index."""
        ti = context["ti"]
        position = ti.map_index or 0
        if position < int(self.slots):
            return True
        states = ti.get_task_states(dag_id=ti.dag_id, task_ids=[self.last_task_id], run_ids=[ti.run_id])
        ended = states.get(ti.run_id, {})
        running = sum(ended.get(f"{self.last_task_id}_{index}") not in State.finished for index in range(position))
        self.log.info("Running: %s, at most %s at once", counted(running, "earlier day"), self.slots)
        return running < int(self.slots)
