"""Data files of arrays: NumPy's and IDX, plain and gzipped."""

import gzip
import os
import struct
import zlib

from case import MIB, case, filled


def npy(text, body=b"", major=1, length=None):
    raw = text if isinstance(text, bytes) else text.encode()
    n = len(raw) if length is None else length
    return (b"\x93NUMPY" + bytes((major, 0)) +
            n.to_bytes(2 if major == 1 else 4, "little") + raw + body)


def head(descr="<f4", shape="(64, 6)", order="False"):
    return ("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }\n" %
            (descr, order, shape))


def floats(*values):
    return struct.pack(f"<{len(values)}f", *values)


BODY = bytes(64 * 6 * 4)
NAN, INF = float("nan"), float("inf")

X = (
    ("header-of-4-gib", npy(b"{", major=2, length=(1 << 32) - 1),
     "a header of 4294967295 bytes"),
    ("header-past-the-end", npy(b"{", length=60000),
     "ends within its header"),
    ("header-cut", npy(head(), b"")[:20], "ends within its header"),
    ("version-9", npy(head(), BODY, major=9), "version 9.0"),
    ("not-numpy", b"PK\3\4" + bytes(100), "not an .npy file"),
    ("empty", b"", "the file is empty"),
    ("pickled-objects", npy(head("|O"), b"\x80\x04cos\nsystem\n."),
     r'type "\|O"'),
    ("code-for-a-header", npy("__import__('os').system('id')\n", BODY),
     r'expected "\{"'),
    ("structured", npy("{'descr': [('a', '<f4')], ", BODY),
     'type "structured"'),
    ("half-body", npy(head(">f2"), BODY), "bytes of elements"),
    ("fortran-half", npy(head("<i2", order="True"), BODY), "bytes of elements"),
    ("text", npy(head("<U8"), BODY), "type"),
    ("complex", npy(head("<c8"), BODY), "type"),
    ("type-unknown", npy(head("<f16"), BODY), "type"),
    ("shape-of-minus-1", npy(head(shape="(-1, 6)"), BODY),
     "expected a dimension"),
    ("shape-of-2-to-64", npy(head(shape="(18446744073709551616, 6)"), BODY),
     "too large"),
    ("shape-of-2-to-63", npy(head(shape="(9223372036854775808, 6)"), BODY),
     "bytes of elements; expected"),
    ("shape-wraps-to-small", npy(head(shape="(64, 6, 3074457345618258603, "
                                            "3074457345618258603)"), BODY),
     "bytes of elements; expected"),
    ("shape-wraps-to-zero", npy(head(shape="(4294967296, 4294967296)"), b""),
     "bytes of elements; expected"),
    ("shape-of-zero", npy(head(shape="(0, 6)")), "no dimension of 0"),
    ("shape-that-hides-in-a-zero",
     npy(head(shape="(0, 9223372036854775807)")), "no dimension of 0"),
    ("shape-scalar", npy(head(shape="()"), bytes(4)), "no dimensions"),
    ("shape-of-names", npy(head(shape="(n, 6)"), BODY),
     "expected a dimension"),
    ("rank-9", npy(head(shape="(" + "1, " * 9 + ")"), bytes(4)),
     "more than 8 dimensions"),
    ("rank-100000", npy(head(shape="(" + "1, " * 20000 + ")"), bytes(4)),
     "more than 8 dimensions"),
    ("key-twice", npy("{'descr': '<f4', 'descr': '<f4', ", BODY),
     "repeated key"),
    ("key-unknown", npy("{'evil': '<f4', ", BODY), "unknown key"),
    ("header-of-nul-bytes", npy(bytes(100), BODY), r'expected "\{"'),
    ("elements-cut", npy(head(), BODY[:-1]), "1535 bytes of elements"),
    ("elements-more", npy(head(), BODY + b"x"), "1537 bytes of elements"),
    ("with-nan", npy(head(shape="(64,)"), floats(*[NAN] * 64)),
     "sample 0, element 0: NaN"),
    ("with-infinity", npy(head(), floats(*[INF] * 384)), "infinity"),
    ("with-doubles-too-large", npy(head("<f8"), struct.pack(
        "<384d", *[1e300] * 384)), "too large for float32"),
    ("that-promises-4-gib", npy(head(shape="(64, 16777216)"), BODY),
     "bytes of elements; expected"),
)

Y = (
    ("labels-negative", npy(head("<i8", "(64,)"), struct.pack(
        "<64q", *[-5] * 64)), "every label is negative"),
    ("labels-of-2-to-63", npy(head("<i8", "(64,)"), struct.pack(
        "<64q", *[(1 << 63) - 1] * 64)), "label 9223372036854775807 is out"),
    ("labels-of-minus-2-to-63", npy(head("<i8", "(64,)"), struct.pack(
        "<64q", *[0] * 63, -(1 << 63))), "out of range"),
    ("labels-beyond-a-model", npy(head("<i4", "(64,)"), struct.pack(
        "<64i", *[0] * 63, 1 << 30)), "memory|out of range|classes|large"),
    ("labels-of-floats", npy(head("<f4", "(64,)"), bytes(256)),
     "expected integers"),
    ("labels-fewer-than-inputs", npy(head("<i4", "(63,)"), bytes(252)),
     "63 samples; expected 64"),
)


def idx(dims, body=b"", kind=8):
    return (bytes((0, 0, kind, len(dims))) +
            b"".join(struct.pack(">I", d) for d in dims) + body)


def raw_gzip(data, flags=0, extra=b""):
    body = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = body.compress(data) + body.flush()
    return (b"\x1f\x8b\x08" + bytes((flags,)) + bytes(6) + extra + packed +
            struct.pack("<II", zlib.crc32(data), len(data) & 0xffffffff))


IMAGES = idx([4, 2, 2], bytes(16))
LARGE = (1 << 32) - 1
BAD_CRC = bytearray(gzip.compress(IMAGES, mtime=0))
BAD_CRC[-5] ^= 1

IDX = (
    ("product-beyond-32-bits", idx([65536, 65536, 16], bytes(64)),
     "cannot hold more than"),
    ("product-wraps-to-zero", idx([1 << 31, 1 << 31, 4], bytes(16)),
     "cannot hold more than"),
    ("product-beyond-64-bits", idx([LARGE] * 8, bytes(16)),
     "cannot hold more than"),
    ("dimension-of-zero", idx([4, 0, 2]), "dimension 1 is 0"),
    ("no-dimensions", idx([]), "0 dimensions"),
    ("dimensions-255", b"\0\0\x08\xff" + bytes(2000), "255 dimensions"),
    ("dimensions-cut", IMAGES[:9], "dimensions end after"),
    ("header-cut", b"\0\0\x08", "header end after"),
    ("empty", b"", "header end after 0"),
    ("elements-cut", IMAGES[:-1], "cannot hold more than|elements end"),
    ("elements-more", IMAGES + b"x", "more bytes than the header says"),
    ("of-floats", idx([4, 2, 2], bytes(64), kind=0x0d), "32-bit floats"),
    ("of-unknown-type", idx([4, 2, 2], bytes(16), kind=0x77),
     "no known type"),
    ("not-idx", b"PNG" + bytes(40), "not an IDX file"),
    ("labels-for-images", idx([4], bytes(4)), "in this order"),
    ("gzip-bomb", filled(gzip.compress(idx([4, 2, 2]) + bytes(200 * MIB), 9,
                                       mtime=0)),
     "more bytes than the header says"),
    ("gzip-that-promises-a-terabyte",
     gzip.compress(idx([LARGE, 16, 16]), mtime=0), "cannot hold more than"),
    ("gzip-cut", gzip.compress(IMAGES, mtime=0)[:-3], "cut short"),
    ("gzip-header-alone", b"\x1f\x8b\x08\0\0\0\0\0\0\xff", "cut short"),
    ("gzip-of-too-few", gzip.compress(IMAGES[:-4], mtime=0),
     "elements end after"),
    ("gzip-wrong-crc", bytes(BAD_CRC), "damaged gzip data"),
    ("gzip-wrong-length",
     gzip.compress(IMAGES, mtime=0)[:-4] + b"\1\2\3\4", "damaged gzip data"),
    ("gzip-noise-behind", gzip.compress(IMAGES, mtime=0) + b"\x1f\x8bnoise",
     "damaged gzip data|cut short"),
    ("gzip-of-a-dictionary", b"\x1f\x8b\x08\0" + bytes(6) + b"\x78\xbb" +
     bytes(60), "damaged gzip data"),
    ("gzip-of-gzip", gzip.compress(gzip.compress(IMAGES, mtime=0), mtime=0),
     "not an IDX file"),
    ("gzip-of-a-reserved-flag", raw_gzip(IMAGES, flags=0xe0),
     "damaged gzip data"),
    ("gzip-name-that-never-ends", b"\x1f\x8b\x08\x08" + bytes(6) +
     b"a" * 100000, "cut short"),
)

SPEC = ('{"model":{"layers":[{"type":"Flatten"},{"type":"Linear",'
        '"out_features":%s}]},"loss":{"type":"CrossEntropyLoss"},'
        '"optimizer":{"type":"SGD","lr":0.1},"data":{"type":"%s",'
        '"train":["%s","%s"]},"train":{"steps":1}}')


def spec(kind, x, y, classes='"auto"'):
    return SPEC % (classes, kind, x, y)


def cases(base):
    y = "data/xy-y.npy"
    for name, data, says in X:
        yield case("npy-" + name, "train bad.json -o new.mtc", says,
                   {"bad.npy": data, "bad.json": spec("npy", "bad.npy", y)})
    for name, data, says in Y:
        yield case("npy-" + name, "train bad.json -o new.mtc", says,
                   {"bad.npy": data,
                    "bad.json": spec("npy", "data/xy-x.npy", "bad.npy")},
                   memory=96 * MIB)
    for name, data, says in IDX:
        yield case("idx-" + name, "train bad.json -o new.mtc", says,
                   {"bad.idx": data, "labels": idx([4], bytes(4)),
                    "bad.json": spec("idx", "bad.idx", "labels")})
    for name, labels, classes, says in (
            ("labels-outside-the-classes", idx([4], b"\0\1\2\xff"), 3,
             "label 255 is out of range: expected 0 to 2"),
            ("labels-fewer-than-images", idx([3], bytes(3)), 3,
             "3 labels; expected 4"),
            ("labels-more-than-images", idx([5], bytes(5)), 3,
             "5 labels; expected 4"),
            ("images-for-labels", IMAGES, 3, "in this order")):
        yield case("idx-" + name, "train bad.json -o new.mtc", says,
                   {"bad.idx": IMAGES, "labels": labels,
                    "bad.json": spec("idx", "bad.idx", "labels", classes)})
    for name, made, says in (("fifo", os.mkfifo, "not a regular file"),
                             ("directory", os.mkdir, "is a directory"),
                             ("dev-zero", lambda path:
                              os.symlink("/dev/zero", path),
                              "not a regular file")):
        for kind in ("npy", "idx"):
            yield case(f"{kind}-{name}", "train bad.json -o new.mtc", says,
                       {"bad": made, "bad.json": spec(kind, "bad", y)})
    for name, data in (("npy-code-for-a-header-predicted", X[7][1]),
                       ("npy-shape-wraps-predicted", X[17][1]),
                       ("idx-product-wraps-predicted", IDX[1][1])):
        yield case(name, "predict good.mtc bad", ".", {"bad": data})
