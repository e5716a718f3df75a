"""mutants.py [NAME...]: breaks what tests/torture/mutations names, one at a time in a copy of the tree, and lets the campaign find it."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SECONDS, SETTLE = 35, 10
ENV = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "BUILD", "CI")}


def mutations():
    """(name, what is broken, [(file, sed expression)])"""
    rows = []
    with open(HERE + "/mutations") as f:
        for line in f:
            if line.startswith("\t"):
                rows[-1][2].append(tuple(line.strip("\n\t").split("\t", 1)))
            elif line.strip() and not line.startswith("#"):
                rows.append((*line.strip().split(": ", 1), []))
    return rows


def make(tree):
    done = subprocess.run(["make", "-s", "-C", tree, "BUILD=release", "build/release/cpps-bridged", "build/release/cppsctl"], env=ENV, capture_output=True, text=True)
    return None if done.returncode == 0 else "it does not build: " + done.stderr[:300]


def copy_tree(to):
    for name in ("daemon", "proto", "sql", "deploy"):
        shutil.copytree(os.path.join(ROOT, name), os.path.join(to, name))
    shutil.copy2(ROOT + "/Makefile", to)
    return make(to)


def break_it(tree, changes):
    """Why it could not be broken; None: it is."""
    for name, expression in changes:
        path = os.path.join(tree, name)
        with open(path) as f:
            before = f.read()
        subprocess.run(["sed", "-i", expression, path], check=True)
        with open(path) as f:
            if f.read() == before:
                return "a change to %s changes nothing: %s" % (name, expression)
    return make(tree)


def campaign(tree):
    """What the campaign found, by its summary; and how long it took."""
    began = time.monotonic()
    done = subprocess.run([sys.executable, HERE + "/run.py", "--seconds", str(SECONDS), "--settle", str(SETTLE), "--seed", "7", "--programs", tree + "/build/release"],
                          env=dict(ENV, BUILD="release"), capture_output=True, text=True)
    took = time.monotonic() - began
    for kept in re.findall(r"^# the logs are in (/tmp/cpps-t-\w+)$", done.stdout, re.MULTILINE):
        if not os.environ.get("KEEP"):
            shutil.rmtree(kept, ignore_errors=True)
    counts = re.findall(r"^found +(.*)$", done.stdout, re.MULTILINE)
    first = re.findall(r"^! \S+ +(.*)$", done.stdout, re.MULTILINE)
    return done, counts, first, took


def judge(base, tree, name, what, changes):
    broken = base + "/" + name
    shutil.copytree(tree, broken, symlinks=True)
    why = break_it(broken, changes)
    if why:
        return "not ok %s: %s # %s" % (name, what, why)
    done, counts, first, took = campaign(broken)
    shutil.rmtree(broken)
    if done.returncode != 1 or not counts:
        return "not ok %s: %s # the campaign ended with %d after %.0f s: %s" % (name, what, done.returncode, took, (counts or [done.stdout[-1000:] + done.stderr[-1000:]])[-1])
    found = ", ".join(c for c in counts[-1].split(", ") if not c.endswith(" 0"))
    return "ok %s: %s # %s, after %.0f s: %s" % (name, what, found, took, (first or [""])[0])


def main():
    rows = [row for row in mutations() if not sys.argv[1:] or row[0] in sys.argv[1:]]
    with tempfile.TemporaryDirectory(prefix="cpps-m-") as base:
        os.chmod(base, 0o755)
        tree = base + "/tree"
        os.mkdir(tree)
        why = copy_tree(tree)
        if why:
            sys.exit("not ok the tree as it is: " + why)
        said = []
        for row in rows:
            said.append(judge(base, tree, *row))
            print(said[-1], flush=True)
    sys.exit(0 if said and all(line.startswith("ok") for line in said) else 1)


if __name__ == "__main__":
    main()
