"""Idle, the daemon uses no CPU worth the name and under 16 MB. The memory is measured where no sanitizer multiplies it."""

import os
import re
import time

from bridge import SANITIZED, Bridge, check, finish

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_ticks(pid):
    total = 0
    for task in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/stat" % (pid, task)) as f:
            fields = f.read().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
    return total


with Bridge() as bridge:
    time.sleep(2)
    pid = bridge.pid
    before, began = cpu_ticks(pid), time.monotonic()
    time.sleep(10)
    used = (cpu_ticks(pid) - before) / TICKS / (time.monotonic() - began)
    check(used < (0.03 if SANITIZED else 0.01), "idle, it uses %.2f %% of a core" % (100 * used))
    with open("/proc/%d/status" % pid) as f:
        text = f.read()
    resident = int(re.search(r"VmRSS:\s+(\d+)", text).group(1))
    print("# resident %d kB" % resident)
    if not SANITIZED:
        check(resident < 16 * 1024, "idle, it holds %d kB" % resident)

finish()
