"""The command before an Airflow that answers as one does: what it starts, says and returns."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from logline_cli import progress
from logline_cli.command import main
from logline_cli.status import DAGS

RUN = {"dag_id": "log_backfill", "dag_run_id": "api__1", "conf": {}, "start_date": None, "end_date": None, "note": None}
RUNS = "/api/v2/dags/log_backfill/dagRuns"


class Airflow:
    """Answers, by method and path: a status and a body; lists of them are answered one after the other.

    A text is answered as a page.
    """

    def __init__(self) -> None:
        self.posted: list[Any] = []
        source = {"value": "gs://bucket-1/logs/{date}/*"}
        self.answers: dict[str, Any] = {
            "POST /auth/token": (201, {"access_token": "t"}),
            "GET /api/v2/dags/log_backfill/details": (200, {"is_paused": False, "params": {"source": source}}),
            f"POST {RUNS}": (200, RUN | {"state": "queued"}),
            f"GET {RUNS}/api__1": (200, RUN | {"state": "success", "note": "3 lines of 1 object = 2 rows"}),
            f"GET {RUNS}/api__1/taskInstances": (200, {"total_entries": 0, "task_instances": []}),
            "GET /logline/api/ledger": (200, {"data": None}),
        }

    def tasks(self, *tasks: tuple[str, int, str]) -> None:
        found = [
            {"task_id": name, "map_index": index, "state": state, "try_number": 1, "duration": 2.0,
             "rendered_map_index": "2026-06-01" if index >= 0 else None}
            for name, index, state in tasks
        ]  # fmt: skip
        answer = {"total_entries": len(found), "task_instances": found}
        self.answers[f"GET {RUNS}/api__1/taskInstances"] = (200, answer)


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Airflow]:
    known = Airflow()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"null")
            if self.command == "POST" and "/dagRuns" in self.path:
                known.posted.append(body)
            found = known.answers.get(f"{self.command} {self.path.partition('?')[0]}", (404, {"detail": "not found"}))
            status, answer = found.pop(0) if isinstance(found, list) and len(found) > 1 else (
                found[0] if isinstance(found, list) else found
            )  # fmt: skip
            kind = "text/html; charset=utf-8" if isinstance(answer, str) else "application/json"
            content = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer  # noqa: N815 (the library's names)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("LOGLINE_AIRFLOW_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("LOGLINE_AIRFLOW_PASSWORD", "secret")
    monkeypatch.setattr(progress, "_PAUSE", 0.0)
    yield known
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_backfill_is_started_followed_and_told_of(airflow: Airflow, capsys: pytest.CaptureFixture[str]):
    airflow.tasks(("plan", -1, "success"), ("unit.parse", 0, "success"), ("unit.land", 0, "success"))
    row = {
        "source_uri": "gs://b/x",
        "log_format": "combined",
        "lines": 1200,
        "good": 2,
        "rejected": 1,
        "blank": 0,
        "bytes": 9,
    }
    airflow.answers["GET /logline/api/ledger"] = (200, {"data": {"objects": [row]}})
    assert (
        main(["backfill", "--from", "2026-06-01", "--to", "2026-06-03", "--max-parallel-days", "2", "--allow_empty"])
        == 0
    )
    assert main(["backfill", "--from", "2026-06-01", "--prefix", "shop/"]) == 0
    printed = capsys.readouterr().out
    assert [body["conf"] for body in airflow.posted] == [
        {"start_date": "2026-06-01", "end_date": "2026-06-03", "max_parallel_days": 2, "allow_empty": True},
        {"start_date": "2026-06-01", "source": "gs://bucket-1/shop/{date}/*"},
    ]
    assert "  plan done (2.0 s)\n  2026-06-01 done (4.0 s)\n" in printed
    assert "gs://b/x  combined  1,200" in printed
    assert "\n3 lines of 1 object = 2 rows\n" in printed
    assert "\r" not in printed


def test_a_dry_run_lists_what_would_be_read(airflow: Airflow, capsys: pytest.CaptureFixture[str]):
    airflow.tasks(("plan", -1, "success"))
    listed = [
        {"event": event, "level": "info"} for event in ("What this run reads\nday  objects\n2026-06-01  3", "Dry run")
    ]
    airflow.answers[f"GET {RUNS}/api__1/taskInstances/plan/logs/1"] = (200, {"content": listed})
    assert main(["backfill", "--dry-run"]) == 0
    assert capsys.readouterr().out.endswith("What this run would read\nday  objects\n2026-06-01  3\n")


def test_a_failed_backfill_says_why(airflow: Airflow, capsys: pytest.CaptureFixture[str]):
    airflow.tasks(("plan", -1, "failed"))
    airflow.answers[f"GET {RUNS}/api__1"] = (
        200,
        RUN | {"state": "failed", "note": "Failed: plan: `no object matches`"},
    )
    log = {
        "content": [{"event": "Task failed", "level": "error", "error_detail": [{"exc_value": "no object matches"}]}]
    }
    airflow.answers[f"GET {RUNS}/api__1/taskInstances/plan/logs/1"] = (200, log)
    assert main(["backfill"]) == 1
    printed = capsys.readouterr().out
    assert printed.count("plan FAILED: no object matches") == 1
    assert "Failed: plan: `no object matches`" in printed


def test_an_interrupted_backfill_goes_on(
    airflow: Airflow, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    airflow.answers[f"GET {RUNS}/api__1"] = (200, RUN | {"state": "running"})

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=time.monotonic, sleep=interrupt))
    assert main(["backfill"]) == 130
    assert "interrupted; the run goes on: logline status, or http://127.0.0.1:" in capsys.readouterr().out


def test_an_airflow_that_is_away_for_a_while_is_asked_again(airflow: Airflow, capsys: pytest.CaptureFixture[str]):
    ended = airflow.answers[f"GET {RUNS}/api__1"]
    airflow.answers[f"GET {RUNS}/api__1"] = [(502, "bad gateway"), (503, {}), (429, {}), ended]
    assert main(["backfill"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "3 lines of 1 object = 2 rows",
        "daily_summary rebuilds these days now: logline status",
    ]


@pytest.mark.parametrize("answer", [(502, "bad gateway"), (401, {}), (403, {"detail": "Forbidden"})])
def test_an_airflow_that_is_away_for_long_or_refuses_leaves_the_run(
    airflow: Airflow, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, answer: tuple[int, Any]
):
    monkeypatch.setattr(progress, "_PATIENCE", 0.0)
    airflow.answers[f"GET {RUNS}/api__1"] = answer
    assert main(["backfill"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "; the run may go on: http://127.0.0.1:" in line


def test_a_failure_is_told_without_the_log_of_its_task(airflow: Airflow, capsys: pytest.CaptureFixture[str]):
    airflow.tasks(("plan", -1, "failed"))
    airflow.answers[f"GET {RUNS}/api__1"] = (200, RUN | {"state": "failed", "note": "Failed: plan"})
    assert main(["backfill"]) == 1
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "  plan FAILED: its log cannot be had: Airflow refused GET " in printed.out
    assert printed.out.endswith("Failed: plan\n")


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (
            ["--from", "2026-06-31"],
            2,
            "argument --from/--start-date/--start_date: '2026-06-31' is not a calendar day written",
        ),
        (["--from", "2026-06-03", "--to", "2026-06-01"], 2, "--to 2026-06-01 is before --from 2026-06-03: swap them"),
        (
            ["--max-parallel-days", "0"],
            2,
            "argument --max-parallel-days/--max_parallel_days: '0' is not a whole number from 1",
        ),
        (["--prefix", "a", "--source", "gs://b/c"], 2, "--prefix and --source name the same thing: give one of them"),
        (["--strat-date", "2026-06-03"], 2, "unrecognized arguments: --strat-date 2026-06-03"),
        (["--airflow-url", "localhost:8080"], 2, "'localhost:8080' is not the address of an Airflow"),
        (["--airflow-url", "http://"], 2, "'http://' is not the address of an Airflow"),
        (["--airflow-url", "http://[::1"], 2, "'http://[::1' is not the address of an Airflow"),
        (["--airflow-url", "http://127.0.0.1:80800"], 2, "'http://127.0.0.1:80800' is not the address of an Airflow"),
        (["--token", "a\u20acb"], 2, "the token has characters that no token has: copy it again"),
        (["--token", "a\nb"], 2, "the token has characters that no token has: copy it again"),
        (["--airflow-url", "http://127.0.0.1:1"], 1, "error: Airflow does not answer at http://127.0.0.1:1"),
    ],
)
@pytest.mark.usefixtures("airflow")
def test_a_mistake_is_one_line(capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, line: str):
    assert main(["backfill", *arguments]) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
    assert printed.err.startswith(line)


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        ({"GET /api/v2/dags/log_backfill/details": (404, {"detail": "no"})}, "has no DAG log_backfill: name logline's"),
        (
            {"GET /api/v2/dags/log_backfill/details": (200, {"is_paused": True})},
            "log_backfill is paused, its runs would wait",
        ),
        (
            {"POST /auth/token": (401, {"detail": "Invalid credentials"})},
            "refused the login of admin: Invalid credentials",
        ),
        ({f"POST {RUNS}": (400, {"detail": "Invalid input\nfor param"})}, "(400): Invalid input for param"),
        ({f"POST {RUNS}": (403, {"detail": "Forbidden"})}, "(403): Forbidden"),
        (
            {"GET /api/v2/dags/log_backfill/details": (200, "<html>Sign in</html>")},
            "is not Airflow's API, it sends text/html (a sign-in page?): check the address and the login",
        ),
        ({"POST /auth/token": (200, "<html>Sign in</html>")}, "is not Airflow's API, it sends text/html"),
    ],
)
def test_a_refusal_of_airflow_is_one_line(
    airflow: Airflow, capsys: pytest.CaptureFixture[str], answer: dict[str, Any], line: str
):
    airflow.answers |= answer
    assert main(["backfill"]) == 1
    (printed,) = capsys.readouterr().err.splitlines()
    assert printed.startswith("error: ")
    assert line in printed


def test_a_token_that_is_not_taken_is_one_line(airflow: Airflow, capsys: pytest.CaptureFixture[str]):
    airflow.answers["GET /api/v2/dags/log_backfill/details"] = (401, {"detail": "x"})
    assert main(["backfill", "--token", "old"]) == 1
    assert capsys.readouterr().err.endswith("does not take the token: get a new one\n")


HEALTH = {"metadatabase": {"status": "healthy"}, "scheduler": {"status": "healthy"}, "triggerer": {"status": None}}
CHECK = {"level": "fail", "check_name": "landed = requests + duplicates", "expected": 2, "actual": 1, "message": "m"}
DAY = {"log_date": "2026-06-01", "checked_at": "2026-06-02", "run_id": "r", "checks": 9}
FIGURES = {"lines": 3000, "rejected": 1, "landed": 2}
STREAM = {
    "decision": "keep",
    "state": "JOB_STATE_RUNNING",
    "rows_per_second": 12.5,
    "lag_seconds": 2,
    "observed_at": "2026-06-01T00:00:00Z",
}


@pytest.mark.parametrize(
    ("not_passed", "shown", "run", "code", "verdict"),
    [
        ([], "all 9 passed", "success", 0, "all is well"),
        ([CHECK | {"level": "warn"}], "warned: landed = requests + duplicates", "success", 0, "all is well"),
        (
            [CHECK],
            "FAILED: landed = requests + duplicates",
            "failed",
            4,
            "not well: the stream (lag), log_backfill failed, 2026-06-01 does not balance, unread objects "
            "(unread-objects)",
        ),
    ],
)
def test_the_status_says_what_is_not_well(
    airflow: Airflow,
    capsys: pytest.CaptureFixture[str],
    not_passed: list[dict[str, Any]],
    shown: str,
    run: str,
    code: int,
    verdict: str,
):
    seen = STREAM | {"reason": "it runs", "runbook": "lag" if code else None}
    airflow.answers |= {
        "GET /api/v2/monitor/health": (200, HEALTH),
        "GET /logline/api/stream": (200, {"data": seen}),
        "GET /logline/api/days": (200, {"data": [{"log_date": "2026-06-01", "requests": 2}]}),
        "GET /logline/api/checks": (200, {"data": [DAY | FIGURES | {"not_passed": not_passed}]}),
        "GET /logline/api/unread": (200, {"data": [{"object": "gs://b/x"}] if code else []}),
        **{f"GET /api/v2/dags/{dag}/dagRuns": (200, {"dag_runs": []}) for dag in set(DAGS) - {"log_backfill"}},
        f"GET {RUNS}": (200, {"dag_runs": [RUN | {"state": run, "note": "3 lines"}]}),
    }
    assert main(["status"]) == code
    printed = capsys.readouterr().out
    assert "stream   running, 12.5 rows/s, 2 s behind" in printed
    assert f"2026-06-01  {shown}" in printed
    assert "  3,000         1       2         2\n" in printed
    assert ("1 object in the bucket that no run has read, the first gs://b/x" in printed) is bool(code)
    assert printed.splitlines()[-1] == verdict
    airflow.answers["GET /logline/api/stream"] = (200, {"data": seen | {"rows_per_second": 0.0, "is_idle": True}})
    main(["status"])
    assert "stream   running, idle, 2 s behind" in capsys.readouterr().out
    airflow.answers["GET /logline/api/stream"] = (200, {"data": seen | {"state": None, "decision": "launch"}})
    main(["status"])
    assert "stream   being launched, 12.5 rows/s" in capsys.readouterr().out
    if not code:
        airflow.answers["GET /logline/api/checks"] = (404, {"detail": "Not Found"})
        assert main(["status"]) == 1
        assert capsys.readouterr().out.splitlines()[-1] == "not known: checks"


def test_a_stack_that_is_down_is_exit_code_3(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LOGLINE_AIRFLOW_PASSWORD", "secret")
    assert main(["status", "--airflow-url", "http://127.0.0.1:1"]) == 3
    assert capsys.readouterr().out.endswith("run make up\n")


@pytest.mark.parametrize(
    ("answer", "code"), [((401, {"detail": "Invalid credentials"}), 1), ((200, "<html>"), 1), ((503, "<html>"), 3)]
)
def test_no_login_is_not_a_stack_that_is_down(airflow: Airflow, answer: tuple[int, Any], code: int):
    airflow.answers["POST /auth/token"] = answer
    assert main(["status"]) == code


@pytest.mark.parametrize("days", ["0", "-3", "367", "9999999999", "a"])
def test_days_that_cannot_be_shown_are_one_line(capsys: pytest.CaptureFixture[str], days: str):
    assert main(["status", f"--days={days}"]) == 2
    assert capsys.readouterr().err.startswith(f"argument --days: '{days}' is not a whole number from 1 to 366")


def test_what_is_not_installed_is_one_line(
    airflow: Airflow, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    def missing(name: str) -> Any:
        raise ModuleNotFoundError("No module named 'requests'", name="requests")

    monkeypatch.setattr("logline_cli.command.import_module", missing)
    assert main(["load", str(tmp_path)]) == 1
    assert capsys.readouterr().err == (
        "error: logline load needs the package requests: pip install 'logline[client]'\n"
    )
