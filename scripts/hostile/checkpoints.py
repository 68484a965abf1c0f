"""Checkpoints that are whole as files, and wrong in what they say: against
their spec, their optimizer, their position."""

import json
import os
import struct

import mtc
from case import case
from mtc import Array


def changed(base, change):
    """The good checkpoint after a change of its dictionary of arrays."""
    with open(os.path.join(base, "good.mtc"), "rb") as f:
        arrays = {a.name: a for a in mtc.parse(f.read())}
    change(arrays)
    return mtc.build(list(arrays.values()))


def replace(name, dtype, shape, raw):
    def change(arrays):
        arrays[name] = Array(name, dtype, shape, raw)
    return change


def remove(name):
    return lambda arrays: arrays.pop(name)


def number(name, value):
    return replace(name, "int64", [], struct.pack("<q", value))


def text(name, value):
    raw = value if isinstance(value, bytes) else value.encode()
    return replace(name, "uint8", [len(raw)], raw)


def spec(**sections):
    """Changes keys of the spec: optimizer={"type": ...}."""
    def change(arrays):
        doc = json.loads(arrays["spec/json"].raw)
        for key, value in sections.items():
            doc[key] = dict(doc.get(key, {}), **value)
        text("spec/json", json.dumps(doc))(arrays)
    return change


def floats(n):
    return struct.pack(f"<{n}f", *range(n))


TENSORS = (
    ("weight-mis-shaped", replace("model/fc1.weight", "float32", [4, 8],
                                  floats(32)),
     r"model/fc1.weight is float32 \[4, 8\], but the spec makes it"),
    ("weight-flat", replace("model/fc1.weight", "float32", [32], floats(32)),
     r"model/fc1.weight is float32 \[32\]"),
    ("weight-too-small", replace("model/fc1.bias", "float32", [1], floats(1)),
     r"model/fc1.bias is float32 \[1\]"),
    ("weight-empty", replace("model/fc1.bias", "float32", [0], b""),
     r"model/fc1.bias is float32 \[0\]"),
    ("weight-a-scalar", replace("model/fc1.bias", "float32", [], floats(1)),
     r"model/fc1.bias is float32 \[\]"),
    ("weight-of-doubles", replace("model/fc1.bias", "float64", [8], bytes(64)),
     "model/fc1.bias is float64"),
    ("weight-of-bytes", replace("model/fc1.bias", "uint8", [32], bytes(32)),
     "model/fc1.bias is uint8"),
    ("weight-missing", remove("model/fc2.bias"), "model/fc2.bias is missing"),
    ("weight-extra", replace("model/fc9.bias", "float32", [3], floats(3)),
     "1 tensor that the spec's model"),
)

MOMENTS = (
    ("moment-missing", remove("optimizer/momentum_buffer.fc1.weight"),
     "optimizer/momentum_buffer.fc1.weight is missing"),
    ("moment-extra", replace("optimizer/exp_avg.fc1.weight", "float32", [8, 4],
                             floats(32)), "1 tensor that the spec's"),
    ("moment-mis-shaped", replace("optimizer/momentum_buffer.fc1.weight",
                                  "float32", [4, 8], floats(32)),
     r"momentum_buffer.fc1.weight is float32 \[4, 8\]"),
    ("moment-of-doubles", replace("optimizer/momentum_buffer.fc2.bias",
                                  "float64", [3], bytes(24)),
     "momentum_buffer.fc2.bias is float64"),
    ("moment-of-no-tensor", replace("optimizer/momentum_buffer.fc7.bias",
                                    "float32", [3], floats(3)),
     "1 tensor that the spec's"),
    ("moment-without-its-step", remove("optimizer/step.fc1.weight"),
     "1 tensor that the spec's"),
    ("optimizer-of-another-type", spec(optimizer={"type": "Adam", "lr": 1,
                                                  "momentum": 0.9}),
     "momentum"),
    ("step-of-a-tensor-0", number("optimizer/step.fc1.bias", 0),
     "optimizer/step.fc1.bias is 0: out of range"),
    ("step-of-a-tensor-negative", number("optimizer/step.fc1.bias", -1),
     "is -1: out of range"),
    ("step-of-a-tensor-2-to-63", number("optimizer/step.fc1.bias",
                                        (1 << 63) - 1), "out of range"),
    ("step-of-a-tensor-a-float", replace("optimizer/step.fc1.bias", "float32",
                                         [], floats(1)),
     "step.fc1.bias is float32"),
    ("step-of-a-tensor-a-list", replace("optimizer/step.fc1.bias", "int64",
                                        [2], bytes(16)),
     r"step.fc1.bias is int64 \[2\]"),
)

POSITIONS = (
    ("position-step-negative", number("progress/step", -1), "out of range"),
    ("position-step-2-to-33", number("progress/step", 1 << 33),
     "out of range"),
    ("position-step-missing", remove("progress/step"),
     "progress/step is missing"),
    ("position-step-a-double", replace("progress/step", "float64", [],
                                       bytes(8)),
     r"progress/step is float64 \[\]"),
    ("position-epoch-2-to-63", number("progress/epoch", (1 << 63) - 1),
     "out of range"),
    ("position-epoch-negative", number("progress/epoch", -5), "out of range"),
    ("position-batch-beyond-the-epoch", number("progress/batch", 1000),
     "batch is 1000: out of range, expected 0 to 5"),
    ("position-batch-negative", number("progress/batch", -1), "out of range"),
    ("position-batch-without-totals", number("progress/batch", 1),
     "progress/totals is missing"),
    ("history-lists-of-other-lengths",
     replace("progress/history.step", "int64", [1], bytes(8)), "history"),
    ("history-of-doubles-as-bytes",
     replace("progress/history.lr", "uint8", [16], bytes(16)), "history"),
    ("history-longer-than-the-run",
     replace("progress/history.epoch", "int64", [100000], bytes(800000)),
     "at most 2 finished epochs"),
    ("history-of-bytes", replace("progress/history.epoch", "uint8",
                                 [1 << 20], bytes(1 << 20)),
     "history.epoch is uint8"),
)

SPECS = (
    ("spec-missing", remove("spec/json"), "has no spec"),
    ("spec-of-floats", replace("spec/json", "float32", [3], floats(3)),
     "has no spec"),
    ("spec-empty", text("spec/json", b""), "bad.mtc:1:1: the text is empty"),
    ("spec-not-json", text("spec/json", b"\0\1\2"), "bad.mtc:1:1"),
    ("spec-of-depth-a-million", text("spec/json", b"[" * 1000000),
     "nested too deeply"),
    ("spec-with-trailing-text", text("spec/json", b"{} {}"),
     "end of the text"),
    ("spec-of-a-terabyte-model",
     spec(model={"layers": [{"type": "Linear", "out_features": 1 << 20,
                             "name": "fc1"},
                            {"type": "Linear", "out_features": 1 << 20},
                            {"name": "fc2", "type": "Linear",
                             "out_features": "auto"}]}),
     "memory|missing|but the spec makes it"),
    ("data-missing", remove("spec/data.json"), "data.json"),
    ("data-not-json", text("spec/data.json", b"{"), "data.json:1:2"),
    ("data-classes-of-2-to-53", text("spec/data.json", json.dumps(
        {"classes": 2 ** 53, "x": [4], "y": [], "x_dtype": "float32"})),
     "the table has 3 classes; expected 9007199254740992"),
    ("data-fewer-names-than-classes", text("spec/data.json", json.dumps(
        {"classes": 3, "class_names": ["a"], "vocab": 0, "x": [4], "y": [],
         "x_dtype": "float32"})), "expected 3 names"),
    ("data-names-twice", text("spec/data.json", json.dumps(
        {"classes": 3, "class_names": ["a", "a", "b"], "vocab": 0, "x": [4],
         "y": [], "x_dtype": "float32"})), "not different"),
    ("data-names-that-are-numbers", text("spec/data.json", json.dumps(
        {"classes": 3, "class_names": [1, 2, 3], "vocab": 0, "x": [4], "y": [],
         "x_dtype": "float32"})), "expected a name"),
    ("mean-without-std", replace("spec/data.mean", "float32", [4], floats(4)),
     "spec/data.std is missing"),
)


FACTS = {"classes": 3, "vocab": 0, "x": [4], "y": [], "x_dtype": "float32"}


def facts(**changed):
    """What the checkpoint says of its data; None: does not."""
    doc = {k: v for k, v in dict(FACTS, **changed).items() if v is not None}
    return text("spec/data.json", json.dumps(doc))


def both(*changes):
    def change(arrays):
        for c in changes:
            c(arrays)
    return change


def norm(dtype, shape, raw):
    return both(replace("spec/data.mean", dtype, shape, raw),
                replace("spec/data.std", dtype, shape, raw))


DATA = (
    ("facts-without-x", facts(x=None), 'expected the shape "x"'),
    ("facts-without-y", facts(y=None), 'expected the shape "y"'),
    ("facts-x-a-number", facts(x=4), 'expected the shape "x"'),
    ("facts-x-of-text", facts(x=["4"]), "expected at most 7 whole numbers"),
    ("facts-x-of-zero", facts(x=[0]), "expected at most 7 whole numbers"),
    ("facts-x-of-a-half", facts(x=[4.5]), "expected at most 7 whole numbers"),
    ("facts-x-of-minus-1", facts(x=[-1]), "expected at most 7 whole numbers"),
    ("facts-x-of-2-to-41", facts(x=[2 ** 41]), "whole numbers above 0"),
    ("facts-x-of-rank-8", facts(x=[1] * 8), "expected at most 7"),
    ("facts-x-wraps", facts(x=[2 ** 32, 2 ** 32]), "shape is too large"),
    ("facts-x-too-large", facts(x=[2 ** 40, 2 ** 20]), "shape is too large"),
    ("facts-without-a-type", facts(x_dtype=None), 'expected "x_dtype"'),
    ("facts-of-an-unknown-type", facts(x_dtype="float31"), "x_dtype"),
    ("facts-type-a-number", facts(x_dtype=32), "x_dtype"),
    ("facts-classes-a-text", facts(classes="3"), "classes"),
    ("facts-names-an-object", facts(class_names={"a": 1}), "expected 3 names"),
    ("facts-fewer-features", facts(feature_names=["a"]), "expected 4 names"),
    ("facts-more-targets", facts(target_names=["a", "b"]), "expected 1 names"),
    ("facts-a-list", text("spec/data.json", "[1]"), "data.json"),
    ("facts-of-floats", replace("spec/data.json", "float32", [2], floats(2)),
     "data.json"),
    ("mean-missing", replace("spec/data.std", "float32", [4], floats(4)),
     "spec/data.mean is missing"),
    ("mean-of-integers", norm("int64", [4], bytes(32)), "do not fit"),
    ("mean-a-scalar", norm("float32", [], bytes(4)), "do not fit"),
    ("mean-of-three", norm("float32", [3], floats(3)),
     "3 values do not fit samples"),
    ("mean-longer-than-std", both(norm("float32", [4], floats(4)), replace(
        "spec/data.std", "float32", [3], floats(3))), "do not fit"),
    ("std-of-integers", both(norm("float32", [4], floats(4)), replace(
        "spec/data.std", "int64", [4], bytes(32))), "do not fit"),
)

FILES = (
    ("files-without-a-role", facts(files=[{"sha256": "0", "bytes": 1}]),
     "role"),
    ("files-of-text", facts(files=["train"]), "data.json"),
    ("files-bytes-a-text", facts(files=[{"role": "train", "sha256": "0",
                                         "bytes": "many"}]), "bytes"),
    ("files-that-are-not-there", facts(files=[{"role": "val", "sha256": "0",
                                               "bytes": 1}]),
     "was there at the start"),
    ("files-that-are-others", facts(files=[{"role": "train", "sha256": "",
                                            "bytes": 1e300}]),
     "is another file"),
)


def list_of(name, code, *values):
    dtype = {"q": "int64", "d": "float64", "B": "uint8"}[code]
    return replace("progress/history." + name, dtype, [len(values)],
                   struct.pack(f"<{len(values)}{code}", *values))


CURVES = (
    ("epochs-descend", list_of("epoch", "q", 2, 1), "does not ascend"),
    ("epochs-negative", list_of("epoch", "q", -(1 << 63), -(1 << 63)),
     "does not ascend"),
    ("epochs-of-bytes", list_of("epoch", "B", *[0] * (1 << 20)),
     "has no progress/history.epoch"),
    ("steps-missing", remove("progress/history.step"),
     "has no progress/history.step"),
    ("loss-shorter", list_of("train.loss", "d", 1.0), "for each of 2 epochs"),
    ("epochs-two-million", list_of("epoch", "q", *range(2 << 20)),
     "for each of 2097152 epochs"),
)


def cases(base):
    for name, change, says in CURVES:
        yield case("curve-" + name, "plot bad.mtc -o new.svg", says,
                   {"bad.mtc": changed(base, change)}, memory=96 << 20)
    for name, change, says in TENSORS + MOMENTS + POSITIONS + SPECS:
        yield case("checkpoint-" + name, "resume bad.mtc --epochs 3", says,
                   {"bad.mtc": changed(base, change)})
    for name, change, says in DATA:
        yield case("checkpoint-" + name, "predict bad.mtc -", says,
                   {"bad.mtc": changed(base, change)})
    for name, change, says in FILES:
        yield case("checkpoint-" + name, "resume bad.mtc --epochs 3", says,
                   {"bad.mtc": changed(base, change)})
    for name, change, says in SPECS[:5] + TENSORS[:1] + TENSORS[-2:]:
        yield case("checkpoint-" + name + "-eval", "eval bad.mtc", says,
                   {"bad.mtc": changed(base, change)})
    for name, change, says in MOMENTS[:4]:
        if name == "moment-of-doubles":
            continue  # converted, as PyTorch's are
        yield case("checkpoint-" + name + "-of-no-use-to-load",
                   "load good.mtc bad.mtc --with-optimizer -o new.mtc",
                   "optimizer|moment", {"bad.mtc": changed(base, change)},
                   lines=40)
