"""A bridge in a folder whose name means something to YAML and to the shell, as a newcomer's may; that goes through a restart of the machine, which
empties /tmp; and that is moved."""

import os
import shutil

from bridge import Bridge, check, finish, imposed


def refs(bridge):
    return [r["order_ref"] for r in bridge.ctl("requests", "--json").rows]


with Bridge(start=False) as bridge:
    above, bridge.dir = bridge.dir, bridge.dir + "/it's mine: a, b [c] #1"
    os.mkdir(bridge.dir)
    bridge.config = bridge.dir + "/cpps-bridge.yaml"
    bridge.start()
    check(bridge.submit([imposed("A-1")])[0]["disposition"] == "accepted", "run.sh: a bridge in an odd folder takes events")
    bridge.stop()
    with open(bridge.dir + "/sockets") as f:
        shutil.rmtree(f.read().strip())
    bridge.start()
    check(refs(bridge) == ["A-1"], "goes on with the same data where its sockets' folder is gone")
    bridge.stop()
    with open(bridge.dir + "/sockets") as f:
        shutil.rmtree(f.read().strip())

    os.rename(bridge.dir, above + "/moved")
    bridge.dir = above + "/moved"
    bridge.config = bridge.dir + "/cpps-bridge.yaml"
    bridge.start()
    check(refs(bridge) == ["A-1"] and os.path.exists(bridge.dir + "/s/control"), "and where it was moved itself")

shutil.rmtree(above, ignore_errors=True)
finish()
