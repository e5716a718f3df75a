"""A sample of tests/faults: so many of the daemon's allocations, libpq and zmq calls made to fail, one in each run of a short day; `make faults`
makes every one fail. SAMPLE, SECONDS and SEED may be given."""

import os

from bridge import BUILD, ROOT

defaults = {"SAMPLE": "30", "SECONDS": "25", "BUILD": BUILD}
os.execve("/usr/bin/python3", ["python3", ROOT + "/tests/faults/run.py"], {**defaults, **os.environ})
