"""Sessions of Airflow's database that outlive a restart of PostgreSQL (`sql_alchemy_session_maker` of airflow.cfg).

The main loops of scheduler, DAG processor and triggerer end when a connection is refused. Once they have had one, a
refusal means that PostgreSQL is being started again, and a new connection waits for it. The API server has callers who
would wait with it: it answers with an error at once, and they ask again.
"""

import sys
import time
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session, sessionmaker

WAIT_SECONDS = 60.0
"""How long a connection waits, at most."""
_PAUSE_SECONDS = 0.2
_WAITING_COMMANDS = {"scheduler", "dag-processor", "triggerer"}


def session_maker(engine: Engine) -> sessionmaker[Session]:
    """Return Airflow's own kind of session, on connections that wait where this is a process without callers."""
    if _WAITING_COMMANDS.intersection(sys.argv):
        event.listen(engine, "do_connect", _Connect())
    return sessionmaker(engine, autoflush=False, expire_on_commit=False)


class _Connect:
    """Makes connections."""

    def __init__(self) -> None:
        self._was_there = False

    def __call__(self, dialect: Any, _record: Any, arguments: list[Any], options: dict[str, Any]) -> Any:
        ends = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                connection = dialect.connect(*arguments, **options)
            except dialect.loaded_dbapi.OperationalError:
                if not self._was_there or time.monotonic() > ends:
                    raise
                time.sleep(_PAUSE_SECONDS)
            else:
                self._was_there = True
                return connection
