#!/usr/bin/python3
"""The benchmark workloads in PyTorch: prints milliseconds per step and peak MB.

    peer.py WORKLOAD THREADS SECONDS

One process, one workload: random data of the right shape made once, so that
only the step is timed (zero_grad, forward, backward, optimizer step). The best
of eight windows counts.
"""
import resource
import sys
import time

import torch
from torch import nn


def adam(model):
    return torch.optim.Adam(model.parameters())


def images(batch, *shape):
    return torch.randn(batch, *shape), torch.randint(0, 10, (batch,))


def tokens(batch, steps, vocab):
    return (torch.randint(0, vocab, (batch, steps)),
            torch.randint(0, vocab, (batch, steps)))


def tiny():
    model = nn.Linear(10, 1)
    return (model, (torch.randn(1, 10), torch.randn(1, 1)), nn.MSELoss(),
            torch.optim.SGD(model.parameters(), lr=0.001))


def mlp():
    model = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128),
                          nn.ReLU(), nn.Linear(128, 10))
    return model, images(64, 784), nn.CrossEntropyLoss(), adam(model)


def mlp_big():
    model = nn.Sequential(nn.Linear(784, 2048), nn.ReLU(),
                          nn.Linear(2048, 2048), nn.ReLU(),
                          nn.Linear(2048, 10))
    return model, images(256, 784), nn.CrossEntropyLoss(), adam(model)


def cnn():
    model = nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(),
                          nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
                          nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(),
                          nn.Linear(128, 10))
    return model, images(64, 1, 28, 28), nn.CrossEntropyLoss(), adam(model)


class Block(nn.Module):
    """Two 3x3 convolutions and a shortcut (He et al. 2015, CIFAR form)."""

    def __init__(self, c_in, c_out, stride):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False),
            nn.BatchNorm2d(c_out), nn.ReLU(),
            nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False),
            nn.BatchNorm2d(c_out))
        self.short = nn.Identity() if c_in == c_out else nn.Sequential(
            nn.Conv2d(c_in, c_out, 1, stride, bias=False),
            nn.BatchNorm2d(c_out))

    def forward(self, x):
        return torch.relu(self.body(x) + self.short(x))


def resnet20():
    layers = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16),
              nn.ReLU()]
    for c_in, c_out, stride in ((16, 16, 1), (16, 32, 2), (32, 64, 2)):
        layers += [Block(c_in, c_out, stride), Block(c_out, c_out, 1),
                   Block(c_out, c_out, 1)]
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                          nn.Linear(64, 10))
    return (model, images(128, 3, 32, 32), nn.CrossEntropyLoss(),
            torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9,
                            weight_decay=1e-4))


class CharLSTM(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(65, 64)
        self.rnn = nn.LSTM(64, 256, 2, batch_first=True)
        self.head = nn.Linear(256, 65)

    def forward(self, x):
        return self.head(self.rnn(self.embed(x))[0]).transpose(1, 2)


def lstm():
    model = CharLSTM()
    return model, tokens(32, 64, 65), nn.CrossEntropyLoss(), adam(model)


class SmallGPT(nn.Module):
    def __init__(self, steps):
        super().__init__()
        self.tok = nn.Embedding(65, 128)
        self.pos = nn.Parameter(torch.randn(steps, 128))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(128, 4, 512, 0.0, "gelu",
                                       batch_first=True, norm_first=True)
            for _ in range(4))
        self.ln = nn.LayerNorm(128)
        self.head = nn.Linear(128, 65, bias=False)
        self.register_buffer("mask", torch.triu(
            torch.full((steps, steps), float("-inf")), 1))

    def forward(self, x):
        h = self.tok(x) + self.pos
        for block in self.blocks:
            h = block(h, self.mask)
        return self.head(self.ln(h)).transpose(1, 2)


def gpt(batch=16, steps=128):
    model = SmallGPT(steps)
    return (model, tokens(batch, steps, 65), nn.CrossEntropyLoss(),
            torch.optim.AdamW(model.parameters(), lr=0.001))


def gpt_small():
    """The run of nanoGPT's README on a CPU: batch 12, 64 characters."""
    return gpt(12, 64)


WORKLOADS = {"tiny": tiny, "mlp": mlp, "mlp-big": mlp_big, "cnn": cnn,
             "resnet20": resnet20, "lstm": lstm, "gpt": gpt,
             "gpt-small": gpt_small}


def main():
    name, threads, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    torch.set_num_threads(threads)
    model, (x, y), loss, optimizer = WORKLOADS[name]()

    def step():
        optimizer.zero_grad()
        loss(model(x), y).backward()
        optimizer.step()

    for _ in range(3):
        step()
    best, end = 1e9, time.perf_counter() + seconds
    while time.perf_counter() < end:
        start, n = time.perf_counter(), 0
        while n == 0 or time.perf_counter() - start < seconds / 8:
            step()
            n += 1
        best = min(best, (time.perf_counter() - start) / n)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{best * 1e3:.6g} {peak:.6g}")


main()
