"""Which TCP ports of this machine are free."""

import socket

LOOPBACK = "127.0.0.1"


def free(*, host: str = LOOPBACK) -> int:
    """This will choose a free port; a program that is to find it again must be given it, not choose once more."""
    with socket.socket() as asked:
        asked.bind((host, 0))
        port: int = asked.getsockname()[1]
        return port


def is_taken(port: int, *, host: str = LOOPBACK) -> bool:
    """This will say whether another program listens on a port; one that ended a moment ago does not count."""
    with socket.socket() as tried:
        # As servers do it: else the closed connections of an earlier run would count for a minute.
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except OSError:
            return True
        return False
