"""Specs that are no specs, or that ask for too much."""

import os

from case import MIB, case, filled


def layers(text):
    return ('{"model":{"input":[4],"layers":[%s]},"loss":{"type":"MSELoss"},'
            '"optimizer":{"type":"SGD","lr":0.1},"data":{"type":"synthetic",'
            '"task":"regression","samples":4,"input":[4],"output":1},'
            '"train":{"epochs":1}}' % text)


def data(text):
    return layers('{"type":"Linear","out_features":1}').replace(
        '"samples":4,"input":[4],"output":1', text)


TEXTS = (
    ("of-depth-a-million", filled((b"[", 1000000)), "nested too deeply"),
    ("of-objects-a-million-deep", filled((b'{"a":', 1000000)),
     "nested too deeply"),
    ("of-100-mb", filled(b"[", (b" ", 100 << 20), b"]"),
     "too large: 104857602"),
    ("of-17-mb-of-text", filled(b'"', (b"a", 17 << 20), b'"'), "too large"),
    ("of-two-million-values", filled(b"[", (b"1,", 2 << 20), b"1]"),
     "too many values"),
    ("with-a-duplicate-key", b'{"model":{},"model":{}}',
     'duplicate key "model"'),
    ("with-an-escaped-duplicate", b'{"model":{},"\\u006dodel":{}}',
     'duplicate key "model"'),
    ("with-a-key-of-another-case", b'{"Model":{}}', 'Model'),
    ("with-an-escaped-nul", b'{"a":"\\u0000"}', r"\\u0000 is not allowed"),
    ("with-a-nul", b'{"a":"\0"}', "control character 0x00"),
    ("ending-in-a-nul", b"{}\0", "0x00"),
    ("with-bad-utf-8", b'{"\xc3\x28":1}', "not valid UTF-8"),
    ("with-overlong-utf-8", b'{"\xc0\xaf":1}', "not valid UTF-8"),
    ("with-a-surrogate", b'{"\xed\xa0\x80":1}', "not valid UTF-8"),
    ("with-half-a-pair", b'{"\\ud800":1}', "first half of a pair"),
    ("with-the-other-half", b'{"\\udc00":1}', "second half of a pair"),
    ("with-a-leading-zero", b'{"a":01}', "no leading zero"),
    ("with-1e999", b'{"a":1e999}', "1e999 cannot be held"),
    ("with-minus-1e999", b'{"a":-1e999}', "-1e999 cannot be held"),
    ("with-1e-999", b'{"a":1e-999}', "1e-999 cannot be held"),
    ("with-2-to-53-plus-1", b'{"a":9007199254740993}', "cannot be held"),
    ("with-a-number-of-a-megabyte", filled(b'{"a":', (b"1", 1 << 20), b"}"),
     "a number of 1048576 characters"),
    ("with-hexadecimal", b'{"a":0x10}', "not a JSON number"),
    ("with-nan", b'{"a":NaN}', "NaN"),
    ("with-infinity", b'{"a":Infinity}', "Infinity"),
    ("with-trailing-text", b"{} {}", "the end of the text"),
    ("with-a-trailing-comma", b'{"a":1,}', "a key in double quotes"),
    ("with-a-comment", b"{} // comment", "the end of the text"),
    ("with-single-quotes", b"{'a':1}", "double quotes"),
    ("with-a-raw-newline-in-text", b'{"a":"\n"}', "control character 0x0a"),
    ("with-a-bad-escape", b'{"a":"\\x41"}', "unknown escape"),
    ("with-two-byte-order-marks", b"\xef\xbb\xbf\xef\xbb\xbf{}", "."),
    ("in-utf-16", '{"a":1}'.encode("utf-16"), "UTF-16"),
    ("cut", b'{"model":{"layers":[', "unexpected end"),
    ("empty", b"", "the text is empty"),
    ("of-spaces", b" " * 1000, "the text is empty"),
    ("that-is-a-number", b"5", "object"),
    ("that-is-a-list", b"[]", "object"),
)

LINEAR = '{"type":"Linear","out_features":%s}'

MODELS = (
    ("layer-of-2-to-53", LINEAR % (2 ** 53), "memory|too large|at most"),
    ("layer-of-minus-1", LINEAR % -1, "at least 1"),
    ("layer-of-1e300", LINEAR % "1e300", "out_features"),
    ("layer-of-a-half", LINEAR % 1.5, "whole number"),
    ("layers-whose-product-wraps", ",".join([LINEAR % (1 << 32)] * 2),
     "memory|too large|at most"),
    ("layer-repeated-2-to-40-times",
     '{"type":"Sequential","repeat":1099511627776,"layers":[%s]}' %
     '{"type":"ReLU"}', "repeat"),
    ("repeats-in-repeats",
     '{"type":"Sequential","repeat":1000,"layers":[' * 6 +
     '{"type":"Linear","out_features":4}' + "]}" * 6, "repeat|layers|nested"),
    ("kernel-of-2-to-40",
     '{"type":"Unflatten","dim":1,"unflattened_size":[1,2,2]},'
     '{"type":"Conv2d","out_channels":1,"kernel_size":1099511627776}',
     "kernel"),
    ("padding-of-2-to-62",
     '{"type":"Unflatten","dim":1,"unflattened_size":[1,2,2]},'
     '{"type":"Conv2d","out_channels":1,"kernel_size":1,'
     '"padding":4611686018427387904}', "padding"),
    ("upsampled-2-to-40-times",
     '{"type":"Unflatten","dim":1,"unflattened_size":[1,2,2]},'
     '{"type":"Upsample","scale_factor":1099511627776}',
     "scale_factor|memory|too large"),
    ("reshape-that-wraps",
     '{"type":"Reshape","shape":[4294967296,4294967296,4]}', "shape"),
    ("table-of-2-to-40",
     '{"type":"Embedding","num_embeddings":1099511627776,"embedding_dim":64}',
     "Embedding|tokens"),
)

DATA = (
    ("samples-of-2-to-52", '"samples":4503599627370496,"input":[4],"output":1',
     "samples|memory"),
    ("input-that-wraps", '"samples":4,"input":[4294967296,4294967296],'
     '"output":1', "input|large|memory"),
    ("samples-times-input-wrap", '"samples":4294967295,"input":[4294967296],'
     '"output":1', "more than 4 GiB"),
    ("output-of-2-to-52", '"samples":4,"input":[4],"output":4503599627370496',
     "more than 4 GiB"),
    ("batch-of-2-to-62", '"samples":4,"input":[4],"output":1,'
     '"batch_size":4611686018427387904', "batch_size"),
)


def cases(base):
    for name, text, says in TEXTS:
        yield case("spec-" + name, "check bad.json", says, {"bad.json": text},
                   memory=256 * MIB if "million" in name else 96 * MIB)
    for name, text, says in MODELS:
        yield case("spec-" + name, "train bad.json -o new.mtc", says,
                   {"bad.json": layers(text)}, memory=96 * MIB)
    for name, text, says in DATA:
        yield case("spec-" + name, "train bad.json -o new.mtc", says,
                   {"bad.json": data(text)}, memory=96 * MIB)
    yield case("spec-fifo", "check bad.json", "not a regular file",
               {"bad.json": os.mkfifo})
    yield case("spec-dev-zero", "check bad.json", "not a regular file",
               {"bad.json": lambda path: os.symlink("/dev/zero", path)})
    yield case("option-of-a-megabyte",
               ["train", "blobs.json", "-o", "new.mtc", "a." * 50000 + "b=1"],
               r"a\.a")
    yield case("option-of-many-levels",
               ["train", "blobs.json", "-o", "new.mtc",
                "a." * 200 + "b=1"], "levels|a\\.a|expected")
    yield case("option-of-depth-100000",
               ["train", "blobs.json", "-o", "new.mtc",
                "model.x=" + "[" * 100000], "x")
    yield case("option-threads-of-2-to-64",
               "train blobs.json -o new.mtc --threads 18446744073709551617",
               "--threads", lines=3)
    yield case("option-epochs-of-2-to-64",
               "resume good.mtc --epochs 18446744073709551617", "--epochs",
               lines=3)
