"""Which day a run of `daily_summary` is about."""

from __future__ import annotations

from airflow.sdk import Context

from logline.params import ParamError, check_known_params, parse_day
from logline.preflight import check_bigquery
from logline.settings import Settings


def summarised_day(settings: Settings, context: Context) -> str:
    """Return the run's partition key, else its Param `day`, as `YYYY-MM-DD`.

    Raises:
        AirflowFailException: no day, no valid day, an unknown parameter, or a dataset is missing.
        AirflowException: BigQuery does not answer now.
    """
    params, dag_run = context["params"], context["dag_run"]
    # The values hold every key of the run's configuration, declared or not.
    check_known_params(dag_run.conf, context["dag"].params)
    if dag_run.partition_key is not None:
        day = parse_day("the partition key", dag_run.partition_key)
    elif params["day"] is not None:
        day = parse_day("day", params["day"])
    else:
        raise ParamError('day is missing: trigger with --conf \'{"day": "YYYY-MM-DD"}\'')
    if settings.has_expired(day):
        raise ParamError(
            f"the landing tables hold no rows of {day} any more (LOGLINE_LANDING_EXPIRY_DAYS is "
            f"{settings.landing_expiry_days}): the tables made from them are left as they are"
        )
    check_bigquery(settings)
    return day.isoformat()
