#!/usr/bin/python3
"""Writes the files of torch.save in this folder, and next to each the same
tensors as NAME.npz (bfloat16 as the float32 of the same value). PyTorch 1.13.
"""
import collections
import os
import sys

import numpy as np
import torch

out = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
os.chdir(out)
torch.manual_seed(1)


def numpy(t):
    t = t.detach()
    return (t.float() if t.dtype == torch.bfloat16 else t).numpy()


def put(name, value, tensors, **options):
    torch.save(value, name + ".pt", **options)
    tensors = {k: np.ascontiguousarray(numpy(v)) for k, v in tensors.items()}
    tensors = {k: v.reshape(t.shape) for (k, v), t in zip(tensors.items(), tensors.values())}
    np.savez(name + ".npz", **tensors)


base = torch.arange(24.0).reshape(2, 3, 4)
shared = torch.arange(10.0)
types = {
    "f32": torch.randn(3, 2), "f64": torch.randn(2, dtype=torch.float64),
    "f16": torch.randn(5).half(), "bf16": torch.randn(5).bfloat16(),
    "i64": torch.tensor([-1, 2 ** 40]), "i32": torch.tensor([7], dtype=torch.int32),
    "i16": torch.tensor([-2, 3], dtype=torch.int16),
    "i8": torch.tensor([-3, 3], dtype=torch.int8),
    "u8": torch.tensor([255], dtype=torch.uint8),
    "bool": torch.tensor([True, False]), "scalar": torch.tensor(5),
    "empty": torch.zeros(0, 3), "transposed": base[0].t(), "permuted": base.permute(2, 0, 1),
    "sliced": base[:, 1:, ::2], "offset": shared[3:7], "again": shared[5:],
    "expanded": torch.tensor([1.5]).expand(3, 2),
}
put("types", types, types)
put("types_old", types, types, _use_new_zipfile_serialization=False)
for protocol in (3, 4):
    put("protocol%d" % protocol, collections.OrderedDict(types), types, pickle_protocol=protocol)

model = torch.nn.Sequential(collections.OrderedDict(
    fc=torch.nn.Linear(3, 2), bn=torch.nn.BatchNorm1d(2)))
state = model.state_dict()
put("module", state, state)
put("parameters", dict(model.named_parameters()), dict(model.named_parameters()))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01, betas=(0.8, 0.99))
for _ in range(3):
    optimizer.zero_grad()
    model(torch.randn(4, 3)).pow(2).sum().backward()
    optimizer.step()
state = model.state_dict()
adam = optimizer.state_dict()
whole = {"model": state, "optimizer": adam, "epoch": 3, "best": 0.5, "name": "run",
         "rng_state": torch.get_rng_state(), "size": state["fc.weight"].size(),
         "device": torch.device("cpu"), "dtype": torch.float32, "tags": {"a", "b"},
         "none": None, "big": 2 ** 100, "raw": b"\0\xff", "list": [1, (2.5, True)],
         "count": collections.Counter("abca"), "missing": collections.defaultdict(list, {"x": [1]})}
moments = {"optimizer.%s.%d" % (s, i): v[s] if torch.is_tensor(v[s]) else torch.tensor(v[s])
           for i, v in adam["state"].items() for s in v}
put("checkpoint", whole, {**state, **moments})
put("checkpoint_old", whole, {**state, **moments}, _use_new_zipfile_serialization=False)
put("nested", {"nets": [{"sd": {"w": base}}], "opt": adam, "epoch": 1}, {"w": base, **moments})
put("two", {"model": {"w": base}, "ema": {"shadow": {"w": -base}}}, {"w": base})
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=9)
put("objects", {"model": state, "scheduler": schedule.state_dict()}, state)
torch.save(model, "whole_module.pt")
torch.save(torch.ones(3), "tensor.pt")
