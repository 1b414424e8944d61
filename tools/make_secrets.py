"""Write the secrets that docker-compose.yaml needs into .env; keep existing ones.

Only its owner can read the file. To make a new secret, delete its line and run this again; but the Fernet key encrypts
connections in Airflow's database, and the database's volume was made with POSTGRES_PASSWORD.
"""

from __future__ import annotations

import base64
import secrets
import sys
from pathlib import Path


def generated() -> dict[str, str]:
    """Return a fresh value for every variable."""
    return {
        "COMPOSE_PROFILES": "emulators",
        "POSTGRES_PASSWORD": secrets.token_urlsafe(24),
        "AIRFLOW_FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "AIRFLOW_JWT_SECRET": secrets.token_urlsafe(64),
        "AIRFLOW_API_SECRET_KEY": secrets.token_urlsafe(64),
        "DATAFLOW_EMULATOR_TOKEN": secrets.token_urlsafe(32),
        "LOGLINE_ADMIN_PASSWORD": secrets.token_urlsafe(12),
    }


def main(path: Path) -> int:
    """Add what is missing; return the exit code."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    known = {line.partition("=")[0].strip() for line in text.splitlines() if line.partition("=")[2].strip()}
    missing = {name: value for name, value in generated().items() if name not in known}
    path.touch(mode=0o600)
    path.chmod(0o600)
    lines = [line for line in text.splitlines() if line.partition("=")[0].strip() not in missing]
    path.write_text("\n".join([*lines, *(f"{name}={value}" for name, value in missing.items())]) + "\n", "utf-8")
    print(f"{path}: {', '.join(missing) + ' written' if missing else 'complete already'}")
    print(f"docker compose up; then log in as admin with LOGLINE_ADMIN_PASSWORD of {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".env")))
