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


# --- training checkpoints, and where 50 more steps lead -----------------------


def split(model, optimizer, **options):
    """Weights in one group, vectors in another without decay."""
    parameters = list(model.parameters())
    return optimizer([{"params": [p for p in parameters if p.dim() > 1]},
                      {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0}],
                     **options)


# A bias before a BatchNorm layer, and that of attention's keys, have no gradient
# but rounding, of which Adam makes whole steps: no two programs agree on them.
def train(name, model, optimizer, x, y, loss, old=False):
    def steps(n):
        for _ in range(n):
            optimizer.zero_grad()
            loss(model(x), y).backward()
            optimizer.step()

    steps(10)
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 10},
               "train_%s.pt" % name, _use_new_zipfile_serialization=not old)
    np.save("train_%s_x.npy" % name, x.numpy())
    np.save("train_%s_y.npy" % name, y.numpy())
    steps(50)
    np.savez("train_%s_after.npz" % name, **{k: numpy(v) for k, v in model.state_dict().items()})


class Last(torch.nn.Module):
    def __init__(self, rnn):
        super().__init__()
        self.rnn = rnn
        for k, v in list(rnn.named_parameters()):
            self.register_parameter(k, v)
        del self.rnn
        self.run = [rnn]

    def forward(self, x):
        return self.run[0](x)[0][:, -1]


nn, named = torch.nn, collections.OrderedDict
torch.manual_seed(2)
mlp = nn.Sequential(named(fc1=nn.Linear(4, 8), act=nn.Tanh(), fc2=nn.Linear(8, 3)))
train("mlp", mlp, split(mlp, torch.optim.Adam, lr=0.01, weight_decay=0.1),
      torch.randn(16, 4), torch.randn(16, 3), nn.MSELoss())
cnn = nn.Sequential(named(conv=nn.Conv2d(1, 4, 3, bias=False), bn=nn.BatchNorm2d(4), act=nn.ReLU(),
                          pool=nn.MaxPool2d(2), flat=nn.Flatten(), fc=nn.Linear(16, 3)))
train("cnn", cnn, split(cnn, torch.optim.AdamW, lr=0.01, weight_decay=0.05, amsgrad=True),
      torch.randn(12, 1, 6, 6), torch.randint(3, (12,)), nn.CrossEntropyLoss())
lstm = nn.Sequential(named(rnn=Last(nn.LSTM(3, 5, batch_first=True, bidirectional=False, num_layers=2)),
                           fc=nn.Linear(5, 2)))
train("lstm", lstm, torch.optim.SGD(lstm.parameters(), lr=0.05, momentum=0.9, nesterov=True),
      torch.randn(8, 6, 3), torch.randn(8, 2), nn.MSELoss(), old=True)
encoder = nn.Sequential(named(enc=nn.TransformerEncoderLayer(8, 2, 8, dropout=0.0, batch_first=True),
                              flat=nn.Flatten(), fc=nn.Linear(24, 2)))
train("encoder", encoder, torch.optim.Adam(encoder.parameters(), lr=0.003),
      torch.randn(8, 3, 8), torch.randn(8, 2), nn.MSELoss())
tied = nn.Sequential(named(tok=nn.Embedding(7, 4), act=nn.Tanh(), head=nn.Linear(4, 7, bias=False)))
tied.head.weight = tied.tok.weight
train("tied", tied, torch.optim.SGD(tied.parameters(), lr=0.05, momentum=0.9),
      torch.randint(7, (20, 3)), torch.randint(7, (20, 3)),
      lambda out, y: nn.functional.cross_entropy(out.reshape(-1, 7), y.reshape(-1)))
frozen = nn.Sequential(named(fc1=nn.Linear(4, 8), act=nn.Tanh(), fc2=nn.Linear(8, 3)))
frozen.fc1.requires_grad_(False)
train("frozen", frozen, torch.optim.Adam([p for p in frozen.parameters() if p.requires_grad]),
      torch.randn(16, 4), torch.randn(16, 3), nn.MSELoss())
twice = nn.Sequential(named(fc1=nn.Linear(4, 4), fc2=nn.Linear(4, 4)))
train("twice", twice, torch.optim.Adam([{"params": twice.fc2.parameters()},
                                        {"params": twice.fc1.parameters()}], lr=0.01),
      torch.randn(4, 4), torch.randn(4, 4), nn.MSELoss())
for part in ("x.npy", "y.npy", "after.npz"):
    os.remove("train_twice_" + part)
