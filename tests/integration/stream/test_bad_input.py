"""Each mistake is one line on stderr and exit code 1; nothing was pulled."""

import signal
from collections.abc import Iterator

import pytest

from beam_jobs.generate_logs import command as generate_logs
from beam_jobs.stream.job import main
from tests.integration.stream.world import PROJECT, Stream

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def only_line(capsys: pytest.CaptureFixture[str]) -> str:
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_no_such_subscription(stream: Stream, capsys: pytest.CaptureFixture[str]) -> None:
    missing = f"projects/{PROJECT}/subscriptions/missing"
    assert main([*stream.options, f"--subscription={missing}"]) == 1
    assert only_line(capsys).startswith(f"subscription {missing} does not exist")


def test_no_such_dataset(stream: Stream, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*stream.options, f"--dataset={PROJECT}.missing"]) == 1
    assert only_line(capsys).startswith(f"table {PROJECT}.missing.streamed_requests does not exist")


def test_no_such_table(stream: Stream, capsys: pytest.CaptureFixture[str]) -> None:
    stream.sql(f"DROP TABLE `{stream.dataset}.rejected_streamed`")
    assert main(stream.options) == 1
    assert only_line(capsys).startswith(f"table {stream.dataset}.rejected_streamed does not exist")


def test_a_table_without_a_column(stream: Stream, capsys: pytest.CaptureFixture[str]) -> None:
    table = f"`{stream.dataset}.streamed_requests`"
    stream.sql(f"CREATE OR REPLACE TABLE {table} AS SELECT * EXCEPT (referer) FROM {table} WHERE log_date IS NULL")
    assert main(stream.options) == 1
    assert only_line(capsys).startswith(f"table {stream.dataset}.streamed_requests has no column referer")


def test_an_unknown_format_and_an_unknown_option(stream: Stream, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*stream.options, "--log_format=nginx"]) == 1
    assert "--log_format=nginx cannot be used" in only_line(capsys)
    assert main([*stream.options, "--dry_runs"]) == 1
    assert "unknown option --dry_runs" in only_line(capsys)


def test_publishing_to_no_topic(stream: Stream, capsys: pytest.CaptureFixture[str], tmp_path) -> None:
    missing = f"projects/{PROJECT}/topics/missing"
    truth = tmp_path / "truth.json"
    assert generate_logs.main(["--publish", f"--topic={missing}", f"--truth={truth}", "--messages=10"]) == 1
    assert only_line(capsys).startswith(f"topic {missing} does not exist")
    assert not truth.exists()
