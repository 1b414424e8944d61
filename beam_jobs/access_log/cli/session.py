"""One call of the command: all files read, and what was asked for printed and written."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from beam_jobs.access_log.cli.inputs import InputNameError, expand_all
from beam_jobs.access_log.cli.json_lines import JsonLines
from beam_jobs.access_log.cli.progress import Progress
from beam_jobs.access_log.cli.shown import printable
from beam_jobs.access_log.cli.summary import Consumer, FileError, LogSummary, summarise_log
from beam_jobs.access_log.cli.terminal import Terminal
from beam_jobs.access_log.cli.text_report import log_lines, rejected_lines, table_lines, traffic_lines
from beam_jobs.access_log.cli.traffic import Traffic
from beam_jobs.access_log.errors import OutputError
from beam_jobs.access_log.formats.registry import LogFormat
from beam_jobs.access_log.lines import counted


def run_session(options: argparse.Namespace, log_format: LogFormat | None) -> bool:
    """Read the files, one after the other, and print or write what the options ask for.

    Args:
        options: See `command.add_arguments`.
        log_format: The format of all files; None to detect that of each.

    Returns:
        Whether all files could be read, and each that is not blank has a row.

    Raises:
        OutputError: A file of the results cannot be written.
        OSError: Standard output cannot be written.
    """
    is_summary = options.output == "summary"
    inputs = list(expand_all(options.file))
    traffic = Traffic()
    consumers: list[Consumer] = []
    if is_summary or options.html:
        consumers.append(lambda block: traffic.add(block.parsed.rows))
    if not is_summary:
        consumers.append(JsonLines(sys.stdout, with_names=len(inputs) > 1).write)
    summaries: list[LogSummary] = []
    is_complete = True
    with ExitStack() as stack:
        if options.parquet:
            from beam_jobs.access_log.arrow.parquet import RowsFile

            rows_file = stack.enter_context(RowsFile(options.parquet))
            consumers.append(lambda block: rows_file.write(block.parsed.rows, block.name))
        for name in inputs:
            try:
                if isinstance(name, InputNameError):
                    raise name
                with Progress(sys.stderr) as progress:
                    summary = summarise_log(name, log_format, consumers, progress)
            except (FileError, InputNameError) as error:
                _complain(str(error))
                is_complete = False
                continue
            for warning in (*summary.warnings, *_copies(summary, summaries)):
                _complain(f"{summary.name}: {warning}")
            if summary.all_rejected:
                _complain(_all_rejected(summary))
                is_complete = False
            summaries.append(summary)
    if is_summary and summaries:
        print("\n".join(_report(summaries, traffic, options)))
    told = sys.stdout if is_summary else sys.stderr
    if options.html and summaries:
        _write_page(summaries, traffic, options)
        print(printable(f"wrote {options.html}"), file=told)
    if options.parquet:
        rows = sum(summary.rows for summary in summaries)
        print(printable(f"wrote {counted(rows, 'row')} to {options.parquet}"), file=told)
    return is_complete


def _report(summaries: Sequence[LogSummary], traffic: Traffic, options: argparse.Namespace) -> Iterator[str]:
    terminal = Terminal.of(sys.stdout)
    yield from log_lines(summaries[0], terminal) if len(summaries) == 1 else table_lines(summaries, terminal)
    yield from rejected_lines(summaries, options.examples, terminal)
    if traffic.hours:
        yield ""
        yield from traffic_lines(traffic, options.top, terminal)


def _copies(summary: LogSummary, others: Sequence[LogSummary]) -> Iterator[str]:
    for other in others:
        if summary.rows and (summary.rows, summary.fingerprint) == (other.rows, other.fingerprint):
            yield f"has the same rows as {other.name}: they count twice"
            return


def _all_rejected(summary: LogSummary) -> str:
    (reason, lines), *_ = summary.examples.items()
    log_format = summary.log_format.name if summary.log_format else ""
    return (
        f"{summary.name}: {counted(summary.rejected, 'line')}, each rejected as {log_format}, the first as {reason}: "
        f"{lines[0].message}; pass the --log-format that the log is in"
    )


def _write_page(summaries: Sequence[LogSummary], traffic: Traffic, options: argparse.Namespace) -> None:
    from beam_jobs.access_log.cli.html_report import html_page

    page = html_page(summaries, traffic, options.top, options.examples)
    try:
        options.html.write_text(page, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{options.html}: cannot be written: {error.strerror}") from error


def _complain(text: str) -> None:
    print(printable(text), file=sys.stderr)
