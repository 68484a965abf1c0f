#!/usr/bin/env python3
"""Times the workloads of configs/bench beside PyTorch: ratios of one run.

    bench.py MTRAIN [WORKLOAD ...]

Each side runs in turn, several rounds; the best step time of each side counts.
PyTorch runs with one and with two threads, with and without
OPENBLAS_CORETYPE=SkylakeX; its best setting counts. Machines are noisy: quote
the ratio, not the times.
"""
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
CONFIGS = os.path.join(HERE, "..", "..", "configs", "bench")
PEER = ["/usr/bin/python3", os.path.join(HERE, "peer.py")]
STEPS = {"tiny": 1000000, "mlp": 1500}
ROUNDS = 3


def peer_exists():
    check = subprocess.run([PEER[0], "-c", "import torch"],
                           capture_output=True)
    return check.returncode == 0


def ours(mtrain, name, threads):
    """Milliseconds per step and peak MB of one run."""
    spec = os.path.join(CONFIGS, name + ".json")
    with tempfile.TemporaryDirectory() as work:
        command = [mtrain, "train", spec, f"train.steps={STEPS[name]}",
                   "--json", "-q", "--threads", str(threads),
                   "-o", os.path.join(work, "out.mtc")]
        run = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        lines = run.stdout.read().splitlines()
        _, status, usage = os.wait4(run.pid, 0)
    if status:
        sys.exit(f"{name}: mtrain ended with status {status}")
    end = [json.loads(line) for line in lines][-1]
    batch = json.load(open(spec))["data"]["batch_size"]
    return batch / end["samples_per_s"] * 1e3, usage.ru_maxrss / 1024


def peer(name, threads, core):
    env = dict(os.environ)
    env.pop("OPENBLAS_CORETYPE", None)
    if core:
        env["OPENBLAS_CORETYPE"] = core
    out = subprocess.run(PEER + [name, str(threads), "1.2"], env=env,
                         capture_output=True, text=True, check=True).stdout
    ms, peak = map(float, out.split())
    return ms, peak


def best(old, new):
    return new if old is None or new[0] < old[0] else old


def measure(mtrain, name, with_peer):
    cores = [""]
    if "avx512f" in open("/proc/cpuinfo").read():
        cores.append("SkylakeX")
    mine = theirs = None
    for _ in range(ROUNDS):
        for threads in (1, 2):
            mine = best(mine, ours(mtrain, name, threads))
            if with_peer:
                for core in cores:
                    theirs = best(theirs, peer(name, threads, core))
    return mine, theirs


def main():
    mtrain = os.path.abspath(sys.argv[1])
    names = sys.argv[2:] or sorted(
        n[:-5] for n in os.listdir(CONFIGS) if n.endswith(".json"))
    with_peer = peer_exists()
    if not with_peer:
        print("PyTorch is not installed (Debian: python3-torch, "
              "libopenblas0-openmp): times of mtrain only")
    print(f"{'workload':10} {'mtrain ms':>10} {'PyTorch ms':>10} {'ratio':>7} "
          f"{'MB':>6} {'PyTorch MB':>10}")
    for name in names:
        mine, theirs = measure(mtrain, name, with_peer)
        print(f"{name:10} {mine[0]:10.4g} "
              + (f"{theirs[0]:10.4g} {theirs[0] / mine[0]:6.1f}x {mine[1]:6.0f} "
                 f"{theirs[1]:10.0f}" if theirs else
                 f"{'-':>10} {'-':>7} {mine[1]:6.0f} {'-':>10}"), flush=True)


main()
