#!/usr/bin/python3
"""The benchmark workloads in PyTorch, at any of its settings.

    peer.py train|eval WORKLOAD THREADS

Answers lines of JSON: {"set": SETTING} builds the workload anew, runs it warm
and is answered by {"parameters": N}; {"turn": SECONDS} is answered by {"value":
MILLISECONDS} of a step. Data
are random, of the right shape, and made once. A step of `train` is zero_grad,
forward, backward and optimizer step; one of `eval` the forward pass alone.
SETTING has

    layout       "NCHW" or "channels_last", of images and weights
    foreach      of the optimizer: one call for all tensors
    set_to_none  of zero_grad
    mode         of eval: "no_grad", "inference_mode", "traced" (and frozen) or
                 "optimized" (optimize_for_inference of that)

What cannot be set is answered by {"error": TEXT}. Subnormal numbers are
flushed, since they only cost time here.
"""
import contextlib
import json
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


def lay_out(model, x, layout):
    if layout == "channels_last":
        return (model.to(memory_format=torch.channels_last),
                x.to(memory_format=torch.channels_last))
    return model, x


def training(name, setting):
    model, (x, y), loss, optimizer = WORKLOADS[name]()
    model, x = lay_out(model, x, setting["layout"])
    for group in optimizer.param_groups:
        group["foreach"] = setting["foreach"]

    def step():
        optimizer.zero_grad(set_to_none=setting["set_to_none"])
        loss(model(x), y).backward()
        optimizer.step()

    return step, model


def inference(name, setting):
    model, (x, _), _, _ = WORKLOADS[name]()
    model, x = lay_out(model.eval(), x, setting["layout"])
    plain, mode = model, setting["mode"]
    guard = torch.inference_mode if mode == "inference_mode" else torch.no_grad
    if mode in ("traced", "optimized"):
        with torch.no_grad():
            model = torch.jit.freeze(torch.jit.trace(model, x))
            if mode == "optimized":
                model = torch.jit.optimize_for_inference(model)

    def step():
        with guard():
            model(x)

    return step, plain


KINDS = {"train": training, "eval": inference}
WARM = 3  # steps; a trace is compiled by its second


def answer(question, kind, name, state):
    if "set" in question:
        state.pop("step", None)  # its memory may be used again
        state["step"], model = KINDS[kind](name, question["set"])
        for _ in range(WARM):
            state["step"]()
        return {"parameters": sum(p.numel() for p in model.parameters())}
    seconds, step, n = question["turn"], state["step"], 0
    start = now = time.perf_counter()
    while n == 0 or now - start < seconds:
        step()
        now = time.perf_counter()
        n += 1
    return {"value": (now - start) / n * 1e3}


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in KINDS or \
            sys.argv[2] not in WORKLOADS:
        sys.exit(__doc__)
    kind, name, threads = sys.argv[1:]
    torch.set_flush_denormal(True)
    torch.set_num_threads(int(threads))
    state = {}
    for line in sys.stdin:
        try:
            with contextlib.redirect_stdout(sys.stderr):
                result = answer(json.loads(line), kind, name, state)
        except Exception as error:  # of any part of torch
            text = str(error).strip() or type(error).__name__
            result = {"error": text.splitlines()[-1]}
        print(json.dumps(result), flush=True)


main()
