"""The process that imports Airflow once, and is forked for each of its parts: ``python -m local_stack.airflow.zygote``.

Five interpreters would import the same for half a minute. See `emulators.dataflow.process.zygote` for how it is asked.
"""

import os
import signal
import sys
from importlib import import_module

from emulators.dataflow.process import exit_recorder
from emulators.dataflow.process.zygote import redirect, run, serve

DATABASE = ("airflow", "airflow.cli.cli_parser", "airflow.cli.commands.db_command", "airflow.utils.db")
"""What `airflow db` imports."""
SERVICES = (
    "airflow.cli.commands.api_server_command",
    "airflow.cli.commands.dag_processor_command",
    "airflow.cli.commands.scheduler_command",
    "airflow.cli.commands.triggerer_command",
    "airflow.dag_processing.manager",
    "airflow.executors.local_executor",
    "airflow.jobs.scheduler_job_runner",
    "airflow.jobs.triggerer_job_runner",
    "airflow.api_fastapi.app",
    "airflow.api_fastapi.core_api.routes.public",
    "airflow.api_fastapi.core_api.routes.ui",
    "airflow.api_fastapi.execution_api.routes",
)
"""What the other parts import besides; and what DAG files import, see `airflow_local_settings`."""


def _become_part(command: list[str], log: str, record: str = "") -> list[str]:
    """Become the leader of a part's session or, where its end is to be recorded, the child of the leader."""
    os.setsid()
    redirect(log, log)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _set_title(command)
    if record and (program := os.fork()):
        exit_recorder.watch(record, program)
    sys.argv = command[2:]
    # Anew, for what it depends on the part: see `database_sessions`. No connection has been made.
    import_module("airflow.settings").configure_orm()
    return command


def _set_title(command: list[str]) -> None:
    # The parts change their titles by the same module, and it takes care of one memory only.
    import_module("setproctitle").setproctitle(" ".join(command))


def main() -> None:
    """Serve the supervisor."""
    _set_title(sys.orig_argv)
    sys.argv = ["airflow", "zygote"]
    modules = [*DATABASE, *SERVICES, *import_module("airflow_local_settings").PRELOADED]
    command = serve(modules, _become_part, "Airflow's parts import it themselves", ready_after=DATABASE[-1])
    if command is None:
        os._exit(0)
    run(command)


if __name__ == "__main__":
    main()
