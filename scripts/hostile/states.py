"""State dicts in safetensors that lie."""

import json
import os
import struct

from case import MIB, case, filled


def st(header, data=b"", length=None):
    if not isinstance(header, bytes):
        header = json.dumps(header).encode()
    n = len(header) if length is None else length
    return struct.pack("<Q", n & (1 << 64) - 1) + header + data


def tensor(shape, begin, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def one(shape, begin, end, data=bytes(8), dtype="F32"):
    return st({"w": tensor(shape, begin, end, dtype)}, data)


STATES = (
    ("header-of-2-to-63", st(b"{}", length=1 << 63),
     "header's length is|not a file of a kind"),
    ("header-of-minus-1", st(b"{}", length=-1),
     "header's length is|not a file of a kind"),
    ("header-of-100-mb", st(b"{}", length=100 << 20),
     "at most 16777216 allowed"),
    ("header-past-the-end", st(b"{}", length=1000), "1000, 2 bytes are there"),
    ("header-of-nothing", st(b"", length=0), "."),
    ("shape-wraps-to-small", one([1 << 30, 1 << 32, 4], 0, 8), "too large"),
    ("shape-wraps-to-zero", one([1 << 32, 1 << 32], 0, 0, b""), "too large"),
    ("shape-hides-in-a-zero", one([0, 1 << 53, 1 << 53], 0, 0, b""),
     "too large"),
    ("shape-of-minus-1", one([-1], 0, 8), "expected a whole number"),
    ("shape-of-2-to-63", one([1 << 63], 0, 8), "expected a whole number"),
    ("shape-of-a-half", one([0.5], 0, 8), "expected a whole number"),
    ("shape-of-text", one(["2"], 0, 8), "expected a whole number"),
    ("shape-no-list", one(2, 0, 8), 'expected a list "shape"'),
    ("offsets-swapped", one([2], 8, 0), "outside the data"),
    ("offsets-past-the-end", one([4], 0, 16), "outside the data"),
    ("offset-of-minus-1", one([2], -8, 0), "two offsets"),
    ("offset-of-1e300", one([2], 0, 1e300), "two offsets"),
    ("three-offsets", st({"w": {"dtype": "F32", "shape": [2],
                                "data_offsets": [0, 8, 9]}}, bytes(8)),
     "two offsets"),
    ("size-does-not-fit", one([3], 0, 8), "8 bytes, expected 12"),
    ("hole", st({"a": tensor([1], 0, 4), "b": tensor([1], 8, 12)}, bytes(12)),
     "leave a hole or overlap"),
    ("overlap", st({"a": tensor([2], 0, 8), "b": tensor([2], 4, 12)},
                   bytes(12)), "leave a hole or overlap"),
    ("same-place-twice", st({"a": tensor([2], 0, 8), "b": tensor([2], 0, 8)},
                            bytes(8)), "leave a hole or overlap"),
    ("trailing-bytes", one([2], 0, 8, bytes(9)), "end at byte 8 of the data"),
    ("name-twice", st(b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
                      b'"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
                      bytes(8)), 'duplicate key "w"'),
    ("name-twice-escaped",
     st(b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
        b'"\\u0077":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
        bytes(8)), 'duplicate key "w"'),
    ("name-with-a-nul", st(b'{"a\\u0000b":{}}'), r"\\u0000 is not allowed"),
    ("type-a-number", st({"w": {"dtype": 1, "shape": [], "data_offsets":
                                [0, 4]}}, bytes(4)), 'a string "dtype"'),
    ("tensor-no-object", st({"w": 5}), "object that describes a tensor"),
    ("header-a-list", st(b"[]" + b" " * 20), "not a file of a kind|object"),
    ("header-with-trailing-text", st(b"{} x"), "the end of the text"),
    ("header-of-depth-10000", st(b'{"a":' * 10000), "nested too deeply"),
    ("header-of-bad-utf-8", st(b'{"\xff":0}'), "not valid UTF-8"),
    ("metadata-a-list", st({"__metadata__": []}), "expected an object"),
    ("metadata-of-numbers", st({"__metadata__": {"a": 1}}),
     "expected a string"),
    ("two-million-values", filled(struct.pack("<Q", 4 * MIB + 8), b'{"a":[',
                                  (b"1,", 2 * MIB), b"1]"),
     "too many values"),
    ("nothing", b"", "is empty"),
    ("seven-bytes", bytes(7), "not a file of a kind"),
)


def places(n):
    """The metadata have a place for each of n tensors, which come in the
    opposite order."""
    names = [f"progress/{i}" for i in range(n)]
    header = {"__metadata__": dict.fromkeys(names, "tensor")}
    header.update((name, tensor([0], 0, 0)) for name in reversed(names))
    return st(header)


def npy_pickle(path):
    with open(path, "wb") as f:
        f.write(b"\x80\x04cos\nsystem\n(S'touch /tmp/owned'\ntR.")


def cases(base):
    for name, data, says in STATES:
        memory = (256 if "million" in name else 64) << 20
        yield case("state-" + name, "load good.mtc bad.safetensors -o new.mtc",
                   says, {"bad.safetensors": data}, memory=memory)
    for name, data, says in STATES[:4] + STATES[5:7] + STATES[20:22]:
        yield case("state-" + name + "-shown", "show bad.safetensors", says,
                   {"bad.safetensors": data})
    dots = st({"../../etc/passwd": tensor([2], 0, 8)}, bytes(8))
    yield case("state-name-with-dots-is-only-a-name",
               "load good.mtc bad.safetensors -o new.mtc", "etc/passwd",
               {"bad.safetensors": dots}, lines=40)
    yield case("state-hundred-thousand-places",
               "load good.mtc bad.safetensors -o new.mtc", "missing|no tensor",
               {"bad.safetensors": places(100000)}, memory=256 << 20, lines=40)
    twice = st({"__metadata__": {"progress/step": "int64 [] " + "00" * 8},
                "progress/step": tensor([1], 0, 8, "I64")}, bytes(8))
    yield case("state-a-text-and-a-tensor",
               "save bad.safetensors -o new.safetensors",
               'progress/step": the name is there twice',
               {"bad.safetensors": twice})
    yield case("state-a-pickle", "load good.mtc bad.pt -o new.mtc",
               "not of torch.save", {"bad.pt": npy_pickle})
    # Odd names and types are listed, in characters that do no harm.
    odd = st({"\033[31m": tensor([2], 0, 8), "": tensor([1] * 9, 8, 12),
              "m" * 1025: tensor([1], 12, 20, "C64")}, bytes(20))
    yield case("state-odd", "load good.mtc bad.safetensors -o new.mtc",
               r"unexpected: \\x1b\[31m \[2\]", {"bad.safetensors": odd},
               lines=40)
    yield case("state-fifo", "load good.mtc bad.safetensors -o new.mtc",
               "not a regular file", {"bad.safetensors": os.mkfifo})
