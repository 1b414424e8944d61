"""One call of the command: all files read, and what was asked for printed and written."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack

from beam_jobs.access_log.arrow.parquet import OutputError, RowsFile
from beam_jobs.access_log.cli.inputs import InputNameError, expand_all
from beam_jobs.access_log.cli.json_lines import JsonLines
from beam_jobs.access_log.cli.progress import Progress
from beam_jobs.access_log.cli.report import report_lines, total_lines
from beam_jobs.access_log.cli.summary import Consumer, FileError, LogSummary, summarise_log
from beam_jobs.access_log.cli.terminal import Terminal
from beam_jobs.access_log.cli.traffic import Traffic
from beam_jobs.access_log.cli.traffic_report import traffic_lines
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
            rows_file = stack.enter_context(RowsFile(options.parquet))
            consumers.append(lambda block: rows_file.write(block.parsed.rows, block.name))
        for name in inputs:
            try:
                if isinstance(name, InputNameError):
                    raise name
                with Progress(sys.stderr) as progress:
                    summary = summarise_log(name, log_format, consumers, progress)
            except (FileError, InputNameError) as error:
                print(error, file=sys.stderr)
                is_complete = False
                continue
            summaries.append(summary)
            for warning in summary.warnings:
                print(f"{summary.name}: {warning}", file=sys.stderr)
            if is_summary:
                print("\n".join(report_lines(summary, options.examples)), flush=True)
            if summary.all_rejected:
                print(_all_rejected(summary), file=sys.stderr)
                is_complete = False
    if is_summary and len(inputs) > 1:
        print("\n".join(total_lines(summaries)))
    if is_summary and traffic.requests:
        print("\n".join(["", *traffic_lines(traffic, Terminal.of(sys.stdout))]))
    rows = sum(summary.rows for summary in summaries)
    if options.html and summaries:
        _write_page(options, summaries, traffic)
        _tell(f"wrote {options.html}", is_summary)
    if options.parquet:
        _tell(f"wrote {counted(rows, 'row')} to {options.parquet}", is_summary)
    return is_complete


def _all_rejected(summary: LogSummary) -> str:
    (reason, lines), *_ = summary.examples.items()
    log_format = summary.log_format.name if summary.log_format else ""
    return (
        f"{summary.name}: {counted(summary.rejected, 'line')}, each rejected as {log_format}, the first as {reason}: "
        f"{lines[0].message}; pass the --log-format that the log is in"
    )


def _write_page(options: argparse.Namespace, summaries: list[LogSummary], traffic: Traffic) -> None:
    from beam_jobs.access_log.cli.html_report import html_page

    try:
        options.html.write_text(html_page(summaries, traffic), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{options.html}: cannot be written: {error.strerror}") from error


def _tell(text: str, is_summary: bool) -> None:
    print(text, file=sys.stdout if is_summary else sys.stderr)
