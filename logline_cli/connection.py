"""Where the pipeline is and how to log in: from options, variables, or the files of a local stack."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from logline_cli.addresses import is_address, is_loopback
from logline_cli.errors import ClientError, UsageError

URL, TOKEN = "LOGLINE_AIRFLOW_URL", "LOGLINE_AIRFLOW_TOKEN"
USER, PASSWORD = "LOGLINE_AIRFLOW_USER", "LOGLINE_AIRFLOW_PASSWORD"
BUCKET = "LOGLINE_BUCKET"
FILE = "connection.json"
"""Of a local stack, in its state folder; only its owner can read it."""


@dataclass(frozen=True)
class Connection:
    """An installation of logline.

    Attributes:
        airflow_url: base URL of its Airflow.
        token: bearer token of Airflow's API; empty: log in with user and password.
        user: of Airflow.
        password: of Airflow.
        storage_url: of a local Cloud Storage; empty: Google's, or that of STORAGE_EMULATOR_HOST.
        bucket: of the logs; empty: unknown.
    """

    airflow_url: str
    token: str = ""
    user: str = "admin"
    password: str = ""
    storage_url: str = ""
    bucket: str = ""

    def text(self) -> str:
        """Return it as a local stack keeps it for this command."""
        return json.dumps(asdict(self), indent=1) + "\n"


def connection(url: str | None, token: str | None, environ: Mapping[str, str] = os.environ) -> Connection:
    """Return where the pipeline is; what is given comes first, then the variables, then a local stack.

    Raises:
        ClientError: nothing says where Airflow is, or nothing says how to log in.
        UsageError: an address or a token is none.
    """
    url = url or environ.get(URL, "")
    if url:
        if not is_address(url):
            raise UsageError(f"{url!r} is not the address of an Airflow: write http:// or https:// and its host")
        token, password = (token or environ.get(TOKEN, "")).strip(), environ.get(PASSWORD, "")
        if not (token.isascii() and token.isprintable()):
            raise UsageError("the token has characters that no token has: copy it again")
        if not (token or password):
            raise UsageError(f"nothing says how to log in at {url}: set {TOKEN}, or {USER} and {PASSWORD}")
        user = environ.get(USER) or "admin"
        return Connection(url, token, user, password, bucket=environ.get(BUCKET, ""))
    file = next((path for path in _files(environ) if path.exists()), None)
    if file is None:
        raise ClientError(f"no local stack found: start it (make up), or name an Airflow with --airflow-url or {URL}")
    return local_connection(file)


def storage_connection(url: str | None, environ: Mapping[str, str] = os.environ) -> Connection:
    """Return where files go: into the local stack, unless another Airflow or another Cloud Storage is named."""
    named = (url or environ.get(URL, "")).rstrip("/")
    file = next((path for path in _files(environ) if path.exists()), None)
    if file is not None and (not named or is_loopback(named)):
        local = local_connection(file)
        storage = environ.get("STORAGE_EMULATOR_HOST", local.storage_url)
        if named in ("", local.airflow_url) and storage == local.storage_url:
            return local
    return Connection("", bucket=environ.get(BUCKET, ""))


def local_connection(file: Path) -> Connection:
    """Read the file of a local stack.

    Raises:
        ClientError: it cannot be read, or is of another release.
    """
    try:
        return Connection(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise ClientError(f"{file} cannot be used ({type(error).__name__}): run make up as its owner") from None


def _files(environ: Mapping[str, str]) -> list[Path]:
    """Return where a local stack may have left its file: this folder, those above it, this very checkout."""
    if state_dir := environ.get("LOGLINE_STATE_DIR"):
        return [Path(state_dir).expanduser() / FILE]
    here = Path.cwd()
    folders = [here, *here.parents, Path(__file__).resolve().parents[1]]
    return [folder / ".local" / FILE for folder in folders]
