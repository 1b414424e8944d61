"""The whole simulated world of the stream, and what must hold in it.

A publisher, the emulator's Pub/Sub broker, the stream's process as it runs on one machine (its loop, parser, sink and
retries), BigQuery, Dataflow and the supervisor's decision. All but BigQuery, Dataflow and the calls between them is the
real code.

A history begins some minutes before midnight and goes on after it. Each machine has a wall clock of its own, which
somebody sets now and then; at the end all are right.

After every step: a message is acknowledged only when each of its lines is a row or a rejected line, and a heartbeat
when it has landed; there are never two streams. At rest: each published line is a row, a rejected line or blank, under
the id that it was published with, and nothing else is in the tables; each row is counted by a batch of its own day and
time, and each batch's rows are there, as the table `reconciliation` compares them; all of that within
RECOVERY_SECONDS, and a pause of the supervisor's, after the last fault.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from google.api_core.exceptions import Conflict, GoogleAPICallError, NotFound, PermissionDenied, ServiceUnavailable

from beam_jobs.access_log import BlockParser, get_format
from beam_jobs.gcp.retry import RetriesExhaustedError, RetryPolicy
from beam_jobs.output.identity import EVENT_ID_ATTRIBUTE
from beam_jobs.stream.heartbeats import HEARTBEAT_ATTRIBUTE
from beam_jobs.stream.local_runner import LocalRunner
from beam_jobs.stream.metrics import StreamMetrics
from beam_jobs.stream.options import StreamSettings, TargetError, parse_stream_options
from beam_jobs.stream.sink import StreamSink
from logline.stream.decide import Action, Decision, Policy, Wish, decide, ends_unasked
from logline.stream.jobs import StreamJob
from tests.simulation.calls import Calls
from tests.simulation.dataflow import JOB_NAME, SimulatedDataflow, Worker
from tests.simulation.pubsub import SUBSCRIPTION, SimulatedPubsub, SimulatedSubscription
from tests.simulation.scheduler import Event, Process, Scheduler, SimulatedRuntime, Thread, Violation, WallClock
from tests.simulation.warehouse import REFUSED_PATH, SimulatedConnection, SimulatedTables

RECOVERY_SECONDS = 1_800
"""The supervisor looks every five minutes, and a slow launch takes up to 900 s."""

_PUBLISH_SECONDS = 600
_SUPERVISOR_SECONDS = 300
_LATE_SECONDS = 900
_TICK_SECONDS = 1.0
_JUMPS_SECONDS = (-2 * 86_400.0, -7_200.0, -40.0, 40.0, 7_200.0, 2 * 86_400.0)
_JUMPED_SECONDS = (10, 900)
_POLICY = Policy(
    restart_budget=50,
    restart_window=timedelta(hours=1),
    restart_pause=timedelta(seconds=1),
    start_limit=timedelta(minutes=20),
    drain_limit=timedelta(minutes=20),
)
_GOOD = b'192.0.2.%d - - [%s] "GET %s HTTP/1.1" [200] 523 "http://example.com/x" "curl/8.0"'
_PARSER = BlockParser(get_format("article"))


@dataclass(frozen=True)
class Expected:
    """What has to become of the lines of a message, by event id, or of a heartbeat, by its time."""

    rows: frozenset[str] = frozenset()
    rejected: frozenset[str] = frozenset()
    heartbeats: frozenset[datetime] = frozenset()

    def missing_from(self, tables: SimulatedTables) -> list[str]:
        """Return what has not landed."""
        missing = [*(self.rows - tables.rows.keys()), *(self.rejected - tables.rejected.keys())]
        return sorted(missing + [str(at) for at in self.heartbeats - tables.heartbeats.keys()])


class World:
    """One history.

    Args:
        seed: Decides on everything.
        only: Numbers of the faults that may happen; None: all.
    """

    def __init__(self, seed: int, only: frozenset[int] | None = None) -> None:
        self.scheduler = Scheduler(seed, only)
        rate = self.scheduler.random.choice((0.2, 1.0, 1.0, 3.0))
        self.calls = Calls(self.scheduler, rate)
        self.tables = SimulatedTables()
        self.pubsub = SimulatedPubsub(self.scheduler, self._check_acknowledged)
        self.dataflow = SimulatedDataflow(self.scheduler, self._start_stream)
        self.clock = WallClock()
        self.clocks = [self.clock, self.pubsub.clock]
        self.expected: dict[int, Expected] = {}
        self.settings = _settings()
        self.record = self.scheduler
        self._events = 0
        self._has_published = False
        self._version = "1"
        self._supervisors = 0

    def run(self) -> None:
        """Live through the history.

        Raises:
            Violation: Something is as it must never be.
        """
        try:
            outside = Process("outside")
            self.scheduler.start(outside, "publisher", self._publish)
            self.scheduler.start(outside, "broker", self._tick)
            self.scheduler.start(outside, "schedule", self._schedule)
            self.scheduler.run(lambda: self._has_published, 10 * _PUBLISH_SECONDS)
            self.scheduler.is_quiet = True
            for clock in self.clocks:
                clock.offset = 0.0
            seconds = RECOVERY_SECONDS + self._pause_seconds()
            if not self.scheduler.run(self._is_at_rest, seconds):
                raise Violation(f"not at rest {seconds:.0f} s after the last fault: {self._missing()}")
            self._check_at_rest()
        finally:
            self.scheduler.end()
            self.pubsub.close()

    def _publish(self) -> None:
        draw = self.scheduler.random
        while self.scheduler.now < _PUBLISH_SECONDS:
            self.scheduler.wait(seconds=draw.expovariate(1 / 8))
            messages = [self._message() for _ in range(draw.choice((1, 1, 2, 5, 20)))]
            ids = self.pubsub.publish((data, _named(event_id)) for data, event_id, _ in messages)
            for message_id, (_, event_id, kinds) in zip(ids, messages, strict=True):
                self.expected[message_id] = _expected(event_id or str(message_id), kinds)
            if self.scheduler.happens("the publisher has lost the answer", 0.05):
                again = [self._again(message_id, message) for message_id, message in zip(ids, messages, strict=True)]
                for message_id, kinds_of in zip(self.pubsub.publish(again), ids, strict=True):
                    self.expected[message_id] = self._of_copy(message_id, kinds_of)
        self._has_published = True

    def _message(self) -> tuple[bytes, str, list[str]]:
        """Make a message: its data, its event id or none, and what its lines are."""
        draw = self.scheduler.random
        self._events += 1
        kinds = draw.choices(("row", "bad", "blank", "refused"), (20, 3, 1, 1), k=draw.choices((1, 2, 7), (8, 1, 1))[0])
        lines = [self._line(kind, number) for number, kind in enumerate(kinds)]
        # An empty line at the end is one only behind the end of the line before it.
        end = b"\n" if len(lines) > 1 and not lines[-1] else b""
        return b"\n".join(lines) + end, draw.choice(("", f"event-{self._events}")), kinds

    def _line(self, kind: str, number: int) -> bytes:
        if kind in ("bad", "blank"):
            return b"no access log" if kind == "bad" else b""
        now = f"{datetime.fromtimestamp(self.scheduler.time(), UTC):%d/%b/%Y:%H:%M:%S}".encode()
        at = self.scheduler.random.choice((now, b"21/Sep/2026:23:59:59", b"22/Sep/2026:00:00:00"))
        path = REFUSED_PATH.encode() if kind == "refused" else b"/page/%d/%d" % (self._events, number)
        return _GOOD % (self._events % 250, at, path)

    def _again(self, message_id: int, message: tuple[bytes, str, list[str]]) -> tuple[bytes, Mapping[str, str]]:
        data, event_id, _ = message
        return data, _named(event_id or f"again-{message_id}")

    def _of_copy(self, message_id: int, original: int) -> Expected:
        """Return what a message published again has to become: the same events, where they have an id of their own."""
        before = self.expected[original]
        prefix = str(original)

        def renamed(ids: frozenset[str]) -> frozenset[str]:
            return frozenset(f"again-{one}" if one.partition(":")[0] == prefix else one for one in ids)

        return Expected(renamed(before.rows), renamed(before.rejected))

    def _tick(self) -> None:
        while True:
            self.scheduler.wait(seconds=_TICK_SECONDS)
            self.pubsub.settle()
            if self.scheduler.happens("the broker is killed", 0.002):
                self.pubsub.kill()
            if self.scheduler.happens("a new version of the template", 0.003):
                self._version = str(int(self._version) + 1)
            if self.scheduler.happens("whatever streams is told to end at once, while no row is taken", 0.003):
                self.calls.refuse("append to streamed_requests", 3, ServiceUnavailable)
                for worker in self.dataflow.workers.values():
                    worker.terminate()
            if self.scheduler.happens("somebody cancels what streams", 0.001):
                for job in self.dataflow.active():
                    self.dataflow.cancel(job.id)
            if not self.dataflow.active() and self.scheduler.happens("somebody launches the stream by hand", 0.003):
                self.dataflow.launch(None)
            self._set_clocks()

    def _set_clocks(self) -> None:
        """Let a clock jump, and one that has jumped be set right."""
        draw = self.scheduler.random
        for clock in self.clocks:
            if clock.offset and self.scheduler.now >= clock.right_again:
                clock.offset = 0.0
        clock, seconds = draw.choice(self.clocks), draw.choice(_JUMPS_SECONDS)
        if self.scheduler.happens(f"a clock jumps by {seconds:.0f} s", 0.005):
            clock.offset += seconds
            clock.right_again = self.scheduler.now + draw.uniform(*_JUMPED_SECONDS)

    def _pause_seconds(self) -> float:
        """Return for how long the supervisor may wait between jobs that ended, with one that is ending now."""
        ended = len(ends_unasked(self.dataflow.observe(self._version, self.clock), _POLICY))
        pause = _POLICY.restart_pause * 2 ** max(0, ended - 1)
        return min(pause, _POLICY.restart_window).total_seconds()

    def _schedule(self) -> None:
        """Start the supervisor every five minutes: late at times, at times twice, at times with a wish."""
        draw = self.scheduler.random
        while True:
            times = 1 + self.scheduler.happens("the supervisor runs twice", 0.1)
            for _ in range(times):
                self._supervisors += 1
                process = Process(f"supervisor-{self._supervisors}", self.clock)
                wish = Wish.AUTO
                if self.scheduler.happens("somebody triggers the supervisor with a wish", 0.1):
                    wish = draw.choice(list(Wish))
                self.scheduler.start(process, "run", lambda process=process, wish=wish: self._supervise(process, wish))
            late = self.scheduler.happens("the supervisor is late", 0.1)
            # More often than in reality: most of what happens to a stream happens when it starts.
            seconds = draw.uniform(20, 120) if not late else _SUPERVISOR_SECONDS
            self.scheduler.wait(seconds=seconds)

    def _supervise(self, process: Process, wish: Wish) -> None:
        try:
            version = self._version
            observation = self.calls.make(process, "jobs.list", lambda: self.dataflow.observe(version, process.clock))
            decision = decide(observation, _POLICY, wish)
            self.scheduler.say(f"{decision.action}: {decision.reason}")
            if self.scheduler.happens("what the supervisor decided is done late", 0.05):
                self.scheduler.wait(seconds=self.scheduler.random.uniform(1, _LATE_SECONDS))
            job_id = observation.current.id if observation.current else ""
            self._act(process, decision, version, job_id)
        except (GoogleAPICallError, Conflict) as error:
            self.scheduler.say(f"the run fails: {error}")

    def _act(self, process: Process, decision: Decision, version: str, job_id: str) -> None:
        match decision.action:
            case Action.LAUNCH:
                self.calls.make(process, "launch", lambda: self.dataflow.launch(version))
            case Action.UPDATE:
                self.calls.make(process, "update", lambda: self.dataflow.update(version))
            case Action.DRAIN:
                self.calls.make(process, "drain", lambda: self.dataflow.drain(job_id))
            case Action.KEEP:
                self.calls.make(process, "publish a heartbeat", lambda: self._beat(process))

    def _beat(self, process: Process) -> None:
        at = datetime.fromtimestamp(self.scheduler.time(process.clock), UTC)
        (message_id,) = self.pubsub.publish([(b"", {HEARTBEAT_ATTRIBUTE: at.isoformat()})])
        self.expected[message_id] = Expected(heartbeats=frozenset({at}))

    def _start_stream(self, job: StreamJob) -> Worker:
        """Start the process of a job, as `beam_jobs.stream.job.run_here` does."""
        process = Process(f"stream {job.id}")
        process.clock.offset = self.scheduler.random.choice((0.0, 0.0, -3_600.0, 40.0))
        process.clock.right_again = self.scheduler.now + _PUBLISH_SECONDS
        self.clocks.append(process.clock)
        runtime = SimulatedRuntime(self.scheduler, process)
        abort: Event = runtime.event()
        subscription = SimulatedSubscription(self.scheduler, process, self.pubsub, self.calls)
        connection = SimulatedConnection(process, self.tables, self.calls)
        policy = RetryPolicy(abort=abort, clock=runtime.monotonic)
        sink = StreamSink(connection, self.settings, policy)
        runner = LocalRunner(subscription, _PARSER, sink, StreamMetrics(), abort, runtime)
        worker = Worker(process)
        asked: Event = runtime.event()
        until_asked = RetryPolicy(abort=asked, clock=runtime.monotonic)

        def drain() -> None:
            asked.set()
            runner.drain()

        def main() -> None:
            try:
                for what in ("the subscription", "the tables"):
                    until_asked.call("looking up", lambda what=what: self._look_up(process, what))
                runner.run(lambda: None)
            except TargetError as error:
                self.scheduler.say(f"the job fails: {error}")
            except RetriesExhaustedError:
                worker.drained = asked.is_set()
            else:
                worker.drained = asked.is_set()
            worker.has_ended = True

        def terminate() -> None:
            abort.set()
            runner.drain()

        worker.drain, worker.terminate = drain, terminate
        thread: Thread = runtime.start("main", main)
        assert thread.is_alive()
        return worker

    def _look_up(self, process: Process, what: str) -> None:
        """See `Subscription.check` and `check_tables`."""
        try:
            self.calls.make(process, f"look up {what}", lambda: None)
        except (NotFound, PermissionDenied) as error:
            raise TargetError(str(error)) from error

    def _check_acknowledged(self, message_ids: Sequence[int]) -> None:
        for message_id in message_ids:
            if lost := self.expected[message_id].missing_from(self.tables):
                raise Violation(f"{lost[0]} is acknowledged and nowhere: lost")

    def _is_at_rest(self) -> bool:
        return self.pubsub.is_empty() and not self._missing()

    def _missing(self) -> str:
        for message_id, of_message in self.expected.items():
            if missing := of_message.missing_from(self.tables):
                jobs = list(self.dataflow.jobs.values())
                return f"{missing[0]} of message {message_id} is not there; jobs: {jobs[-2:]}"
        return "" if self.pubsub.is_empty() else "not all is acknowledged"

    def _check_at_rest(self) -> None:
        rows = {event for of_message in self.expected.values() for event in of_message.rows}
        rejected = {event for of_message in self.expected.values() for event in of_message.rejected}
        for what, wanted, found in (("row", rows, self.tables.rows), ("rejected line", rejected, self.tables.rejected)):
            if strange := found.keys() - wanted:
                raise Violation(f"{sorted(strange)[0]} is a {what}, and nobody published it as one")
        # An entry whose answer was lost is there twice, as the ledger knows.
        entries = {(entry["batch_id"], entry["log_date"]): entry for entry in self.tables.batches}.values()
        for kind, wanted, found in (("rows", rows, self.tables.rows), ("rejected", rejected, self.tables.rejected)):
            counted = sum(entry[kind] for entry in entries)
            if not len(wanted) <= counted <= found.total():
                raise Violation(f"the batches count {counted} {kind}: {len(wanted)} events, {found.total()} copies")
        self._check_batches(entries)

    def _check_batches(self, entries: Collection[Mapping[str, Any]]) -> None:
        """See `lost`, `unaccounted` and their likes of dags/sql/reconciliation/days.sql."""
        counted: Counter[tuple[date | None, datetime]] = Counter()
        for entry in entries:
            counted[entry["log_date"], entry["ingested_at"]] += entry["rows" if entry["log_date"] else "rejected"]
        landed = Counter((day, ingested_at) for day, ingested_at, _ in self.tables.copies)
        if lost := counted - landed:
            raise Violation(f"a batch counts {min(lost.items(), key=str)}, which is not there")
        accounted = {(day is None, event) for day, at, event in self.tables.copies if counted[day, at]}
        if unaccounted := {(day is None, event) for day, _, event in self.tables.copies} - accounted:
            raise Violation(f"{min(unaccounted)[1]} is in no batch")


def _named(event_id: str) -> dict[str, str]:
    return {EVENT_ID_ATTRIBUTE: event_id} if event_id else {}


def _expected(event_id: str, kinds: Sequence[str]) -> Expected:
    ids = [event_id if len(kinds) == 1 else f"{event_id}:{number}" for number in range(1, len(kinds) + 1)]
    named = list(zip(ids, kinds, strict=True))
    return Expected(
        frozenset(one for one, kind in named if kind == "row"),
        frozenset(one for one, kind in named if kind in ("bad", "refused")),
    )


def _settings() -> StreamSettings:
    arguments = [
        f"--subscription={SUBSCRIPTION}",
        "--dataset=simulated.logline",
        f"--job_name={JOB_NAME}",
        "--places=none",
    ]
    settings, _ = parse_stream_options(arguments)
    return settings
