"""What a format string becomes, and what is said of one that cannot be used."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_jobs.access_log import FormatError, get_format
from beam_jobs.access_log.formats.server_strings import compile_format

COMBINED = '%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-agent}i"'


@pytest.mark.parametrize(
    ("text", "template"),
    [
        (COMBINED, get_format("combined").template),  # type: ignore[attr-defined]
        (
            '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" '
            '"$http_user_agent"',
            '{remote_addr} - {remote_user} [{time}] "{request}" {status} {body_bytes_sent} "{referer}" "{user_agent}"',
        ),
        ("%t %D %T %{us}T", "[{time}] {duration_us} {skipped} {skipped}"),
        ("%t %T %{ms}T", "[{time}] {skipped} {duration_ms}"),
        ("%t %v %V %{Host}i", "[{time}] {skipped} {skipped} {host}"),
        ("%t %U%q|%r", "[{time}] {skipped}|{request}"),
        ("%{end:sec}t %{begin:usec}t", "{skipped} {time_epoch_us}"),
        ("$time_local {$status}", "{time} {{{status}}}"),
        ("$time_local $request_uri $uri $args", "{time} {target} {skipped} {skipped}"),
    ],
)
def test_template(text: str, template: str) -> None:
    assert compile_format(text).template == template


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("%h %u %>s", "has no time: add %t"),
        ("$remote_addr $status", "has no time"),
        ("%t%h %>s", None),
        ("%t %h%u", "%h%u cannot be told apart in a line: put a separator between them"),
        ("$time_local $status$request_time", "$status$request_time cannot be told apart"),
        ("%t %{days}T", "%{days}T cannot be used: the units of %T are us, ms and s"),
        ("%{%A}t %h", "%{%A}t cannot be used: write the time as %t"),
        ("%t %Z", "%Z cannot be used: Apache 2.4 has no such directive"),
        ("%t %{Referer", "'%{Referer' is not a directive"),
        ("%t caf\u00e9", "a character that is not ASCII"),
        ("%h\f%t", r"'%h %t' cannot be used: it holds '\x0c', at which lines break"),
        ("%t\\n%h", "a line break stands inside its line"),
        ("log_format main '$time_local' $status;", "its quotes do not match"),
        ("cfl", "unknown log format 'cfl': known are"),
        ("W3C", "W3C is no one format: leave it out, or give the file's own line, '#Fields: date time ...'"),
    ],
)
def test_a_string_that_cannot_be_used_is_answered_in_one_line(text: str, message: str | None) -> None:
    if message is None:
        get_format(text)
        return
    with pytest.raises(FormatError) as caught:
        get_format(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["%t", "%h", "%", "%%", '"', "\\", " ", "%{", "}t", "%{sec}t", "$", "$status", "$time_local", "{", "'"]
        )
        | st.text(max_size=3),
        max_size=8,
    ).map("".join)
)
def test_any_text_gives_a_format_or_one_line(text: str) -> None:
    try:
        said = compile_format(text).template
    except FormatError as error:
        said = f"{{time: {error}"
    assert "{time" in said
    assert len(said.splitlines()) == 1
