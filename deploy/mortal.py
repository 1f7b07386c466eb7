"""Children that do not outlive their parent, however it ends."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1


def dying_with_parent() -> Callable[[], None]:
    """
    This will give what a new child runs before it becomes its program: the kernel then kills it when its parent ends.

    By parent the kernel means the thread that started the child: start children from one that lasts. Linux only;
    elsewhere this does nothing.
    """
    parent = os.getpid()
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def bind() -> None:
        if libc is not None:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != parent:
                # The parent ended between the fork and the request.
                os._exit(1)

    return bind
