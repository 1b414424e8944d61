"""What every emulator asks of a request before it looks at it: is the caller a program of this machine, not a web page?

A web page that a developer visits may send requests to loopback. `rules` tells such a request from one of Google's
clients by its headers; `asgi` puts that before a server; `token` checks a secret.
"""
