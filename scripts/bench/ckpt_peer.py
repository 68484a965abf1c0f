#!/usr/bin/python3
"""Saves and loads the tensors of a .safetensors file in other formats.

    ckpt_peer.py FILE.safetensors

Prints MB of raw tensors per second (best of three, the file in the page cache,
not synced) and the file's size over the raw size, for torch.save, h5py with
shuffle and gzip 1 and 6, and numpy.savez_compressed, where they are installed.
"""
import json
import os
import struct
import sys
import tempfile
import time


def read_tensors(path, np):
    with open(path, "rb") as f:
        size = struct.unpack("<Q", f.read(8))[0]
        header = json.loads(f.read(size))
        data = f.read()
    types = {"F32": np.float32, "I64": np.int64, "F64": np.float64,
             "I32": np.int32, "U8": np.uint8}
    out = {}
    for name, t in header.items():
        if name != "__metadata__":
            a, b = t["data_offsets"]
            out[name] = np.frombuffer(data[a:b], types[t["dtype"]]).reshape(
                t["shape"]).copy()
    return out


def best(f, rounds):
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        f()
        times.append(time.perf_counter() - start)
    return min(times)


def report(name, path, raw, save, load, rounds=3):
    saving = best(save, rounds)
    loading = best(load, rounds)
    print(f"{name:28} {raw / saving / 1e6:8.0f} {raw / loading / 1e6:8.0f} "
          f"{os.path.getsize(path) / raw:7.3f}", flush=True)


def main():
    try:
        import numpy as np
    except ImportError:
        print("numpy is not installed (Debian: python3-numpy)")
        return
    tensors = read_tensors(sys.argv[1], np)
    raw = sum(t.nbytes for t in tensors.values())
    folder = tempfile.TemporaryDirectory()
    path = os.path.join(folder.name, "state")
    try:
        import torch
        state = {k: torch.from_numpy(v) for k, v in tensors.items()}
        report("torch.save", path, raw, lambda: torch.save(state, path),
               lambda: torch.load(path))
    except ImportError:
        print("torch.save: not installed (Debian: python3-torch)")
    try:
        import h5py

        def save(level):
            with h5py.File(path, "w") as f:
                for k, v in tensors.items():
                    if v.shape:
                        f.create_dataset(k, data=v, shuffle=True,
                                         compression="gzip",
                                         compression_opts=level)

        def load():
            with h5py.File(path, "r") as f:
                return [f[k][...] for k in f]

        for level in (1, 6):
            report(f"h5py, shuffle, gzip {level}", path, raw,
                   lambda: save(level), load, 1)
    except ImportError:
        print("h5py: not installed (Debian: python3-h5py)")
    path += ".npz"

    def load_npz():
        with np.load(path) as f:
            return [f[k] for k in f]

    report("numpy.savez_compressed", path, raw,
           lambda: np.savez_compressed(path, **tensors), load_npz, 1)


main()
