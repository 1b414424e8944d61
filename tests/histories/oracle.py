"""What must be true of the tables after any history, worked out from the bytes that were in the bucket."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from tests.histories.installation import LedgerEntry, Snapshot
from tests.histories.logs import DAYS, Content, Reading, read


@dataclass(frozen=True)
class Version:
    """What an object was from some time on: its generation, its bytes' meaning (None: nobody can read them)."""

    generation: int
    content: Content
    reading: Reading | None


class Oracle:
    """Knows every version of every object, and the tables as they were when it looked last.

    Attributes:
        bucket: the version of each object that is there.
    """

    def __init__(self) -> None:
        self.bucket: dict[str, Version] = {}
        self._versions: dict[tuple[str, int], Version] = {}
        # Of each object: the generation that the ledger says has landed, and whether its rows were removed since.
        self.landed: dict[str, tuple[int, bool]] = {}
        self._tried: set[tuple[str, int]] = set()

    def was_put(self, uri: str, generation: int, content: Content, stored: bytes) -> None:
        """Know a new version of an object."""
        self.bucket[uri] = self._versions[uri, generation] = Version(generation, content, read(stored))

    def was_deleted(self, uri: str) -> None:
        """Know that an object is gone."""
        del self.bucket[uri]

    def check(self, found: Snapshot) -> None:
        """Fail unless the tables hold one version of each object, and none that is older than before."""
        newest = _newest_landed(found)
        rows: Counter[tuple[str, int, str, str]] = Counter()
        rejected: Counter[tuple[str, int, str]] = Counter()
        for uri, entry in newest.items():
            version = self._versions[uri, entry.generation]
            reading = Reading() if entry.bytes is None else version.reading
            assert reading is not None, f"{uri}: nobody can read what the ledger says has landed: {entry}"
            counts = (entry.lines, entry.rows, entry.rejected, entry.blank)
            expected = (reading.lines, len(reading.rows), len(reading.rejected), reading.blank)
            assert counts == expected, f"{uri}: the ledger has {counts}, its bytes {expected}"
            now = (entry.generation, entry.bytes is None)
            assert now >= self.landed.get(uri, (0, False)), f"{uri}: went back from {self.landed[uri]} to {now}"
            self.landed[uri] = now
            rows.update((uri, *row) for row in reading.rows)
            rejected.update((uri, *line) for line in reading.rejected)
        assert found.rows == rows, f"backfilled_requests: {_difference(found.rows, rows)}"
        assert found.rejected == rejected, f"rejected_backfilled: {_difference(found.rejected, rejected)}"
        missing = self.landed.keys() - newest.keys()
        assert not missing, f"the ledger has forgotten {missing}"
        # What Cloud Storage did not give has not been tried.
        self._tried = {(one.source_uri, one.generation) for one in found.ledger if one.error_type != "unreadable"}

    def has(self, uri: str, generation: int) -> bool:
        """Return whether a generation has landed, or a newer one."""
        return self.landed.get(uri, (0, False))[0] >= generation

    def can_read(self, uri: str, generation: int) -> bool:
        """Return whether the bytes of a generation can be read."""
        return self._versions[uri, generation].reading is not None

    def unread(self) -> set[tuple[str, int]]:
        """Return address and generation of the objects that are in the bucket, and no run has read or tried to."""
        newest: dict[str, int] = {}
        for uri, generation in self._tried:
            newest[uri] = max(generation, newest.get(uri, 0))
        return {
            (uri, version.generation) for uri, version in self.bucket.items() if version.generation > newest.get(uri, 0)
        }

    def check_reconciliation(self, found: Mapping[str, Mapping[str, int]], *, status: str | None = None) -> None:
        """Fail unless the view has the counts of each day, and no difference."""
        expected: dict[str, Counter[str]] = {day: Counter() for day in DAYS}
        elsewhere: Counter[str] = Counter()
        for uri, (generation, is_removed) in self.landed.items():
            reading = None if is_removed else self._versions[uri, generation].reading
            if reading is None:
                continue
            for day, count in reading.by_day.items():
                expected[day] += Counter(lines=count, rows=count, landed=count)
            main = min(reading.by_day, key=lambda day, of=reading.by_day: (-of[day], day), default=None)
            of_main = elsewhere if main is None else expected[main]
            rest = Counter(rejected=len(reading.rejected), blank=reading.blank)
            of_main += rest + Counter(lines=rest.total())
        names = ("lines", "rows", "rejected", "blank", "landed")
        for day in DAYS:
            has = {name: found.get(day, {}).get(name, 0) for name in names}
            assert has == {name: expected[day][name] for name in names}, f"reconciliation of {day}"
        others = [row for day, row in found.items() if day not in DAYS]
        assert sum(row["lines"] for row in others) == elsewhere["lines"], "reconciliation of other days"
        for day, row in found.items():
            differences = {name: value for name, value in row.items() if name.endswith("_difference") and value}
            assert differences.keys() <= ({"requests_difference"} if status is None else set()), f"{day}: {differences}"
            assert status is None or row["status"] == status, f"{day} is {row['status']}"


def _newest_landed(found: Snapshot) -> dict[str, LedgerEntry]:
    newest: dict[str, LedgerEntry] = {}
    for entry in sorted(found.ledger, key=lambda entry: (entry.generation, entry.finished)):
        if entry.error_type is None:
            newest[entry.source_uri] = entry
    return newest


def _difference(found: Counter[tuple[object, ...]], expected: Counter[tuple[object, ...]]) -> str:
    more, less = found - expected, expected - found
    first_more, first_less = next(iter(more), None), next(iter(less), None)
    return f"{more.total()} too many, such as {first_more}; {less.total()} missing, such as {first_less}"
