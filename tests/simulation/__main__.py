"""Plays seeds from the command line: `python -m tests.simulation SEED [BUG]` one, with its whole trace."""

import sys
from contextlib import nullcontext

from tests.simulation.bugs import BUGS
from tests.simulation.many import told
from tests.simulation.seed import play

if __name__ == "__main__":
    with BUGS[sys.argv[2]]() if len(sys.argv) > 2 else nullcontext():
        outcome = play(int(sys.argv[1]))
    print(told(outcome, lines=2000))
    print(f"seed {outcome.seed}: {len(outcome.broken)} broken, trace {outcome.digest}")
    sys.exit(bool(outcome.broken or outcome.slips))
