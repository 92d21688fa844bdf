"""python -m tests.crash.transactions [--first N] [--step N]: the process, or the power, ends at every file operation of
a SQL workload with transactions under way together, prepared ones, savepoints, definitions, sequences, notifications
and restore points; sql_workload.py says what has to be left. Prints what is wrong."""

from __future__ import annotations

import argparse
import sys
import time

from tests.crash.sql_workload import NoSuchOperation, trouble_after, undisturbed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash.transactions", description=__doc__)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--step", type=int, default=1)
    arguments = parser.parse_args()
    began = time.process_time()
    digests, operations = undisturbed()
    wrong = runs = 0
    for number in range(arguments.first, operations + 1, arguments.step):
        for kept in (False, True):
            try:
                found = trouble_after(number, digests, kept=kept)
            except NoSuchOperation:
                continue  # with another seed there are one or two more or less
            for one in found:
                wrong += 1
                print(one, flush=True)
            runs += 1
    print(f"{operations} file operations, {runs} runs, {wrong} wrong, {time.process_time() - began:.0f} s of CPU")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
