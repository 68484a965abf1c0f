#!/usr/bin/env python3
"""Times the workloads of configs/bench beside PyTorch: ratios of one run.

    bench.py [--rounds N] [--markdown] MTRAIN [WORKLOAD ...]

Each side runs in turn, several rounds. Of PyTorch the best window of the best
of its settings counts: one and two threads, with OpenBLAS's own choice of
kernels and with OPENBLAS_CORETYPE=SkylakeX where the CPU has AVX-512. Of mtrain
the mean step of its best run counts, with one and with two threads. The share
of the limit is the step's FLOPs at the speed of OpenBLAS's sgemm (1024 x 1024 x
1024, two threads, the best of the same rounds) over the step's time. Machines
are noisy: quote the ratio, not the times.
"""
import json
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
CONFIGS = os.path.join(HERE, "..", "..", "configs", "bench")
PYTHON = "/usr/bin/python3"
AVX512 = os.path.exists("/proc/cpuinfo") and \
    "avx512f" in open("/proc/cpuinfo").read()
CORES = ["", "SkylakeX"] if AVX512 else [""]


def dense(batch, *sizes):
    """Forward, and backward except the first layer's input gradient."""
    pairs = list(zip(sizes, sizes[1:]))
    return 2 * batch * (3 * sum(a * b for a, b in pairs)
                        - pairs[0][0] * pairs[0][1])


def conv(batch, c_in, c_out, size, kernel=3, passes=3):
    return 2 * batch * passes * c_in * c_out * size * size * kernel * kernel


def resnet20(batch):
    flops = conv(batch, 3, 16, 32, passes=2) + dense(batch, 64, 10)
    for c_in, c, size in ((16, 16, 32), (16, 32, 16), (32, 64, 8)):
        flops += conv(batch, c_in, c, size) + 5 * conv(batch, c, c, size)
        if c_in != c:
            flops += conv(batch, c_in, c, size, kernel=1)
    return flops


def gpt(batch, steps, d=128, layers=4, vocab=65):
    """12 d^2 weights a layer; the causal half of the scores and contexts."""
    a_token = layers * (12 * d * d + steps * d) + d * vocab
    return 6 * batch * steps * a_token


def lstm(batch, steps, embed=64, hidden=256, vocab=65):
    a_token = 4 * hidden * (embed + 3 * hidden) + hidden * vocab
    return 6 * batch * steps * a_token


# name: steps of a run, FLOPs of a step, target
WORKLOADS = {
    "tiny": (1000000, 0, 100),
    "mlp": (4000, dense(64, 784, 256, 128, 10), 4),
    "mlp-big": (60, dense(256, 784, 2048, 2048, 10), 2),
    "cnn": (100, conv(64, 1, 32, 26, passes=2) + conv(64, 32, 64, 24)
            + 3 * 2 * 64 * (9216 * 128 + 1280), 2.5),
    "resnet20": (16, resnet20(128), 1.7),
    "lstm": (50, lstm(32, 64), 3),
    "gpt": (50, gpt(16, 128), 3),
    "gpt-small": (120, gpt(12, 64), 3),
}


def has(module):
    return subprocess.run([PYTHON, "-c", "import " + module],
                          capture_output=True).returncode == 0


def ours(mtrain, name, threads):
    """Milliseconds per step, peak MB of one run."""
    spec = os.path.join(CONFIGS, name + ".json")
    with tempfile.TemporaryDirectory() as work:
        run = subprocess.Popen(
            [mtrain, "train", spec, f"train.steps={WORKLOADS[name][0]}",
             "--json", "-q", "--threads", str(threads),
             "-o", os.path.join(work, "out.mtc")],
            stdout=subprocess.PIPE, text=True)
        lines = run.stdout.read().splitlines()
        _, status, usage = os.wait4(run.pid, 0)
    if status:
        sys.exit(f"{name}: mtrain ended with status {status}")
    end = json.loads(lines[-1])
    batch = json.load(open(spec))["data"]["batch_size"]
    return batch / end["samples_per_s"] * 1e3, usage.ru_maxrss / 1024


def environment(core):
    env = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS")}
    if core:
        env["OPENBLAS_CORETYPE"] = core
    return env


def peer(name, threads, core):
    out = subprocess.run(
        [PYTHON, os.path.join(HERE, "peer.py"), name, str(threads), "1.5"],
        env=environment(core), capture_output=True, text=True,
        check=True).stdout
    ms, peak = map(float, out.split())
    return ms, peak


def sgemm(threads):
    """GFLOP/s of OpenBLAS, 0 where it is not installed."""
    run = subprocess.run(
        [sys.executable, os.path.join(HERE, "blas.py"), str(threads)],
        env=environment(CORES[-1]), capture_output=True, text=True)
    return float(run.stdout) if run.returncode == 0 else 0


def best(old, new):
    return new if old is None or new[0] < old[0] else old


def measure(mtrain, name, rounds, with_peer):
    mine, theirs, speed = {1: None, 2: None}, None, 0
    for _ in range(rounds):
        for threads in (1, 2):
            mine[threads] = best(mine[threads], ours(mtrain, name, threads))
            for core in CORES if with_peer else []:
                theirs = best(theirs, peer(name, threads, core))
        speed = max(speed, sgemm(2))
    return mine, theirs, speed


def number(x, digits=3):
    return "-" if x is None else f"{x:.{digits}g}" if x < 1000 else f"{x:.0f}"


def row(name, mine, theirs, speed):
    two = min(mine[1], mine[2])
    flops = WORKLOADS[name][1]
    limit = flops / speed / 1e6 if speed and flops else None
    return [name, number(two[0]), number(theirs and theirs[0]),
            f"{theirs[0] / two[0]:.2f} x" if theirs else "-",
            f"{WORKLOADS[name][2]} x",
            number(limit), f"{limit / two[0]:.0%}" if limit else "-",
            f"{mine[1][0] / mine[2][0]:.2f} x",
            f"{two[1]:.0f}", f"{theirs[1]:.0f}" if theirs else "-"]


HEADER = ["workload", "mtrain ms", "PyTorch ms", "ratio", "target", "limit ms",
          "of limit", "2 threads", "MB", "PyTorch MB"]


def print_row(cells, markdown):
    if markdown:
        print("| " + " | ".join(cells) + " |", flush=True)
    else:
        print(f"{cells[0]:10}" + "".join(f"{c:>11}" for c in cells[1:]),
              flush=True)


def wall(command, rounds=5):
    """Milliseconds of the fastest run."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    return min(times) * 1e3


def print_startup(mtrain, with_peer):
    spec = os.path.join(CONFIGS, "tiny.json")
    with tempfile.TemporaryDirectory() as work:
        out = os.path.join(work, "out.mtc")
        train = wall([mtrain, "train", spec, "train.steps=1", "-q", "-f",
                      "-o", out])
    print(f"\nstart-up: mtrain {wall([mtrain, '--version']):.1f} ms, a training "
          f"of one step with its checkpoint {train:.1f} ms"
          + (f"; import torch {wall([PYTHON, '-c', 'import torch'], 3):.0f} ms"
             if with_peer else ""), flush=True)


def print_checkpoints(mtrain):
    """Trained weights and Adam state of mlp-big: 70 MB."""
    program = os.path.join(os.path.dirname(mtrain), "bench-ckpt")
    print()
    with tempfile.TemporaryDirectory() as work:
        ckpt = os.path.join(work, "big.mtc")
        state = os.path.join(work, "big.safetensors")
        spec = os.path.join(CONFIGS, "mlp-big.json")
        subprocess.run([mtrain, "train", spec, "train.steps=40", "-q", "-o",
                        ckpt], check=True)
        subprocess.run([mtrain, "save", ckpt, "-o", state, "-q"], check=True)
        if os.path.exists(program):
            subprocess.run([program, ckpt], check=True)
        subprocess.run([PYTHON, os.path.join(HERE, "ckpt_peer.py"), state],
                       check=True)


def main():
    words = sys.argv[1:]
    rounds = 3
    if words[:1] == ["--rounds"]:
        rounds, words = int(words[1]), words[2:]
    markdown = words[:1] == ["--markdown"]
    words = words[markdown:]
    mtrain, names = os.path.abspath(words[0]), words[1:]
    with_peer = has("torch")
    if not with_peer:
        print("PyTorch is not installed (Debian: python3-torch, "
              "libopenblas0-openmp): times of mtrain only")
    print_row(HEADER, markdown)
    if markdown:
        print_row(["---"] * len(HEADER), markdown)
    for name in names or WORKLOADS:
        print_row(row(name, *measure(mtrain, name, rounds, with_peer)),
                  markdown)
    if not names:
        print_startup(mtrain, with_peer)
        print_checkpoints(mtrain)


main()
