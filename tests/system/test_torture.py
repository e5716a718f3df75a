"""The fault campaign in short (tests/torture): everybody at work while bridges, feeders, clients and PostgreSQL are killed, stopped, cut off and filled up;
nothing is lost, repeated, out of order or left out (X1, X5). KILLS (60) and SEED may be given."""

import os
import re
import subprocess
import sys

from bridge import BIN, ROOT, check, finish

done = subprocess.run([sys.executable, ROOT + "/tests/torture/run.py", "--kills", os.environ.get("KILLS", "60"), "--seed", os.environ.get("SEED", ""),
                       "--programs", BIN], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
print("# " + done.stdout.strip().replace("\n", "\n# "))
found = re.search(r"^found +(.*)$", done.stdout, re.MULTILINE)
if check(bool(found), "the campaign ran to its end", done.returncode):
    for kind, count in re.findall(r"([a-z ]+) (\d+)(?:, |$)", found.group(1)):
        check(count == "0", "the campaign found nothing that is %s" % kind, count)
    check(done.returncode == 0, "and says so by its exit status", done.returncode)
finish()
