import pytest

from emulators.guard.token import Token

SECRET = "s" * 43


@pytest.mark.parametrize("given", [f"Bearer {SECRET}", f"bearer {SECRET}", f" Bearer  {SECRET} "])
def test_the_secret_is_known_as_an_access_token(given: str) -> None:
    assert Token(SECRET).is_borne(given)


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer ", SECRET, f"Basic {SECRET}", f"Bearer {SECRET}s", "Bearer é"])
def test_all_else_is_refused(given: str) -> None:
    assert not Token(SECRET).is_borne(given)


def test_a_short_secret_is_none() -> None:
    with pytest.raises(ValueError, match="32 characters or more"):
        Token("short")
