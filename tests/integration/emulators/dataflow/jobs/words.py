"""A real Beam pipeline that counts, and leaves its counters where the emulator reads them."""

import argparse
import json
import os
import sys
from pathlib import Path

import apache_beam as beam
from apache_beam.metrics import Metrics, MetricsFilter
from apache_beam.options.pipeline_options import PipelineOptions


class CountWords(beam.DoFn):  # type: ignore[misc]
    def __init__(self) -> None:
        self._words = Metrics.counter("words", "seen")

    def process(self, line: str) -> list[str]:
        words = line.split()
        self._words.inc(len(words))
        return words


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--submit_only", action="store_true")
    options, pipeline_arguments = parser.parse_known_args()
    pipeline = beam.Pipeline(options=PipelineOptions(pipeline_arguments))
    lines = pipeline | "Create" >> beam.Create(["to be or", "not to be"])
    lines | "Split" >> beam.ParDo(CountWords())
    result = pipeline.run()
    if options.submit_only:
        return
    result.wait_until_finish()
    found = result.metrics().query(MetricsFilter().with_namespace("words"))["counters"]
    counters = [
        {
            "namespace": one.key.metric.namespace,
            "name": one.key.metric.name,
            "step": one.key.step,
            "value": one.result,
        }
        for one in found
    ]
    path = os.environ.get("DATAFLOW_EMULATOR_METRICS_FILE")
    if path:
        draft = Path(f"{path}.draft")
        draft.write_text(json.dumps({"counters": counters}))
        draft.replace(path)


if __name__ == "__main__":
    sys.exit(main())
