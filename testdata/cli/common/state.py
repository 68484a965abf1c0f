"""Reads and writes .safetensors: {name: (type, shape, bytes)}.

    python - <<END
    import os, sys
    sys.path.append(os.environ["TESTDATA"] + "/cli/common")
    from state import *
    END

As a script, state.py IN OUT NAME=TYPE:SHAPE:VALUE... sets tensors to a value,
and NAME= removes one.
"""
import array
import json
import re
import struct
import sys

FORMS = {"F32": "f", "F64": "d", "I32": "i", "I64": "q", "U8": "B"}
NAMES = {"int64": "I64", "float64": "F64", "float32": "F32"}


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    start = 8 + struct.unpack("<Q", data[:8])[0]
    head = json.loads(data[8:start])
    meta = head.pop("__metadata__", {})
    state = {}
    for name, entry in head.items():
        first, end = entry["data_offsets"]
        state[name] = (entry["dtype"], entry["shape"],
                       data[start + first:start + end])
    for name, text in meta.items():  # the position
        found = re.match(r"(\w+) (\[.*\]) (\w*)$", text)
        if found:
            dtype, shape, digits = found.groups()
            state[name] = NAMES[dtype], json.loads(shape), bytes.fromhex(digits)
    return state


def write(path, state):
    head, body = {}, b""
    for name, (dtype, shape, data) in state.items():
        head[name] = {"dtype": dtype, "shape": shape,
                      "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(head).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + body)


def values(tensor):
    dtype, _, data = tensor
    return array.array(FORMS[dtype], data).tolist()


def tensor(dtype, shape, numbers):
    if dtype == "BF16":  # cut off: exact where the numbers are short
        return dtype, shape, b"".join(struct.pack("<f", x)[2:]
                                      for x in numbers)
    form = {"F16": "e"}.get(dtype) or FORMS[dtype]
    return dtype, shape, struct.pack("<%d%s" % (len(numbers), form), *numbers)


def transpose(tensor_of):
    """The last two dimensions swapped."""
    dtype, shape, data = tensor_of
    rows, columns = shape[-2:]
    x = values(tensor_of)
    out = []
    for first in range(0, len(x), rows * columns):
        out += [x[first + r * columns + c]
                for c in range(columns) for r in range(rows)]
    return tensor(dtype, shape[:-2] + [columns, rows], out)


def main(source, target, *changes):
    state = read(source)
    for change in changes:
        name, value = change.split("=")
        if not value:
            del state[name]
            continue
        dtype, shape, number = value.split(":")
        shape = json.loads(shape)
        number = int(number) if dtype[0] == "I" else float(number)
        state[name] = tensor(dtype, shape, [number] * (shape + [1])[0])
    write(target, state)


if __name__ == "__main__":
    main(*sys.argv[1:])
