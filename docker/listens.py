"""Health check of an emulator: exit code 0 when all these ports of this container accept connections."""

import socket
import sys

if __name__ == "__main__":
    for port in sys.argv[1:]:
        with socket.create_connection(("127.0.0.1", int(port)), timeout=5):
            pass
