#!/usr/bin/env python3
"""Times the workloads of configs/bench beside PyTorch: ratios of one run.

    bench.py [OPTION]... MTRAIN [WORKLOAD]...

      --turns N      turns of each side (default 15)
      --seconds S    length of a turn (default 0.4)
      --only KIND    train or eval
      --no-peer      times of mtrain only
      --json FILE    write all turns; table.py makes README's tables of them
      --onnx FOLDER  where onnxruntime-node is (default build/onnxruntime, where
                     make check-onnx puts it)

Training is `mtrain train`, inference what `mtrain eval` does with its samples,
loss and accuracy included. PyTorch may have its best: a first round of short
turns goes over all settings (one and two threads, OpenBLAS's own choice of
kernels and OPENBLAS_CORETYPE=SkylakeX where the CPU has AVX-512, NCHW and
channels_last, foreach, set_to_none; of inference no_grad, inference_mode,
traced and optimized) and takes the fastest. ONNX Runtime, where it is
installed, is another peer of inference, with one and two threads. Then mtrain
with one thread, with two, each peer, and OpenBLAS's sgemm on one core (1024 x
1024 x 1024) take turns. All of them are warm, have their data in memory, and
time nothing but steps; memory is the peak of such a process.

Printed are minimum and median of a step, the ratios of both, peer over mtrain
with its better number of threads, and the share of sgemm: the FLOPs of a step
on one thread over its time, against the speed of sgemm in the same round.
Machines are noisy: quote ratios, not times.
"""
import argparse
import itertools
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import blas
import sides
from workloads import WORKLOADS

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "..", ".."))
KINDS = ("train", "eval")
THREADS = (1, 2)
CLOSE = 1.25  # how much slower than the best a setting may be to stay in
FLAGS = ("avx2", "fma", "avx512f", "asimd")
HEADER = ["workload", "kind", "mtrain med", "min", "peer", "med", "min",
          "ratio med", "ratio min", "target", "of sgemm",
          "1/2 thr", "MB", "peer MB"]
WIDTHS = [10, 6, 11, 9, 9, 9, 9, 10, 10, 7, 9, 8, 7, 8]


def machine():
    """What is known of the CPU; the keys of /proc/cpuinfo."""
    info = {"model name": platform.machine()}
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        for line in itertools.takewhile(str.strip, f):
            key, _, value = line.partition(":")
            info[key.strip()] = value.strip()
    flags = info.get("flags", info.get("Features", "")).split()
    out = {k: info[k] for k in ("vendor_id", "model name", "cpu family",
                                "model", "stepping") if k in info}
    out["flags"] = [x for x in FLAGS if x in flags]
    out["cpus"] = os.cpu_count()
    out["openblas"] = blas.library() is not None
    return out


def has(module):
    return subprocess.run([sides.PYTHON, "-c", "import " + module],
                          capture_output=True, check=False).returncode == 0


def settings(kind, planes):
    """All of a process's settings that PyTorch may choose from."""
    layouts = ("NCHW", "channels_last") if planes else ("NCHW",)
    if kind == "train":
        return [{"layout": a, "foreach": b, "set_to_none": c}
                for a in layouts for b in (False, True) for c in (False, True)]
    return [{"layout": a, "mode": b} for a in layouts
            for b in ("no_grad", "inference_mode", "traced", "optimized")]


def show(setting):
    return ", ".join(f"{k} {v}" for k, v in setting.items()
                     if v not in ("", None))


def race(kind, name, tried, seconds, expected, best):
    """A turn of each setting; their shortest goes to best. Returns those that
    PyTorch refuses, with its reason. expected: as in sides.torch()."""
    refused = {}
    for _, group in itertools.groupby(
            tried, key=lambda s: (s["threads"], s["core"])):
        side = None
        for setting in group:
            try:
                if side:
                    side.ask({"set": setting})
                else:
                    side = sides.torch(kind, name, setting, expected)
            except sides.Trouble as trouble:
                refused[show(setting)] = trouble
                continue
            key = json.dumps(setting)
            best[key] = min(best.get(key, 1e9), side.turn(seconds))
        if side:
            side.close()
    return refused


def choose(kind, name, cores, seconds, expected):
    """PyTorch's fastest setting: all have a turn, the faster ones two more."""
    best = {}
    tried = [{"threads": n, "core": core, **rest}
             for n, core in itertools.product(THREADS, cores)
             for rest in settings(kind, WORKLOADS[name].planes)]
    refused = race(kind, name, tried, seconds, expected, best)
    for text, reason in refused.items():
        print(f"    PyTorch without {text}: {reason}", flush=True)
    if not best:
        raise sides.Trouble(f"PyTorch does not run {name}")
    for _ in range(2):
        limit = CLOSE * min(best.values())
        race(kind, name, [s for s in tried
                          if best.get(json.dumps(s), limit + 1) <= limit],
             seconds, expected, best)
    return json.loads(min(best, key=best.get)), len(best)


class Bench:
    def __init__(self, options, work):
        self.o, self.work = options, work
        self.mtrain = os.path.abspath(options.mtrain)
        self.machine = machine()
        wide = "avx512f" in self.machine["flags"]
        self.cores = ["", "SkylakeX"] if wide else [""]
        self.torch = not options.no_peer and has("torch")
        self.onnx = not options.no_peer and os.path.isdir(
            os.path.join(options.onnx, "node_modules", "onnxruntime-node"))

    def mine(self, kind, name, state):
        steps = WORKLOADS[name].epoch
        if kind == "train":
            return {f"mtrain {n}": sides.train(self.mtrain, name, steps, n,
                                               self.work) for n in THREADS}
        return {f"mtrain {n}": sides.evaluate(self.mtrain, state, steps, n)
                for n in THREADS}

    def peers(self, kind, name, state, chosen):
        """Notes their settings in chosen."""
        out = {}
        if self.torch:
            expected = sides.parameters(self.mtrain, name)
            setting, tried = choose(kind, name, self.cores,
                                    self.o.seconds / 2, expected)
            chosen["PyTorch"] = setting
            print(f"    PyTorch, the best of {tried}: {show(setting)}",
                  flush=True)
            out["PyTorch"] = sides.torch(kind, name, setting, expected)
        if self.onnx and kind == "eval":
            model = os.path.join(self.work, name + ".onnx")
            subprocess.run([self.mtrain, "save", state, "-q", "-f", "-o",
                            model], check=True)
            for n in THREADS:
                chosen[f"ORT {n}"] = {"threads": n}
                out[f"ORT {n}"] = sides.onnxruntime(self.o.onnx, model, name,
                                                    n)
        return out

    def measure(self, kind, name):
        """All turns, in the order in which they came."""
        chosen, sides_of = {}, {}
        state = sides.checkpoint(self.mtrain, name, WORKLOADS[name].epoch,
                                 self.work) if kind == "eval" else None
        try:
            sides_of.update(self.peers(kind, name, state, chosen))
            sides_of.update(self.mine(kind, name, state))
            if self.machine["openblas"]:
                sides_of["sgemm"] = sides.sgemm(self.cores[-1])
            turns = {side: [] for side in sides_of}
            for _ in range(self.o.turns):
                for side, process in sides_of.items():
                    turns[side].append(process.turn(self.o.seconds))
            peaks = {side: process.peak()
                     for side, process in sides_of.items()}
        finally:
            for process in sides_of.values():
                process.close()
        return {"workload": name, "kind": kind, "settings": chosen,
                "flops": WORKLOADS[name].flops[kind],
                "target": WORKLOADS[name].target if kind == "train" else None,
                "turns": turns, "mb": peaks}


def summary(result):
    """What a row says of the turns: for each peer a dict, or one for none."""
    turns, median = result["turns"], statistics.median
    mine = min(("mtrain 1", "mtrain 2"), key=lambda side: median(turns[side]))
    own = {"mine": mine, "median": median(turns[mine]),
           "min": min(turns[mine]), "mb": result["mb"][mine],
           "threads": median(turns["mtrain 1"]) / median(turns["mtrain 2"]),
           "share": None, "peer": None}
    if "sgemm" in turns and result["flops"]:
        own["share"] = median(result["flops"] / ms / 1e6 / speed for ms, speed
                              in zip(turns["mtrain 1"], turns["sgemm"]))
    rows = []
    for name in ("PyTorch", "ORT"):
        some = [side for side in turns if side.split()[0] == name]
        if not some:
            continue
        peer = min(some, key=lambda side: median(turns[side]))
        low, middle = min(turns[peer]), median(turns[peer])
        rows.append({**own, "peer": name, "side": peer, "peer median": middle,
                     "peer min": low, "peer mb": result["mb"][peer],
                     "ratio": middle / own["median"],
                     "ratio of min": low / own["min"]})
    return rows or [own]


def number(x, form="{:.3g}"):
    return "-" if x is None else form.format(x)


def print_row(cells):
    print("".join(f"{c:<{w}}" if i < 2 else f"{c:>{w}}" for i, (c, w)
                  in enumerate(zip(cells, WIDTHS))), flush=True)


def print_result(result):
    for s in summary(result):
        print_row([result["workload"], result["kind"], number(s["median"]),
                   number(s["min"]), s.get("side", "-"),
                   number(s.get("peer median")), number(s.get("peer min")),
                   number(s.get("ratio"), "{:.2f}"),
                   number(s.get("ratio of min"), "{:.2f}"),
                   number(result["target"]),
                   number(s["share"], "{:.0%}"),
                   number(s["threads"], "{:.2f}"), number(s["mb"], "{:.0f}"),
                   number(s.get("peer mb"), "{:.0f}")])


def wall(command, rounds=5):
    """Milliseconds of the fastest run."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    return min(times) * 1e3


def print_startup(mtrain, with_peer, work):
    out = os.path.join(work, "out.mtc")
    train = wall([mtrain, "train", sides.spec_path("tiny"), "train.steps=1",
                  "-q", "-f", "-o", out])
    text = (f"\nstart-up: mtrain {wall([mtrain, '--version']):.1f} ms, a "
            f"training of one step with its checkpoint {train:.1f} ms")
    if with_peer:
        torch = wall([sides.PYTHON, "-c", "import torch"], 3)
        text += f"; import torch {torch:.0f} ms"
    print(text, flush=True)


def print_checkpoints(mtrain, work):
    """Trained weights and Adam state of mlp-big: 70 MB."""
    program = os.path.join(os.path.dirname(mtrain), "bench-ckpt")
    ckpt = os.path.join(work, "big.mtc")
    state = os.path.join(work, "big.safetensors")
    print(flush=True)
    subprocess.run([mtrain, "train", sides.spec_path("mlp-big"),
                    "train.steps=40", "-q", "-o", ckpt], check=True)
    subprocess.run([mtrain, "save", ckpt, "-o", state, "-q"], check=True)
    if os.path.exists(program):
        subprocess.run([program, ckpt], check=True)
    subprocess.run([sides.PYTHON, os.path.join(HERE, "ckpt_peer.py"), state],
                   check=True)


def read_options():
    p = argparse.ArgumentParser(usage=__doc__, add_help=False)
    p.add_argument("--turns", type=int, default=15)
    p.add_argument("--seconds", type=float, default=0.4)
    p.add_argument("--only", choices=KINDS)
    p.add_argument("--no-peer", action="store_true")
    p.add_argument("--json")
    p.add_argument("--onnx", default=os.path.join(ROOT, "build", "onnxruntime"))
    p.add_argument("mtrain")
    p.add_argument("workloads", nargs="*")
    o = p.parse_args()
    for name in o.workloads:
        if name not in WORKLOADS:
            p.error(f"unknown workload {name}; expected one of "
                    + ", ".join(WORKLOADS))
    if o.turns < 1 or o.seconds < 0:
        p.error("--turns must be at least 1, --seconds not negative")
    return o


def print_start(bench):
    m, o = bench.machine, bench.o
    print(f"{m['model name']}, family {m.get('cpu family', '-')}, model "
          f"{m.get('model', '-')}, {m['cpus']} CPUs, {' '.join(m['flags'])}; "
          f"{o.turns} turns of {o.seconds} s; ms of a step")
    if not bench.torch and not o.no_peer:
        print("skipped: PyTorch is not installed (Debian: python3-torch)")
    if not m["openblas"]:
        print("skipped: share of sgemm: OpenBLAS is not installed (Debian: "
              "libopenblas0-openmp), and without it Debian's PyTorch is slow")
    if not bench.onnx and not o.no_peer and o.only != "train":
        print(f"skipped: ONNX Runtime is not in {o.onnx} (make check-onnx "
              "installs it)")
    print_row(HEADER)


def main():
    o = read_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # close all sides
    with tempfile.TemporaryDirectory(prefix="mtrain-bench-") as work:
        bench = Bench(o, work)
        print_start(bench)
        run = {"machine": bench.machine, "seconds": o.seconds, "results": []}
        for kind in [o.only] if o.only else KINDS:
            for name in o.workloads or WORKLOADS:
                run["results"].append(bench.measure(kind, name))
                print_result(run["results"][-1])
                if o.json:
                    with open(o.json, "w", encoding="utf-8") as f:
                        json.dump(run, f, indent=1)
        if not o.workloads and not o.only:
            print_startup(bench.mtrain, bench.torch, work)
            print_checkpoints(bench.mtrain, work)


if __name__ == "__main__":
    try:
        main()
    except sides.Trouble as trouble_text:
        sys.exit(f"bench: {trouble_text}")
