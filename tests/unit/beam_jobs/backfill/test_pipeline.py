"""The pipeline as Dataflow would get it: every step labelled and serialised, nothing read yet."""

from datetime import UTC, datetime

import apache_beam as beam
import pytest
from apache_beam.internal.gcp import auth
from apache_beam.options.pipeline_options import PipelineOptions

from beam_jobs.backfill import job as backfill
from beam_jobs.backfill.options import parse_backfill_options
from beam_jobs.backfill.transforms import InputsUnreadableError, _WriteManifest
from beam_jobs.output.manifest import RunInfo
from beam_jobs.output.records import SourceFailed, SourceFound, SourceSummary

SETTINGS, _ = parse_backfill_options(
    ["--source=gs://nowhere/*", "--output=gs://nowhere/out", "--run_id=run", "--runner=DataflowRunner"]
)
RUN = RunInfo(
    "run", "log-backfill", None, "gs://nowhere/*", "gs://nowhere/out", "1", datetime(2026, 11, 22, tzinfo=UTC)
)


def test_dataflow_gets_a_batch_job_whose_steps_are_labelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "get_service_credentials", lambda _options: None)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:1")  # a dry run asks it nothing
    options = PipelineOptions(
        runner="DataflowRunner",
        dry_run=True,
        project="logline-local",
        region="us-central1",
        job_name="log-backfill",
        temp_location="gs://nowhere/tmp",
    )
    pipeline = beam.Pipeline(options=options)
    backfill.build(pipeline, SETTINGS, RUN)
    job = pipeline.run().job.proto
    assert job.name == "log-backfill"
    assert job.type_.name == "JOB_TYPE_BATCH"


def test_steps_survive_serialisation() -> None:
    pipeline = beam.Pipeline(options=PipelineOptions(runner="FnApiRunner"))
    backfill.build(pipeline, SETTINGS, RUN)
    restored = beam.Pipeline.from_runner_api(
        pipeline.to_runner_api(), runner=pipeline.runner, options=PipelineOptions()
    )
    labels = [part.full_label for part in restored.transforms_stack[0].parts]
    assert labels == ["List sources", "Plan blocks", "Parse blocks", "All records", "Write manifest"]


def test_without_anyone_waiting_the_job_fails_itself_after_writing_the_manifest(tmp_path: object) -> None:
    run = RunInfo("run", "job", None, "gs://b/*", str(tmp_path), "1", RUN.started)
    write = _WriteManifest(run, raise_on_errors=True)
    good = SourceSummary.of("gs://b/1", [SourceFound(1, 0, None)])
    bad = SourceSummary.of("gs://b/2", [SourceFailed(2, 9, "unknown_format", "not an access log")])
    assert next(iter(write.process(("run", [good]))))["sources"] == 1
    with pytest.raises(InputsUnreadableError, match="gs://b/2: not an access log"):
        list(write.process(("run", [good, bad])))
