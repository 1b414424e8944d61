"""Loads keep to what BigQuery takes in one job."""

from emulators.bigquery.jobs.job_rules import MOST_URIS
from logline.warehouse.load import MAX_FILES


def test_a_load_job_names_no_more_files_than_bigquery_takes():
    assert MAX_FILES <= MOST_URIS
