"""Draw the lines of synthetic days and count what was drawn: the truth that a parser must find.

Every value comes from a pool that Faker made, by an index that numpy drew, so the truth is counted from the indices and
never from the lines. The same seed, day and number of lines give the same bytes.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

import numpy as np
from faker import Faker

from beam_jobs.generate_logs.day_truth import DayTruth
from beam_jobs.generate_logs.log_lines import BAD_LINES, bad_line, fields_of, logged_day, positional

_CHUNK_LINES = 100_000
_BLANK_SHARE, _MAX_BLANK = 0.001, 10
_REPEATED_SHARE = 0.002
_HOUR_WEIGHTS = 1 - 0.6 * np.cos((np.arange(24) - 3) * np.pi / 12)  # quietest at 3, busiest at 15 UTC

Pool = np.ndarray[Any, np.dtype[np.object_]]
Indices = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Pools:
    """Values to make lines of, as bytes; `paths` are the targets without their queries."""

    values: dict[str, Pool]
    weights: dict[str, np.ndarray[Any, np.dtype[np.float64]]]
    paths: list[str]
    path_of_target: Indices
    dash_size: int | None


@functools.cache
def make_pools(log_format: str, seed: int) -> Pools:
    """Draw the pools of a format.

    The article's line has a slash and Faker's `uri_path`, one of three methods alike, statuses 200, 401 and 404 at
    0.9, 0.05 and 0.05, and sizes from 5 to 999. The other formats add what real logs have: users, queries, missing
    referers, more statuses and protocols, and no size where the status is 304.
    """
    faker = Faker("en_US")
    faker.seed_instance(seed)
    paths = list(dict.fromkeys("/" + faker.uri_path() for _ in range(4000)))
    agents = list(dict.fromkeys(faker.user_agent() for _ in range(2000)))
    referers = list(dict.fromkeys(faker.uri() for _ in range(2000)))
    values = {
        "addr": list(dict.fromkeys(faker.ipv4() for _ in range(20_000))),
        "user": ["-"],
        "time": [f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}" for second in range(86_400)],
        "method": ["GET", "POST", "PUT"],
        "target": paths,
        "protocol": ["HTTP/1.1"],
        "status": ["200", "401", "404"],
        "size": [str(size) for size in range(5, 1000)],
        "referer": referers,
        "agent": agents,
    }
    weights = {"status": [0.9, 0.05, 0.05]}
    path_of_target = np.arange(len(paths))
    if log_format != "article":
        values["user"] = ["-"] * 19 + [faker.user_name()]
        values["method"] = ["GET", "POST", "PUT", "HEAD"]
        values["target"] = paths + [f"{path}?{faker.uri_page()}={faker.random_int()}" for path in paths]
        values["protocol"] = ["HTTP/1.1", "HTTP/1.0", "HTTP/2.0"]
        values["status"] = ["200", "206", "301", "304", "404", "500"]
        values["size"] = ["-", "0"] + [str(faker.random_int(0, 2_000_000)) for _ in range(2000)]
        values["referer"] = ["-"] * len(referers) + referers
        weights = {
            "status": [0.86, 0.01, 0.03, 0.05, 0.045, 0.005],
            "method": [0.9, 0.06, 0.01, 0.03],
            "protocol": [0.6, 0.05, 0.35],
        }
        path_of_target = np.concatenate([path_of_target, path_of_target])
    return Pools(
        values={name: _pool(texts) for name, texts in values.items()},
        weights={name: np.array(shares) for name, shares in weights.items()},
        paths=paths,
        path_of_target=path_of_target,
        dash_size=None if log_format == "article" else 0,
    )


def draw_day(
    pools: Pools, log_format: str, day: date, lines: int, bad_share: float, seed: int, truth: DayTruth
) -> Iterator[list[bytes]]:
    """Draw a day's lines in the order of their times, and count them into `truth`.

    Yields:
        At most 100,000 lines, without their newlines.
    """
    rng = np.random.default_rng([seed, day.toordinal()])
    hours = rng.choice(24, lines, p=_HOUR_WEIGHTS / _HOUR_WEIGHTS.sum())
    seconds = np.sort(hours * 3600 + rng.integers(0, 3600, lines))
    kinds = np.zeros(lines, np.int8)  # 0 a row, 1 a bad line, 2 a blank one
    blank = min(int(lines * _BLANK_SHARE), _MAX_BLANK)
    bad = min(round(lines * bad_share), lines - blank)
    special = rng.permutation(lines)[: bad + blank]
    kinds[special[:bad]] = 1
    kinds[special[bad:]] = 2
    for start in range(0, lines, _CHUNK_LINES):
        chunk = slice(start, min(start + _CHUNK_LINES, lines))
        yield _draw_chunk(pools, log_format, day, rng, seconds[chunk], kinds[chunk], truth)


def _draw_chunk(
    pools: Pools, log_format: str, day: date, rng: np.random.Generator, seconds: Indices, kinds: Any, truth: DayTruth
) -> list[bytes]:
    count = len(seconds)
    drawn = {name: _draw(pools, name, count, rng) for name in pools.values if name != "time"}
    drawn["time"] = seconds
    repeats = np.flatnonzero(rng.random(count) < _REPEATED_SHARE)
    repeats = repeats[(repeats > 0) & (kinds[repeats] == 0) & (kinds[repeats - 1] == 0)]
    for indices in drawn.values():  # a genuine repeated hit: the line before once more
        indices[repeats] = indices[repeats - 1]
    if pools.dash_size is not None:
        not_modified = np.flatnonzero(pools.values["status"] == b"304")
        drawn["size"][np.isin(drawn["status"], not_modified)] = pools.dash_size
    _count_rows(pools, drawn, kinds == 0, truth)
    columns = {name: pools.values[name][indices].tolist() for name, indices in drawn.items()}
    columns["day"] = [logged_day(day)] * count
    template = positional(log_format).encode().replace(b"%s", b"%b")
    lines = [template % row for row in zip(*(columns[name] for name in fields_of(log_format)), strict=True)]
    for position in np.flatnonzero(kinds == 1).tolist():
        fields = {name: column[position] for name, column in columns.items()}
        way = int(rng.integers(0, BAD_LINES))
        lines[position], reason = bad_line(log_format, fields, way, partial(rng.bytes, 32))
        truth.rejected_by_reason[reason] += 1
    for position in np.flatnonzero(kinds == 2).tolist():
        lines[position] = b"" if rng.random() < 0.5 else b" \t"
    truth.lines += count
    truth.rejected += int(np.count_nonzero(kinds == 1))
    truth.blank += int(np.count_nonzero(kinds == 2))
    return lines


def _draw(pools: Pools, name: str, count: int, rng: np.random.Generator) -> Indices:
    size = len(pools.values[name])
    if name in pools.weights:
        return rng.choice(size, count, p=pools.weights[name])
    if name in ("addr", "target"):  # some visitors and pages are seen far more often than others
        return np.minimum((size * rng.random(count) ** 2).astype(np.int64), size - 1)
    return rng.integers(0, size, count)


def _count_rows(pools: Pools, drawn: dict[str, Indices], is_row: Any, truth: DayTruth) -> None:
    truth.rows += int(np.count_nonzero(is_row))
    for name, counter in (("status", truth.statuses), ("method", truth.methods)):
        for index, times in enumerate(np.bincount(drawn[name][is_row]).tolist()):
            if times:
                counter[pools.values[name][index].decode()] += times
    for index, times in enumerate(np.bincount(pools.path_of_target[drawn["target"][is_row]]).tolist()):
        if times:
            truth.paths[pools.paths[index]] += times
    for hour, times in enumerate(np.bincount(drawn["time"][is_row] // 3600).tolist()):
        truth.hours[hour] += times
    sizes = np.array([0 if size == b"-" else int(size) for size in pools.values["size"]])
    truth.body_bytes_sent += int(sizes[drawn["size"][is_row]].sum())
    truth.addresses.update(np.unique(drawn["addr"][is_row]).tolist())


def _pool(texts: list[str]) -> Pool:
    pool: Pool = np.empty(len(texts), np.object_)
    pool[:] = [text.encode() for text in texts]
    return pool
