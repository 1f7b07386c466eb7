"""The command as a user calls it, in this process, and what it says."""

import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

from deploy import alongside


def said(*options: str) -> tuple[int, str]:
    """This will run the command and give its exit code and everything it said."""
    told, before, words = 0, sys.argv, StringIO()
    sys.argv = ["alongside", *options]
    try:
        with redirect_stdout(words), redirect_stderr(words):
            alongside.main()
    except SystemExit as end:
        told = int(end.code or 0)
    finally:
        sys.argv = before
    return told, words.getvalue()
