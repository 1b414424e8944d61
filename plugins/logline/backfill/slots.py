"""Slots: how many units of one run are worked on at the same time.

Airflow's own limits are fixed when the DAG file is parsed; this one is a Param. The first units begin without asking,
each later one waits in the triggerer for the end of as many earlier ones as it takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent
from airflow.utils.state import State
from asgiref.sync import sync_to_async

from logline.deferral import trigger_event
from logline.text_table import counted


def units_at_work(states: Mapping[str, Any], last_task_id: str, before: int) -> int:
    """Return how many of the first `before` units have not ended.

    Args:
        states: of the run's tasks, as `get_task_states` returns them.
        last_task_id: the task whose end ends a unit.
        before: a map index.
    """
    return sum(states.get(f"{last_task_id}_{index}") not in State.finished for index in range(before))


class SlotTrigger(BaseTrigger):
    """Fire when fewer than a number of the units before a map index are at work.

    Args:
        dag_id: the DAG.
        run_id: the run.
        last_task_id: the task whose end ends a unit.
        map_index: of the unit that waits.
        slots: how many units may be at work.
        poll_sleep: seconds between two looks.
    """

    def __init__(
        self, dag_id: str, run_id: str, last_task_id: str, map_index: int, slots: int, poll_sleep: float
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.dag_id = dag_id
        self.run_id = run_id
        self.last_task_id = last_task_id
        self.map_index = map_index
        self.slots = slots
        self.poll_sleep = poll_sleep

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Serialize class arguments and classpath."""
        names = ("dag_id", "run_id", "last_task_id", "map_index", "slots", "poll_sleep")
        return f"{type(self).__module__}.{type(self).__qualname__}", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Ask Airflow every `poll_sleep` seconds."""
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

        ask = sync_to_async(RuntimeTaskInstance.get_task_states)
        while True:
            await asyncio.sleep(self.poll_sleep)
            states = await ask(dag_id=self.dag_id, task_ids=[self.last_task_id], run_ids=[self.run_id])
            at_work = units_at_work(states.get(self.run_id, {}), self.last_task_id, self.map_index)
            if at_work < self.slots:
                yield trigger_event("success", f"{counted(at_work, 'earlier unit')} at work")
                return
