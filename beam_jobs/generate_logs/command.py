"""Write synthetic access logs, one folder per day, and the truth about them.

    python -m beam_jobs.generate_logs --output logs --start_date 2026-11-01 --days 3 --lines_per_day 100000

writes `logs/{date}/access-0001.log` (`.log.gz` with `--gzip`) and `logs/truth.json` (`--truth` names another file):
what a parser must find, counted from the values that were drawn, per day and in total. The default is the line of the
article this project takes up. The same options give the same bytes. About 1 % of the lines are bad in one of several
ways, a few are blank, and some are genuine repetitions of the line before. With `--publish` lines go to Pub/Sub
instead: see `publish.py`.

With `--site` the lines are those of a believable site, in nginx's `main`: persons who walk through pages, crawlers,
assistants of AI, monitors, scanners, from many countries, on four hosts, with the curve of the day and the weekend.
Each day has an attack; of each seven days the second has an outage, and on the third one a host is silent. The truth
then has each host's visits, agents, channels, countries, attacks and errors too.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import date, timedelta
from pathlib import Path
from typing import IO, Any

from isal import igzip

from beam_jobs.access_log.lines import counted
from beam_jobs.generate_logs.argument_types import FIRST_DAY, LAST_DAY, count, place, seed, share
from beam_jobs.generate_logs.day_truth import DayTruth
from beam_jobs.generate_logs.log_lines import FORMATS, TEMPLATES
from beam_jobs.options.parameters import OneLineParser, OptionError
from beam_jobs.storage import gcs
from beam_jobs.storage.files import delete_object, is_gcs, write_object
from beam_jobs.storage.objects import OutputError

TRUTH_VERSION = 1
_WRITE_LINES = 10_000
_PUBLISH = "--publish"


def main(argv: Sequence[str] | None = None) -> int:
    """Write the logs and their truth.

    Returns:
        The exit code: 0, 1 where the output cannot be written, 2 for a wrong option.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if _PUBLISH in arguments:
        from beam_jobs.generate_logs import publish

        return publish.main([argument for argument in arguments if argument != _PUBLISH])
    try:
        options = _parse(arguments)
    except OptionError as error:
        print(error, file=sys.stderr)
        return 2
    started = time.monotonic()
    try:
        truth = generate(options)
    except (OutputError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    seconds = time.monotonic() - started
    totals = truth["totals"]
    print(
        f"wrote {counted(totals['lines'], 'line')} ({totals['bytes'] / 1e6:.1f} MB)"
        f" of {counted(len(truth['days']), 'day')} to {options.output}"
        f" in {seconds:.1f} s, {totals['lines'] / seconds:,.0f} lines/s"
    )
    return 0


def generate(options: argparse.Namespace) -> dict[str, Any]:
    """Write the days that the options ask for, then their truth, and return the truth."""
    truth_file = options.truth or f"{options.output}/truth.json"
    delete_object(truth_file)  # where it cannot be written, that is said before anything is drawn
    days = {}
    for offset in range(options.days):
        day = options.start_date + timedelta(days=offset)
        count, lines, truth = _draw(options, day)
        files = _write_day(options, day, itertools.chain.from_iterable(lines), count)
        days[day.isoformat()] = truth.as_json() | {"bytes": sum(file["bytes"] for file in files), "files": files}
    truth_json = {
        "version": TRUTH_VERSION,
        "format": options.format,
        "site": options.site,
        "seed": options.seed,
        "bad_share": options.bad_share,
        "totals": _totals(list(days.values())),
        "days": days,
    }
    write_object(truth_file, json.dumps(truth_json, indent=1).encode() + b"\n")
    return truth_json


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = OneLineParser(prog="python -m beam_jobs.generate_logs", description=__doc__.partition("\n")[0])
    parser.add_argument("--output", required=True, type=place, help="folder, gs:// or local")
    parser.add_argument("--truth", type=place, metavar="FILE", help="the truth's file (default: truth.json there)")
    parser.add_argument("--start_date", required=True, type=_date, help="first day, YYYY-MM-DD")
    parser.add_argument("--days", type=count, default=1, help="how many days (default: 1)")
    parser.add_argument("--lines_per_day", type=count, default=10_000, help="lines of a day (default: 10000)")
    parser.add_argument("--site", action="store_true", help="a believable site; at weekends five eighths of the lines")
    parser.add_argument(
        "--format", choices=TEMPLATES, help="format of the lines (default: article; of a site nginx_main)"
    )
    parser.add_argument("--bad_share", type=share, default=0.01, help="share of bad lines, 0 to 1 (default: 0.01)")
    parser.add_argument("--gzip", action="store_true", help="compress the files")
    parser.add_argument("--files_per_day", type=count, default=1, help="files of a day (default: 1)")
    parser.add_argument("--seed", type=seed, default=1, help="what the draws start from (default: 1)")
    parser.add_argument(_PUBLISH, action="store_true", help="publish to Pub/Sub; --publish --help has its options")
    options = parser.parse_args(argv)
    if options.start_date < FIRST_DAY or options.days > (LAST_DAY - options.start_date).days + 1:
        parser.error(f"--start_date and --days: days from {FIRST_DAY} to {LAST_DAY} can be drawn")
    options.format = options.format or ("nginx_main" if options.site else "article")
    if not options.site and options.format not in FORMATS:
        parser.error(f"--format {options.format} is for a site: add --site, or take one of {', '.join(FORMATS)}")
    return options


def _draw(options: argparse.Namespace, day: date) -> tuple[int, Iterator[list[bytes]], DayTruth]:
    """Return how many lines the day has, these, and the truth that is counted while they are drawn."""
    if not options.site:
        from beam_jobs.generate_logs.synthetic_logs import draw_day, make_pools

        truth = DayTruth()
        pools = make_pools(options.format, options.seed)
        count = options.lines_per_day
        return count, draw_day(pools, options.format, day, count, options.bad_share, options.seed, truth), truth
    from beam_jobs.generate_logs.site.site_lines import SiteTruth, draw_site_day
    from beam_jobs.generate_logs.site.traffic import lines_of_day

    truth = SiteTruth()
    count = lines_of_day(day, options.lines_per_day)
    first, days = options.start_date, options.days
    lines = draw_site_day(options.format, day, count, options.bad_share, options.seed, first, days, truth)
    return count, lines, truth


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date like 2026-11-01") from None


def _write_day(options: argparse.Namespace, day: date, lines: Iterator[bytes], count: int) -> list[dict[str, Any]]:
    folder = f"{options.output}/{day.isoformat()}"
    files = []
    share, more = divmod(count, options.files_per_day)
    workplace: AbstractContextManager[str]
    if is_gcs(folder):
        workplace = tempfile.TemporaryDirectory()
    else:
        Path(folder).mkdir(parents=True, exist_ok=True)
        workplace = nullcontext(folder)
    with workplace as local:
        for number in range(1, options.files_per_day + 1):
            name = f"access-{number:04d}.log" + (".gz" if options.gzip else "")
            unfinished = Path(local) / f".{name}"
            with unfinished.open("wb") as stream:
                _write_lines(stream, lines, share + (number <= more), compress=options.gzip)
            files.append({"name": f"{day.isoformat()}/{name}", "bytes": unfinished.stat().st_size})
            if is_gcs(folder):
                gcs.write(f"{folder}/{name}", unfinished)
                unfinished.unlink()
            else:
                unfinished.replace(Path(local) / name)
    return files


def _write_lines(stream: IO[bytes], lines: Iterator[bytes], count: int, *, compress: bool) -> None:
    # Neither name nor time goes into the gzip header: the same options give the same bytes.
    with igzip.IGzipFile("", "wb", fileobj=stream, mtime=0) if compress else nullcontext(stream) as target:
        while count > 0:
            batch = list(itertools.islice(lines, min(count, _WRITE_LINES)))
            target.write(b"\n".join(batch) + b"\n")
            count -= len(batch)


def _totals(days: list[dict[str, Any]]) -> dict[str, Any]:
    totals: dict[str, Any] = {
        name: sum(day[name] for day in days)
        for name in ("lines", "rows", "rejected", "blank", "bytes", "body_bytes_sent")
    }
    for name in ("statuses", "methods", "rejected_by_reason"):
        counted: Counter[str] = Counter()
        for day in days:
            counted.update(day[name])
        totals[name] = dict(sorted(counted.items()))
    return totals
