"""A bridge in a folder whose name means something to YAML and to the shell, as a newcomer's may."""

import os
import shutil

from bridge import Bridge, check, finish, imposed

with Bridge(start=False) as bridge:
    above, bridge.dir = bridge.dir, bridge.dir + "/it's mine: a, b [c] #1"
    os.mkdir(bridge.dir)
    bridge.config = bridge.dir + "/cpps-bridge.yaml"
    bridge.start()
    check(bridge.submit([imposed("A-1")])[0]["disposition"] == "accepted", "run.sh: a bridge in an odd folder takes events")
    bridge.stop()
    bridge.start()
    check([r["order_ref"] for r in bridge.ctl("requests", "--json").rows] == ["A-1"], "and goes on with the same data")
    with open(bridge.dir + "/sockets") as f:
        sockets = f.read().strip()

shutil.rmtree(sockets, ignore_errors=True)
shutil.rmtree(above, ignore_errors=True)
finish()
