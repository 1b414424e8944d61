"""The manifests that the jobs write, tests/contracts, as the DAGs and their SQL read them."""

import json
import re
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowFailException

from logline.dataflow.manifest import MANIFEST_VERSION, Manifest

ROOT = Path(__file__).parents[4]
CONTRACTS = ROOT / "tests" / "contracts"
URI = "gs://bucket/manifest.json"


@pytest.mark.parametrize(
    ("sample", "files"),
    [("manifest", {"rows", "rejected", "ledger", "ledger_days"}), ("replay_manifest", {"rows"})],
)
def test_a_manifest_names_the_files_that_are_loaded(sample, files):
    content = (CONTRACTS / f"{sample}.json").read_bytes()
    manifest = Manifest.parse(URI, content)
    assert set(manifest.files) == files
    assert all(uri.startswith("gs://") and uri.endswith(".parquet") for uris in manifest.files.values() for uri in uris)
    assert manifest.run_id == json.loads(content)["run_id"]
    assert json.loads(manifest.text) == json.loads(content)


def test_what_the_checks_of_a_replay_read_is_in_the_manifest():
    sql = (ROOT / "dags" / "sql" / "replay" / "checks.sql").read_text(encoding="utf-8")
    paths = re.findall(r"@manifest, '\$\.([a-z_.]+)'", sql)
    assert paths
    for path in paths:
        value = json.loads((CONTRACTS / "replay_manifest.json").read_bytes())
        for name in path.split("."):
            value = value[name]


def test_another_version_says_what_to_do():
    content = json.dumps({"version": MANIFEST_VERSION + 1, "run_id": "r", "files": {}}).encode()
    with pytest.raises(
        AirflowFailException, match="has version 3, this release reads version 2: run the provision DAG"
    ):
        Manifest.parse(URI, content)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"version": 2}'])
def test_what_is_not_a_manifest_is_said_in_one_line(content):
    with pytest.raises(AirflowFailException, match="is not a manifest") as error:
        Manifest.parse(URI, content)
    assert len(str(error.value).splitlines()) == 1
