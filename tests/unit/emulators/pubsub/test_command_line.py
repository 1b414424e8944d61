"""What a wrong option of the command says."""

import pytest

from emulators.pubsub.__main__ import main


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--topic", "orders"], "--topic needs the --project that it belongs to"),
        (["--project", "p", "--topic", "orders:"], "'orders:' is neither TOPIC nor TOPIC:SUBSCRIPTION"),
        (["--project", "p", "--topic", ":billing"], "':billing' is neither TOPIC nor TOPIC:SUBSCRIPTION"),
        (["--topik", "orders"], "unrecognized arguments: --topik orders"),
        (["--port", "http"], "argument --port: invalid int value: 'http'"),
    ],
)
def test_a_wrong_option_is_one_line(capsys: pytest.CaptureFixture[str], options: list[str], reason: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(options)
    assert ended.value.code == 2
    printed, line = capsys.readouterr()
    assert printed == ""
    assert line.startswith("pubsub-emulator: ")
    assert reason in line
    assert line.count("\n") == 1
