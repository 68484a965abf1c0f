"""Containers that lie, with every checksum right."""

import os
import struct
import zlib

import mtc
from case import MIB, case
from mtc import Array

F4 = "float32"


def small(**changes):
    a = Array("model/w", F4, [3], struct.pack("<3f", 1, 2, 3))
    a.__dict__.update(changes)
    return a


def zeros(planes, n=3, **changes):
    return small(planes=planes, raw=bytes(4 * n), shape=[n], **changes)


def damaged(name, data, says, **more):
    return case(name, "verify bad.mtc", says, {"bad.mtc": data}, exit=1, **more)


def shapes():
    huge = "its shape is too large"
    for name, shape, says in (
            ("wraps-to-small", [1 << 62, 4, 1 << 2], huge),
            ("wraps-to-zero", [1 << 32, 1 << 32], huge),
            ("of-2-to-63", [1 << 63], huge),
            ("of-minus-1", [(1 << 64) - 1], huge),
            ("hides-in-a-zero", [0, 1 << 40, 1 << 40], huge),
            ("of-a-terabyte", [1 << 38], "too small for its shape"),
            ("larger-by-one", [4], "size is not what the array's shape needs"),
            ("smaller-by-one", [2], "size is not what the array's shape needs"),
            ("of-chunks-beyond-32-bits", [1 << 52], "too small for its shape"),
    ):
        yield damaged("container-shape-" + name,
                      mtc.build([small(shape=shape)]), says)
    yield damaged("container-rank-9", mtc.build([small(shape=[1] * 9)]),
                  "more than 8 dimensions")
    yield damaged("container-rank-255", mtc.build([small(rank=255)]),
                  "cut short|more than 8 dimensions")
    pair = [small(), small(name="model/v", shape=[(1 << 61) - 1])]
    yield damaged("container-sizes-add-up-beyond-2-to-63",
                  mtc.build(pair + [small(name="model/u",
                                          shape=[(1 << 61) - 1])]),
                  "too small for its shape|too large")


def places():
    for name, changes, says in (
            ("into-the-header", {"offset": 0}, "does not begin where"),
            ("past-the-end", {"offset": 1 << 40}, "does not begin where"),
            ("of-minus-1", {"offset": -1}, "does not begin where"),
            ("of-2-to-63", {"offset": 1 << 63}, "does not begin where"),
            ("not-aligned", {"offset": 65}, "does not begin where")):
        yield damaged("container-offset-" + name,
                      mtc.build([small(**changes)]), says)
    for name, stored, says in (
            ("of-minus-1", -1, "reaches beyond the index"),
            ("of-2-to-63", 1 << 63, "reaches beyond the index"),
            ("into-the-index", 192, "reaches beyond the index"),
            ("of-nothing", 0, "too small for its shape"),
            ("not-aligned", 127, "reaches beyond the index")):
        yield damaged("container-length-" + name,
                      mtc.build([small(stored=stored)]), says)
    overlap = [small(), small(name="model/v", offset=64)]
    yield damaged("container-arrays-overlap", mtc.build(overlap),
                  "does not begin where the one before ends")
    yield damaged("container-hole-before-the-index",
                  mtc.build([small()], hole=bytes(64)),
                  "do not end where it begins")
    yield damaged("container-first-array-after-a-hole",
                  mtc.build([small(offset=128)], hole=bytes(64)),
                  "does not begin where")


def names():
    twice = [small(), small()]
    yield damaged("container-name-twice", mtc.build(twice), "is there twice")
    for name, text, says in (
            ("empty", "", "is empty"),
            ("with-a-part-of-dots", "model/../w", r'"\.\."'),
            ("with-a-dot", "model/./w", r'"\."'),
            ("absolute", "/etc/passwd", "empty part"),
            ("ending-in-a-slash", "model/", "empty part"),
            ("with-a-nul", "model/a\0b", "control character"),
            ("with-an-escape", "model/\033[2Jw", "control character"),
            ("with-a-c1-control", "model/\u009b31m", "control character"),
            ("too-long", "m" * 1025, "longer than 1024"),
            ("bad-utf-8", b"model/\xff", "UTF-8"),
            ("overlong-utf-8", b"model/\xc0\xaf", "UTF-8"),
            ("surrogate", b"model/\xed\xa0\x80", "UTF-8")):
        yield damaged("container-name-" + name, mtc.build([small(name=text)]),
                      says)
    for name, dtype in (("float16", "float16"), ("upper-case", "FLOAT32"),
                        ("with-a-nul", "float32\0"), ("empty", ""),
                        ("long", "f" * 200)):
        yield damaged("container-type-" + name,
                      mtc.build([small(dtype=dtype)]), "type is unknown")


def indexes():
    g = [small()]
    for name, given, says in (
            ("size-of-minus-1", {"index_size": (1 << 64) - 1},
             "size of the index is impossible"),
            ("size-of-a-gigabyte", {"index_size": 1 << 30},
             "size of the index is impossible"),
            ("size-of-nothing", {"index_size": 0},
             "size of the index is impossible"),
            ("in-the-header", {"index_at": 0}, "does not end where it begins"),
            ("behind-the-end", {"index_at": 1 << 62},
             "does not end where it begins"),
            ("not-aligned", {"index_at": 193}, "does not end where it begins"),
            ("of-2-to-64-arrays", {"arrays": (1 << 64) - 1},
             "number of arrays is impossible"),
            ("of-more-arrays-than-fit", {"arrays": 3},
             "number of arrays is impossible"),
            ("that-counts-otherwise", {"count": 7, "arrays": 1},
             "count is not the footer's"),
            ("with-one-array-too-few", {"count": 0, "arrays": 0},
             "bytes follow the last entry"),
            ("with-more-behind-it", {"trailing": b"more"},
             "bytes follow the last entry"),
            ("of-a-file-of-another-size", {"file_size": 1 << 20},
             "its footer says 1048576")):
        yield damaged("container-index-" + name, mtc.build(g, **given), says)
    yield case("container-version-2", "verify bad.mtc",
               "format version 2.0 is newer than this program",
               {"bad.mtc": mtc.build(g, major=2)})
    yield case("container-version-65535-shown", "show bad.mtc",
               "format version 65535.0 is newer",
               {"bad.mtc": mtc.build(g, major=65535)})
    yield case("container-version-0", "verify bad.mtc",
               "format version 0.0 is unknown",
               {"bad.mtc": mtc.build(g, major=0)})
    yield case("container-unknown-flags", "verify bad.mtc",
               "uses features that this program does not know",
               {"bad.mtc": mtc.build(g, flags=4)})
    yield damaged("container-reserved-bytes",
                  mtc.build(g, header_tail=b"\1" + bytes(43)),
                  "reserved bytes are not zero")
    yield case("container-critical-array", "verify bad.mtc",
               '"future/lock" is of a kind that this program does not know',
               {"bad.mtc": mtc.build([small(name="future/lock", flags=1)])})


def chunks():
    stored = lambda n: [(0, bytes(n))] * 4
    for name, array, says in (
            ("of-another-array", small(chunk_array=5), "another array's"),
            ("of-another-number", small(chunk_number=9), "another one of"),
            ("of-another-size", small(chunk_raw=8), "size is not what"),
            ("with-an-unknown-method", zeros([(2, bytes(3))] * 4),
             "method is unknown"),
            ("with-an-unknown-transform", small(rotate=2),
             "transform is unknown"),
            ("with-the-other-transform", small(rotate=0), "transform does not"),
            ("with-planes-of-4-gib", small(plane_sizes=[(1 << 32) - 1] * 4),
             "size is impossible"),
            ("with-planes-that-are-short", zeros(stored(2)),
             "size is impossible"),
            ("with-a-ninth-plane", small(plane_sizes=[3, 3, 3, 3, 1]),
             "does not exist")):
        yield damaged("container-chunk-" + name, mtc.build([array]), says)


def streams():
    n = 4096
    good = mtc.raw_deflate(bytes(n))
    bomb = mtc.raw_deflate(bytes(4 * n))
    with_dict = mtc.raw_deflate(b"mtrain" * 600, dictionary=b"mtrain" * 99)
    for name, stream, says in (
            ("bomb", bomb, "unpack to exactly 4096 bytes"),
            ("too-short", mtc.raw_deflate(bytes(n - 1)), "unpack to exactly"),
            ("too-long-by-one", mtc.raw_deflate(bytes(n + 1)),
             "unpack to exactly"),
            ("cut", good[:-1], "unpack to exactly|not a valid"),
            ("with-bytes-behind", good + b"x", "bytes follow its deflate"),
            ("with-a-dictionary", with_dict, "not a valid|unpack to exactly"),
            ("of-zlib", zlib.compress(bytes(n)), "not a valid|unpack"),
            ("of-noise", bytes(range(7, 64)), "not a valid|unpack"),
            ("stored-with-two-lengths",
             b"\1" + struct.pack("<HH", 9, 9 ^ 0xfffe) + bytes(9),
             "not a valid"),
            ("stored-and-longer", b"\0" + struct.pack("<HH", 9, 9 ^ 0xffff) +
             bytes(9) + good, "unpack to exactly|bytes follow"),
            ("stored-and-cut", b"\0" + struct.pack("<HH", 4096, 0xefff) +
             bytes(99), "unpack to exactly|not a valid"),
            ("that-never-ends", b"\0\0\0\xff\xff" * 20,
             "unpack to exactly|not a valid")):
        array = zeros([(1, stream)] + [(0, bytes(n))] * 3, n)
        yield damaged("container-deflate-" + name, mtc.build([array]), says)


def bombs():
    """As much as a place can promise: read by all that read, without more
    memory than the file's size allows."""
    n = 262144
    plane = mtc.raw_deflate(bytes(n), 9)
    array = zeros([(1, plane)] * 4, n)
    array.name = "model/fc1.weight"
    yield case("container-as-large-as-deflate-allows", "eval bad.mtc",
               "has no spec", {"bad.mtc": mtc.build([array])})
    flat = zeros([(1, plane)] * 4, n)
    flat.shape = [n * 1000]
    yield damaged("container-promises-a-gigabyte", mtc.build([flat]),
                  "too small for its shape")
    many = [Array(f"m/{i}", F4, [0], b"") for i in range(100000)]
    many[77777].name = "m/5"
    yield damaged("container-hundred-thousand-names", mtc.build(many),
                  '"m/5" is there twice', memory=128 * MIB)


def kinds():
    def zero(path):
        os.symlink("/dev/zero", path)

    def loop(path):
        os.symlink("bad.mtc", path)

    def sparse(path):
        with open(path, "wb") as f:
            f.truncate(1 << 40)

    for name, made, says in (
            ("fifo", os.mkfifo, "not a regular file"),
            ("directory", os.mkdir, "is a directory"),
            ("dev-zero", zero, "not a regular file"),
            ("link-to-itself", loop, "symbolic links"),
            ("terabyte-of-nothing", sparse, "not an mtrain checkpoint")):
        for command in ("verify", "show", "resume"):
            if name == "fifo" or command == "verify":
                yield case(f"container-{name}-{command}", f"{command} bad.mtc",
                           says if name == "terabyte-of-nothing"
                           else says + "|not a file of a kind",
                           {"bad.mtc": made})


def cases(base):
    for part in (shapes, places, names, indexes, chunks, streams, bombs,
                 kinds):
        yield from part()
