#!/usr/bin/python3
"""The benchmark workloads in PyTorch: prints milliseconds per step.

    peer.py WORKLOAD THREADS SECONDS

One process, one workload: random data of the right shape made once, so that
only the step is timed (zero_grad, forward, backward, optimizer step).
"""
import resource
import sys
import time

import torch
from torch import nn


def mlp():
    model = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128),
                          nn.ReLU(), nn.Linear(128, 10))
    return (model, torch.randn(64, 784), torch.randint(0, 10, (64,)),
            nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters()))


def tiny():
    model = nn.Linear(10, 1)
    return (model, torch.randn(1, 10), torch.randn(1, 1), nn.MSELoss(),
            torch.optim.SGD(model.parameters(), lr=0.001))


WORKLOADS = {"mlp": mlp, "tiny": tiny}


def main():
    name, threads, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    torch.set_num_threads(threads)
    model, x, y, loss, optimizer = WORKLOADS[name]()

    def step():
        optimizer.zero_grad()
        loss(model(x), y).backward()
        optimizer.step()

    for _ in range(5):
        step()
    best, end = 1e9, time.perf_counter() + seconds
    while time.perf_counter() < end:
        start, n = time.perf_counter(), 0
        while time.perf_counter() - start < seconds / 8:
            step()
            n += 1
        best = min(best, (time.perf_counter() - start) / n)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{best * 1e3:.6g} {peak:.6g}")


main()
