"""The .mtc container in Python, as mtrain-checkpoint(5) tells it: to take a
checkpoint apart, change whatever one likes, and put it together again with
every checksum right, or wrong where that is wanted."""

import hashlib
import struct
import zlib

ALIGN = 64
CHUNK = 262144
MAGIC = b"\x89MTC\r\n\x1a\n"
CHUNK_MAGIC = b"\x89MTK"
FOOTER_MAGIC = b"\x89MTCEND\n"
SIZES = {"float32": 4, "float64": 8, "int32": 4, "int64": 8, "uint8": 1}


def crc(data, start=0):
    return zlib.crc32(data, start)


def pad(data):
    return bytes(data) + bytes(-len(data) % ALIGN)


def raw_deflate(data, level=6, dictionary=None):
    z = (zlib.compressobj(level, zlib.DEFLATED, -15, zdict=dictionary)
         if dictionary else zlib.compressobj(level, zlib.DEFLATED, -15))
    return z.compress(data) + z.flush()


class Array:
    """raw: the elements' bytes. What is not None stands in the file instead
    of what belongs there."""

    def __init__(self, name, dtype, shape, raw):
        self.name, self.dtype, self.shape = name, dtype, list(shape)
        self.raw = raw
        self.flags = 0
        self.rank = None        # the byte that says it
        self.offset = None      # in the index
        self.stored = None      # in the index
        self.planes = None      # list of (method, bytes) of chunk 0
        self.plane_sizes = None  # what chunk 0's header says of them
        self.chunk_raw = None   # what chunk 0's header says of its raw bytes
        self.chunk_array = None
        self.chunk_number = None
        self.rotate = None

    def encoded_name(self):
        n = self.name
        return n if isinstance(n, bytes) else n.encode()

    def entry_head(self):
        name, dtype = self.encoded_name(), self.dtype.encode()
        rank = len(self.shape) if self.rank is None else self.rank
        return (struct.pack("<H", len(name)) + name +
                struct.pack("<B", len(dtype)) + dtype +
                struct.pack("<B", rank & 255) +
                b"".join(struct.pack("<Q", d & (1 << 64) - 1)
                         for d in self.shape))


def rotated(raw, size, left):
    out = bytearray()
    bits = 8 * size
    for i in range(0, len(raw), size):
        v = int.from_bytes(raw[i:i + size], "little")
        v = v << 1 | v >> bits - 1 if left else v >> 1 | v << bits - 1
        out += (v & (1 << bits) - 1).to_bytes(size, "little")
    return bytes(out)


def chunk_bytes(array, number, i, raw, at):
    size = SIZES.get(array.dtype, 4)
    rotate = array.dtype in ("float32", "float64")
    bits = rotated(raw, size, True) if rotate else raw
    planes = [(0, bits[p::size]) for p in range(size)]
    first = number == 0
    if first and array.planes is not None:
        planes = array.planes
    sizes = [len(p) for _, p in planes]
    if first and array.plane_sizes is not None:
        sizes = array.plane_sizes
    methods = [m for m, _ in planes]
    pick = lambda given, real: real if not first or given is None else given
    head = CHUNK_MAGIC + struct.pack(
        "<IIIBBH", pick(array.chunk_array, i),
        pick(array.chunk_number, number), pick(array.chunk_raw, len(raw)),
        size, pick(array.rotate, int(rotate)), 0)
    head += bytes((methods + [0] * 8)[:8])
    head += struct.pack("<8I", *(sizes + [0] * 8)[:8])
    payload = b"".join(p for _, p in planes)
    check = crc(struct.pack("<Q", at), crc(head, crc(payload)))
    return pad(head + struct.pack("<I", check) + payload)


def array_hash(array):
    step = CHUNK * SIZES.get(array.dtype, 4)
    chunks = [array.raw[i:i + step] for i in range(0, len(array.raw), step)]
    return hashlib.sha256(b"".join(hashlib.sha256(c).digest()
                                   for c in chunks)).digest()


class Options:
    """What may be wrong in the header, the index and the footer."""

    def __init__(self, **given):
        self.major, self.minor, self.flags = 1, 0, 0
        self.count = self.index_at = self.index_size = self.file_size = None
        self.arrays = None
        self.trailing = b""      # behind the last entry, in the index
        self.hole = b""          # between chunks and index
        self.header_tail = bytes(44)
        self.__dict__.update(given)


def build(parts, **given):
    o = Options(**given)
    header = (MAGIC + struct.pack("<HHI", o.major, o.minor, o.flags) +
              o.header_tail)
    out = bytearray(header + struct.pack("<I", crc(header)))
    entries = []
    for i, a in enumerate(parts):
        at, step = len(out), CHUNK * SIZES.get(a.dtype, 4)
        for k, start in enumerate(range(0, len(a.raw), step)):
            out += chunk_bytes(a, k, i, a.raw[start:start + step], len(out))
        stored = len(out) - at
        entries.append((a, at if a.offset is None else a.offset,
                        stored if a.stored is None else a.stored))
    out += o.hole
    count = len(parts) if o.count is None else o.count
    index, digest = bytearray(struct.pack("<Q", count)), hashlib.sha256(
        struct.pack("<Q", count))
    for a, offset, stored in entries:
        head = a.entry_head() + array_hash(a)
        digest.update(head)
        index += head + struct.pack("<BQQ", a.flags, offset & (1 << 64) - 1,
                                    stored & (1 << 64) - 1)
    index += o.trailing
    index_at = len(out)
    out += pad(index)
    size = len(out) + 128
    pick = lambda given_value, real: real if given_value is None else given_value
    footer = FOOTER_MAGIC + struct.pack(
        "<QQQQ", pick(o.index_at, index_at), pick(o.index_size, len(index)),
        pick(o.file_size, size), pick(o.arrays, count))
    footer += digest.digest() + struct.pack("<I", crc(bytes(index))) + bytes(48)
    return bytes(out + footer + struct.pack("<I", crc(footer)))


def read_chunk(data, at, dtype):
    """Returns the elements' bytes and where the next chunk begins."""
    size = SIZES[dtype]
    head = data[at:at + 64]
    methods, sizes = head[20:28], struct.unpack("<8I", head[28:60])
    p, planes = at + 64, []
    for i in range(size):
        part = data[p:p + sizes[i]]
        planes.append(zlib.decompress(part, -15) if methods[i] else part)
        p += sizes[i]
    raw = bytearray(len(planes[0]) * size)
    for i in range(size):
        raw[i::size] = planes[i]
    if dtype in ("float32", "float64"):
        raw = rotated(bytes(raw), size, False)
    return bytes(raw), at + (p - at + 63) // 64 * 64


def parse(data):
    """The arrays of a good checkpoint."""
    at, = struct.unpack_from("<Q", data, len(data) - 120)
    count, = struct.unpack_from("<Q", data, at)
    at += 8
    arrays = []
    for _ in range(count):
        n, = struct.unpack_from("<H", data, at)
        name = data[at + 2:at + 2 + n].decode()
        at += 2 + n
        n = data[at]
        dtype = data[at + 1:at + 1 + n].decode()
        at += 1 + n
        rank = data[at]
        shape = struct.unpack_from(f"<{rank}Q", data, at + 1)
        at += 1 + 8 * rank + 33
        offset, stored = struct.unpack_from("<QQ", data, at)
        at += 16
        raw, p = b"", offset
        while p < offset + stored:
            part, p = read_chunk(data, p, dtype)
            raw += part
        arrays.append(Array(name, dtype, shape, raw))
    return arrays
