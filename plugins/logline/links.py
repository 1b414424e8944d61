"""Links on a task's page in the Airflow UI."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow.providers.google.cloud.links.dataflow import DataflowJobLink
from airflow.sdk import BaseOperatorLink
from airflow.sdk.configuration import conf
from airflow.sdk.execution_time.xcom import XCom

from logline.settings import Settings

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


class JobPageLink(BaseOperatorLink):
    """Link to the Dataflow job, at the address of the setting `LOGLINE_JOB_PAGE`."""

    name = "Dataflow job"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return its address; empty before the launch."""
        launched = XCom.get_value(key=DataflowJobLink.key, ti_key=ti_key)
        settings: Settings = operator.settings  # type: ignore[attr-defined]
        return settings.job_url(launched["job_id"]) if launched else ""


class LoglinePageLink(BaseOperatorLink):
    """Link to what the page Logline says about the run."""

    name = "Logline"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return its address."""
        base = conf.get("api", "base_url", fallback="/").rstrip("/")
        return f"{base}/dags/{quote(ti_key.dag_id)}/runs/{quote(ti_key.run_id, safe='')}/plugin/logline-run"
