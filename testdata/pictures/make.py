#!/usr/bin/python3
"""Writes the pictures of this folder, and beside each NAME.raw, what Pillow
makes of it: RGB, L, and the RGB resized to 31 x 29 and to 5 x 7 (width x
height), one after the other. Only needed to add a picture."""
import os
import struct
import zlib

import numpy as np
from PIL import Image

os.chdir(os.path.dirname(os.path.abspath(__file__)))
W, H = 19, 13
rng = np.random.default_rng(7)
y, x = np.mgrid[0:H, 0:W]
smooth = np.stack([x * 13, y * 19, 255 - x * 6 - y * 10], axis=2)
noise = rng.integers(-40, 40, smooth.shape)
rgb = np.clip(smooth + noise, 0, 255).astype(np.uint8)
colour = Image.fromarray(rgb, "RGB")
grey = colour.convert("L")
alpha = Image.fromarray(rng.integers(0, 256, (H, W)).astype(np.uint8), "L")


def chunk(kind, body):
    crc = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)


def png(name, depth, kind, passes, interlaced=0):
    """passes: arrays of bytes, (rows, bytes of a row)"""
    rows = b"".join(b"\0" + bytes(r) for p in passes if p.size for r in p)
    head = struct.pack(">IIBBBBB", W, H, depth, kind, 0, 0, interlaced)
    with open(name, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) +
                chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


grey.convert("1").save("bit.png")
grey.save("grey.png")
Image.merge("LA", (grey, alpha)).save("grey-alpha.png")
colour.quantize(11).save("palette.png")
colour.quantize(11).save("palette-clear.png", transparency=3)
colour.save("rgb.png")
colour.save("rgb-clear.png", transparency=tuple(int(v) for v in rgb[2, 3]))
Image.merge("RGBA", (*colour.split(), alpha)).save("rgba.png")
deep = rgb.astype(">u2") * 256 + rng.integers(0, 256, rgb.shape)
png("rgb16.png", 16, 2, [np.frombuffer(deep.astype(">u2").tobytes(),
                                       np.uint8).reshape(H, -1)])
ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2),
         (0, 1, 2, 2), (1, 0, 2, 1)]
png("interlaced.png", 8, 2,
    [rgb[a::c, b::d].reshape(len(rgb[a::c]), -1) for a, b, c, d in ADAM7], 1)
grey.save("grey.jpg", quality=80)
colour.save("rgb.jpg", quality=80, subsampling=2)
colour.save("rgb444.jpg", quality=95, subsampling=0)
colour.save("progressive.jpg", quality=80, progressive=True, subsampling=1)
colour.convert("CMYK").save("cmyk.jpg", quality=90)
for name in sorted(os.listdir(".")):
    if name.endswith((".png", ".jpg")):
        image = Image.open(name).convert("RGB")
        parts = (image, Image.open(name).convert("L"),
                 image.resize((31, 29), Image.BILINEAR),
                 image.resize((5, 7), Image.BILINEAR))
        with open(name[:-4] + "-" + name[-3:] + ".raw", "wb") as f:
            for part in parts:
                f.write(part.tobytes())
