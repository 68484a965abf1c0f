"""Pictures, named by a table of two."""

import os
import struct
import zlib

from case import MIB, case

SPEC = ('{"model":{"layers":[{"type":"Flatten"},{"type":"Linear",'
        '"out_features":"auto"}]},"loss":{"type":"CrossEntropyLoss"},'
        '"optimizer":{"type":"SGD","lr":0.1},"data":{"type":"images",'
        '"train":"list.csv","size":8},"train":{"steps":1}}')

CIFAR = SPEC.replace('"images"', '"cifar"').replace('list.csv', 'bad.bin') \
            .replace(',"size":8', '')

PICTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                        "../../testdata/pictures")


def chunk(kind, body):
    return (struct.pack(">I", len(body)) + kind + body +
            struct.pack(">I", zlib.crc32(kind + body)))


def png(width, height, data, extra=b""):
    return (b"\x89PNG\r\n\x1a\n" +
            chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0,
                                       0)) +
            extra + chunk(b"IDAT", data) + chunk(b"IEND", b""))


def read(name):
    with open(os.path.join(PICTURES, name), "rb") as f:
        return f.read()


def sized(jpeg, width, height):
    """With other sides in its frame header."""
    at = max(jpeg.find(b"\xff\xc0"), jpeg.find(b"\xff\xc2")) + 5
    return jpeg[:at] + struct.pack(">HH", height, width) + jpeg[at + 4:]


def changed(data, at):
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1:]


def cases(base):
    good = zlib.compress(b"\0" * 25 * 8)
    zeros = zlib.compress(b"\0" * 100 * MIB, 9)
    whole_png, whole_jpeg = read("rgb.png"), read("rgb.jpg")
    progressive = read("progressive.jpg")
    for name, data, says, memory in (
            ("png-of-2-to-62", png(2 ** 31 - 1, 2 ** 31 - 1, good), "PNG", 64),
            ("png-of-no-width", png(0, 8, good), "PNG", 64),
            ("png-of-4e9-pixels", png(65500, 65500, good), "65500 x 65500", 64),
            ("png-of-less-data", png(8000, 8000, good), "damaged PNG", 320),
            ("png-of-text", png(8, 8, b"", chunk(b"zTXt", b"a\0\0" + zeros)),
             "damaged PNG", 128),
            ("png-cut", whole_png[:-20], "damaged PNG.*too early", 64),
            ("png-flipped-size", changed(whole_png, 19), "damaged PNG", 64),
            ("png-flipped-data", changed(whole_png, 300), "damaged PNG", 64),
            ("jpeg-of-4e9-pixels", sized(whole_jpeg, 65500, 65500),
             "65500 x 65500", 64),
            ("jpeg-of-no-height", sized(whole_jpeg, 19, 0), "damaged JPEG", 64),
            ("jpeg-of-less-data", sized(whole_jpeg, 8000, 8000), "damaged JPEG",
             320),
            ("jpeg-progressive-of-less-data", sized(progressive, 8000, 8000),
             "damaged JPEG", 640),
            ("jpeg-cut", whole_jpeg[:-20], "damaged JPEG", 64),
            ("jpeg-only-ends", b"\xff\xd8\xff\xd9aaaa", "damaged JPEG", 64),
            ("empty", b"", "neither a PNG nor a JPEG", 64),
            ("other", b"GIF89a" + bytes(100), "neither a PNG nor a JPEG", 64),
            ("fifo", os.mkfifo, "not a regular file", 64),
            ("directory", os.mkdir, "is a directory", 64)):
        yield case("picture-" + name, "train -q bad.json -o new.mtc",
                   "bad.png: .*(" + says + ")",
                   {"bad.png": data, "good.png": whole_png,
                    "list.csv": "bad.png,a\ngood.png,b\n", "bad.json": SPEC},
                   memory=memory * MIB)
    for name, data in (("empty", b""), ("cut", bytes(3072)),
                       ("two-sizes", bytes(3073 + 3074))):
        yield case("cifar-" + name, "train -q bad.json -o new.mtc",
                   "bad.bin: .*expected records",
                   {"bad.bin": data, "bad.json": CIFAR})
