"""Credentials with a secret, for Google's clients and Airflow's connections; the image of Airflow has this file too."""


def authorized_user(token: str) -> dict[str, str]:
    """Return credentials that are never refreshed, cf. `Credentials.from_authorized_user_info` of google-auth 2."""
    unused = "unused"
    return {
        "type": "authorized_user",
        "client_id": unused,
        "client_secret": unused,
        "refresh_token": unused,
        "token": token,
        "expiry": "9999-12-31T23:59:59Z",
    }
