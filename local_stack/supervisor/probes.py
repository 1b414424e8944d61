"""Probes that ask a component itself whether it is well. Each asks once and gives up after a few seconds.

A kernel accepts connections for a process that is frozen, so an open port is no answer: each probe wants one that only
the component's own code gives.
"""

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from select import select
from typing import Any

import grpc
import psycopg2
from psycopg2 import extensions

from local_stack.config import HOST, StackConfig
from local_stack.postgres import DATABASE, USER, password

Probe = Callable[[datetime], bool | None]
"""Asked with a time since when the component must have shown that it is well, where it does so by itself.

The answer is None where nothing can be said, because the one that is asked for it does not answer."""

SECONDS = 5.0
"""How long an answer may take."""

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_HEARTBEAT = "SELECT latest_heartbeat FROM job WHERE job_type = %s AND state = 'running' ORDER BY id DESC LIMIT 1"


def http_answers(url: str, *, holding: bytes = b"") -> Probe:
    """Return a probe that wants an answer from a URL that does not report a fault of the server.

    Args:
        url: The URL.
        holding: What a good answer holds, so that it is not another program's; empty for any answer, a refusal too.
    """

    def probe(_: datetime) -> bool:
        try:
            with _DIRECT.open(url, timeout=SECONDS) as answer:
                return holding in answer.read()
        except urllib.error.HTTPError as error:
            error.close()
            return not holding and error.code < http.client.INTERNAL_SERVER_ERROR
        except (OSError, http.client.HTTPException):
            return False

    return probe


def grpc_answers(port: int) -> Probe:
    """Return a probe that wants any answer from a gRPC server, be it that it has no such method."""

    def probe(_: datetime) -> bool:
        with grpc.insecure_channel(f"{HOST}:{port}", options=[("grpc.enable_http_proxy", 0)]) as channel:
            try:
                channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=SECONDS, wait_for_ready=True)
            except grpc.RpcError as error:
                return error.code() not in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE)
            return True

    return probe


def both(first: Probe, second: Probe) -> Probe:
    """Return a probe that wants what two probes want."""

    def probe(since: datetime) -> bool | None:
        return first(since) and second(since)

    return probe


def postgres_answers(config: StackConfig) -> Probe:
    """Return a probe that wants PostgreSQL to take a connection and to answer a query."""

    def probe(_: datetime) -> bool:
        return bool(_query(config, "SELECT 1"))

    return probe


def airflow_beats(config: StackConfig, job_type: str) -> Probe:
    """Return a probe that wants a heartbeat of a part of Airflow in the database.

    The main loop of each part writes its own row. The API server is not asked, which may be slow while they are well.

    Args:
        config: The stack.
        job_type: The part's, as in Airflow's table `job`.
    """

    def probe(since: datetime) -> bool | None:
        row = _query(config, _HEARTBEAT, job_type)
        return row if row is None else bool(row) and row[0] >= since

    return probe


def _query(config: StackConfig, statement: str, *parameters: str) -> tuple[Any, ...] | None:
    """Return the first row of a query, () where it has none, None where PostgreSQL does not answer."""
    try:
        asked = psycopg2.connect(
            host=HOST,
            port=config.ports["postgres"],
            user=USER,
            password=password(config),
            dbname=DATABASE,
            sslmode="disable",
            gssencmode="disable",
            async_=1,
        )
        with closing(asked) as connection:
            _wait(connection)
            cursor = connection.cursor()
            cursor.execute(statement, parameters)
            _wait(connection)
            return cursor.fetchone() or ()
    except psycopg2.Error:
        return None


def _wait(connection: Any) -> None:
    """Wait for an asynchronous connection: a frozen server keeps no time-out of its own."""
    while (state := connection.poll()) != extensions.POLL_OK:
        reads, writes = ([connection], []) if state == extensions.POLL_READ else ([], [connection])
        if not any(select(reads, writes, [], SECONDS)):
            raise psycopg2.OperationalError(f"no answer within {SECONDS:.0f} s")
