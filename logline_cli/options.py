"""The options of the subcommands, and what their `--help` says."""

import argparse
import json
import re
import textwrap
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

PARAMS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("backfill_params.json").read_text(encoding="utf-8"))
"""The Params of the DAG log_backfill, written from it by `make generate`."""

_FLAGS = {"start_date": ("--from",), "end_date": ("--to",)}
_LONGEST = 240
_WHERE = """
Where the pipeline is: --airflow-url or LOGLINE_AIRFLOW_URL; else the local stack of this folder, whose address and
password need not be typed. Elsewhere, log in with a token (LOGLINE_AIRFLOW_TOKEN, on Google Cloud
`gcloud auth print-access-token`), or with LOGLINE_AIRFLOW_USER and LOGLINE_AIRFLOW_PASSWORD."""

BACKFILL = f"""Read historical log files into the tables: start a run of log_backfill and follow it.

Examples:
    logline backfill --from 2026-06-01 --to 2026-06-03
    logline backfill --prefix shop --from 2026-06-01       gs://BUCKET/shop/2026-06-01/*
    logline backfill --source 'gs://BUCKET/loaded/**'
{_WHERE}

Ctrl-C leaves the run going.

Exit codes:
    0    the run succeeded
    1    it failed, or could not be started
    2    an option is wrong
    130  interrupted; the run goes on
"""
LOAD = """Put log files into the bucket, and with --backfill into the tables.

Examples:
    logline load access.log --backfill
    logline load /var/log/nginx --prefix shop --backfill
    logline load 'logs/**/*.gz'

A file becomes gs://BUCKET/PREFIX/NAME; a folder keeps its tree below its own name. An object that is there with the
same content is left alone, one with another content only replaced with --replace. Into the local stack of this
folder, or into --bucket (LOGLINE_BUCKET) with the credentials that Google's clients find.

Exit codes:
    0    all files are in the bucket, and the backfill succeeded
    1    a file cannot be read or written, or the backfill failed
    2    an option is wrong
    130  interrupted; a backfill that has begun goes on
"""
STATUS = f"""Show whether the pipeline is well: Airflow, the stream, the latest runs, the last days.
{_WHERE}

Exit codes:
    0    all is well
    1    it cannot be said: no login, no permission, no answer of the page Logline
    2    an option is wrong
    3    Airflow does not answer
    4    something is not well: a part, the stream, a run that failed, a day that does not balance, an unread object
"""


def add_backfill(parser: argparse.ArgumentParser) -> None:
    """Add the options of `logline backfill`: every Param of the DAG, by its name."""
    for param in PARAMS:
        _add_param(parser, param)
    parser.add_argument(
        "--prefix",
        metavar="FOLDER",
        help="objects gs://BUCKET/FOLDER/{date}/* of logline's bucket, instead of --source",
    )
    parser.add_argument("--detach", action="store_true", help="start the run, print its address, and do not follow it")
    _add_airflow(parser)


def add_load(parser: argparse.ArgumentParser) -> None:
    """Add the options of `logline load`."""
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="a log, a folder of logs, or a pattern like 'a/**/*.gz'"
    )
    parser.add_argument("--prefix", default="loaded", metavar="FOLDER", help="folder in the bucket (loaded)")
    parser.add_argument("--bucket", metavar="NAME", help="another bucket than that of the local stack")
    parser.add_argument("--replace", action="store_true", help="replace objects whose content differs")
    parser.add_argument("--backfill", action="store_true", help="then read them into the tables")
    parser.add_argument("--log-format", "--log_format", dest="log_format", metavar="FORMAT", help="of the backfill")
    _add_airflow(parser)


def add_status(parser: argparse.ArgumentParser) -> None:
    """Add the options of `logline status`."""
    days = _number({"minimum": 1, "maximum": 366}, int)
    parser.add_argument("--days", type=days, default=7, metavar="N", help="days to show: 7")
    _add_airflow(parser)


def _add_airflow(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--airflow-url", metavar="URL", help="base URL of Airflow")
    parser.add_argument(
        "--token",
        help="bearer token of its API; other users of this machine can see it: rather set LOGLINE_AIRFLOW_TOKEN",
    )


def _add_param(parser: argparse.ArgumentParser, param: Mapping[str, Any]) -> None:
    name: str = param["name"]
    flags = [*_FLAGS.get(name, ()), f"--{name.replace('_', '-')}", f"--{name}"]
    flags = list(dict.fromkeys(flags))
    about = textwrap.shorten(param["description"], _LONGEST, placeholder=" ... (docs/dags.md has all)")
    shown = about.replace("%", "%%")
    if param["type"] == "boolean":
        parser.add_argument(*flags, dest=name, action="store_const", const=True, help=shown)
        return
    if param["default"] is not None:
        shown += f" Default: {str(param['default']).replace('%', '%%')}"
    kinds = {"integer": _number(param, int), "number": _number(param, float)}
    kind = _day if param.get("format") == "date" else kinds.get(param["type"], str)
    metavar = "DAY" if param.get("format") == "date" else "N" if param["type"] in kinds else name.upper()
    if choices := param.get("enum"):
        parser.add_argument(*flags, dest=name, choices=choices, help=shown)
        return
    parser.add_argument(*flags, dest=name, type=kind, metavar=metavar, help=shown)


def _day(text: str) -> str:
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is not a calendar day written as YYYY-MM-DD")


def _number(param: Mapping[str, Any], kind: type[int] | type[float]) -> Any:
    least, most = param.get("minimum"), param.get("maximum")

    def number(text: str) -> float:
        try:
            value = kind(text)
            if (least is None or value >= least) and (most is None or value <= most):
                return value
        except ValueError:
            pass
        whole = "a whole number" if kind is int else "a number"
        span = "" if least is None else f" from {least}" + ("" if most is None else f" to {most}")
        raise argparse.ArgumentTypeError(f"{text!r} is not {whole}{span}")

    return number
