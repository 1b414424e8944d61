"""Compile the parser's functions into numba's cache: `python -m beam_jobs.compile_parser`.

An image does so while it is built, for the processor that `NUMBA_CPU_NAME` and `NUMBA_CPU_FEATURES` name: no process of
a worker compiles anything then. The lines below reach every compiled function.
"""

from beam_jobs.access_log import BlockParser, get_format

_LINES = {
    "combined": b'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a\\x22?b HTTP/1.1" 200 5 '
    b'"http://example.com/" "a\\"b"\n',
    "caddy": b'{"ts":1431857103.5,"request":{"remote_ip":"192.0.2.1","method":"GET","uri":"/a?b","host":"example.com",'
    b'"proto":"HTTP/1.1","headers":{"User-Agent":["a\\"b"]}},"status":200,"size":5,"duration":0.5}\n',
}


def main() -> None:
    """Parse a line of each kind."""
    for log_format, line in _LINES.items():
        parsed = BlockParser(get_format(log_format)).parse(line)
        if parsed.rows.num_rows != 1:
            raise SystemExit(f"the line of {log_format} is no row: {parsed.rejected.to_pylist()}")


if __name__ == "__main__":
    main()
