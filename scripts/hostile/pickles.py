"""Files of torch.save that would do something, or are larger than they look."""

import io
import os
import pickle
import struct
import zipfile

from case import MIB, case

MAGIC = pickle.dumps(0x1950a86a20f9469cfc6c, 2)
OLD = MAGIC + pickle.dumps(1001, 2) + pickle.dumps({}, 2)
MAKES = b"touch owned"


def text(t):
    return b"X" + struct.pack("<I", len(t)) + t.encode()


def number(n):
    return b"\x8a\x0b" + n.to_bytes(11, "little", signed=True) \
        if abs(n) >> 63 else b"\x8a\x08" + struct.pack("<q", n)


def glob(module, name):
    return b"c%s\n%s\n" % (module.encode(), name.encode())


def storage(key="0", n=2, kind="FloatStorage", module="torch"):
    return b"(" + text("storage") + glob(module, kind) + text(key) + \
        text("cpu") + number(n) + b"tQ"


def tensor(size=(2,), stride=(1,), offset=0, of=None,
           how="_rebuild_tensor_v2"):
    def numbers(t):
        return b"(" + b"".join(number(i) for i in t) + b"t"
    return glob("torch._utils", how) + b"(" + (of or storage()) + \
        number(offset) + numbers(size) + numbers(stride) + b"\x89" + \
        glob("collections", "OrderedDict") + b")RtR"


def entry(*values):
    return b"}(" + b"".join(text("w%d" % i) + v
                            for i, v in enumerate(values)) + b"u"


def zipped(data, storages=None, method=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        z.writestr("a/data.pkl", b"\x80\x02" + data + b".")
        for key, raw in (storages or {"0": bytes(8)}).items():
            z.writestr("a/data/" + key, raw)
    return out.getvalue()


def call(module, name, *arguments):
    return glob(module, name) + b"(" + b"".join(arguments) + b"tR"


def laughs(levels, width, of=b"]"):
    """Lists of lists of the same value: width ** levels of it."""
    return of + b"q\x00" + b"".join(
        b"0]q" + bytes([i + 1]) + b"(" + b"h" + bytes([i])
        + b"h%c" % i * (width - 1) + b"e" for i in range(levels))


SYSTEM = call("os", "system", text(MAKES.decode()))
CALLS = tuple(
    ("calls-" + module + "." + name, zipped(entry(tensor()) + b"0" + code),
     "needs `%s.%s`: refused" % (module, name))
    for module, name, code in (
        ("os", "system", SYSTEM),
        ("posix", "system", call("posix", "system", text(MAKES.decode()))),
        ("builtins", "eval", call("builtins", "eval", text("1"))),
        ("builtins", "exec", call("builtins", "exec", text("1"))),
        ("builtins", "getattr", call("builtins", "getattr", text("a"))),
        ("builtins", "__import__", call("builtins", "__import__", text("os"))),
        ("subprocess", "Popen", call("subprocess", "Popen", text("id"))),
        ("torch", "load", call("torch", "load", text("other.pt"))),
        ("torch.hub", "load", call("torch.hub", "load", text("a"))),
        ("torch.utils.collect_env", "run",
         call("torch.utils.collect_env", "run", text("id"))),
        ("torch._utils", "_rebuild_tensor_v9",
         tensor(how="_rebuild_tensor_v9")),
        ("collections", "namedtuple", call("collections", "namedtuple")),
        ("torch.storage", "_load_from_bytes",
         call("torch.storage", "_load_from_bytes", b"C\x00")),
    ))

SHARED = r"\"(\d\.)+\d+\": more than \d+ .*counting those that are shared each"
OPTIMIZER = b"}(" + text("state") + b"}" + text("param_groups") + b"]u"


def optimizer(state=b"}", groups=b"]"):
    """A checkpoint with one."""
    return b"}(" + text("net") + entry(tensor()) + text("opt") + b"}(" + \
        text("state") + state + text("param_groups") + groups + b"uu"


PICKLES = CALLS + (
    ("in-the-entry", zipped(entry(tensor(), SYSTEM)),
     '"w1" needs `os.system`: refused'),
    ("as-a-key", zipped(b"}(" + SYSTEM + tensor() + b"u"),
     "needs `os.system`: refused"),
    ("thrown-away", zipped(SYSTEM + b"0" + entry(tensor())),
     "needs `os.system`: refused"),
    ("of-a-class", zipped(b"(" + text("id") + b"ios\nsystem\n"),
     "needs `os.system`: refused"),
    ("with-a-mark", zipped(b"(" + glob("os", "system") + text("id") + b"o"),
     "needs `os.system`: refused"),
    ("by-a-stack", zipped(b"\x8c\x02os\x8c\x06system\x93)R"),
     "needs `os.system`: refused"),
    ("new-object", zipped(glob("os", "system") + b")\x81"),
     "needs `os.system`: refused"),
    ("state-is-set", zipped(glob("a", "B") + b")R" + SYSTEM + b"b"),
     r"needs `(a.B|os.system)`: refused"),
    ("factory", zipped(call("collections", "defaultdict",
                            glob("os", "system"))),
     "needs `os.system`: refused"),
    ("storage-class", zipped(entry(tensor(of=storage(kind="Evil")))),
     "`torch.Evil`: refused"),
    ("storage-of-os", zipped(entry(tensor(of=storage(
        kind="system", module="os")))), "`os.system`: refused"),
    ("called-result", zipped(call("torch", "device", text("cpu")) + b")R"),
     "something that has no name"),
    ("old-form", OLD + b"\x80\x02" + SYSTEM + b"." + pickle.dumps([], 2),
     "needs `os.system`: refused"),
    ("no-magic", b"\x80\x02" + SYSTEM + b".", "not of torch.save"),
    ("extension", zipped(b"\x82\x01"), "extension codes are not read"),
    ("global-of-1-mb", zipped(glob("a" * MIB, "b")), "global is malformed"),
    ("laughs", zipped(laughs(40, 10)), "no dictionary from names to tensors"),
    ("laughs-of-two", zipped(laughs(60, 2)),
     "no dictionary from names to tensors"),
    ("laughs-of-calls", zipped(laughs(40, 10, SYSTEM)), SHARED),
    ("laughs-of-entries", zipped(laughs(60, 2, entry(tensor()))), SHARED),
    ("laughs-of-optimizers", zipped(laughs(40, 10, OPTIMIZER)), SHARED),
    ("laughs-of-numbers-and-a-call", zipped(
        b"(" + b"N" * 5000 + SYSTEM + b"lq\x01(" + b"h\x01" * 5000 + b"l"),
     '"[0-9.]+": more than [0-9]+ values, counting those that are shared'),
    ("one-list-of-many-ordered", zipped(
        b"(" + b"NN\x86" * 60000 + b"Nlq\x010("
        + (glob("collections", "OrderedDict") + b"(h\x01tR") * 60000 + b"l"),
     "no dictionary from names to tensors"),
    ("one-dictionary-of-many-counters", zipped(
        b"(" + b"NN" * 60000 + b"dq\x010("
        + (glob("collections", "Counter") + b"(h\x01tR") * 60000 + b"l"),
     "no dictionary from names to tensors"),
    ("one-state-of-many-parameters", zipped(optimizer(
        state=b"(" + b"".join(number(i) + (b"h\x07" if i else b"(" + b"".join(
            text("s%d" % k) + b"K\x01" for k in range(3000)) + b"dq\x07")
            for i in range(3000)) + b"d")),
     "parameter [0-9]+ shares its state with others"),
    ("one-group-many-times", zipped(optimizer(
        groups=b"(}" + text("params") + b"(" + b"K\x01" * 20000 + b"lsq\x07"
        + b"h\x07" * 20000 + b"l")),
     "groups of the optimizer share their parameters"),
    ("one-name-many-times", zipped(
        b"(" + text("w" * 900) + b"q\x01" + tensor() + b"q\x02"
        + b"h\x01h\x02" * 500000 + b"d"), "the name is there twice"),
    ("one-storage-many-times", zipped(
        b"(" + text("storage") + glob("torch", "FloatStorage")
        + text("0" * 256) + text("cpu") + number(2) + b"tq\x010"
        + b"h\x01Q0" * 500000 + b"N"),
     "no dictionary from names to tensors"),
    ("deep", zipped(b"]" * 100000 + b"a" * 99999), "more than 64 levels"),
    ("holds-itself", zipped(b"]q\x00h\x00a"), "or hold themselves"),
    ("dictionary-holds-itself", zipped(b"}q\x00" + text("a") + b"h\x00s"),
     "or hold themselves"),
    ("text-of-4-gb", zipped(b"X\xff\xff\xff\xff"), "ends within it"),
    ("text-of-2-to-63", zipped(b"\x8d" + b"\xff" * 7 + b"\x7f"),
     "ends within it"),
    ("memo-of-2-to-32", zipped(b"Nr\xff\xff\xff\xff"), "too large for a memo"),
    ("marks", zipped(b"(" * 100000), "too few values|a mark is left"),
    ("size-of-2-to-62", zipped(entry(tensor((1 << 62,), (1,)))),
     "beyond its storage|larger than any"),
    ("size-wraps", zipped(entry(tensor((1 << 32, 1 << 32), (1 << 32, 1)))),
     "beyond its storage|larger than any"),
    ("stride-wraps", zipped(entry(tensor((3,), ((1 << 63) - 1,)))),
     "beyond its storage|larger than any"),
    ("offset-of-2-to-62", zipped(entry(tensor(offset=1 << 62))),
     "beyond its storage"),
    ("offset-of-minus-1", zipped(entry(tensor(offset=-1))), "no offset"),
    ("size-of-minus-1", zipped(entry(tensor((-1,), (1,)))), "not a number"),
    ("size-of-2-to-80", zipped(entry(tensor((1 << 80,), (1,)))), "not a number"),
    ("stride-too-short", zipped(entry(tensor((2, 1), (1,)))), "no size"),
    ("one-beyond", zipped(entry(tensor((3,), (1,), of=storage(n=3)))),
     "its storage is cut short"),
    ("storage-of-2-to-62", zipped(entry(tensor(of=storage(n=1 << 62)))),
     "storage is too large|cut short"),
    ("storage-missing", zipped(entry(tensor(of=storage(key="7")))),
     "not in the file"),
    ("storage-key-with-dots", zipped(entry(tensor(of=storage(
        key="../../etc/passwd")))), "not in the file"),
    ("two-pickles", zipped(b"N", {"0": b"", "x/data.pkl": b"N."}),
     "two members data.pkl"),
    ("torchscript", zipped(b"N", {"../constants.pkl": b"N."}), "TorchScript"),
    ("cut-pickle", zipped(b"]" + b"N"[:0] + text("abc")[:-1]), "cut short"),
    ("nothing-in-it", zipped(b"N"), "no dictionary from names to tensors"),
)


def cases(base):
    for name, data, says in PICKLES:
        memory = (400 if name in ("deep",) else 128) * MIB
        yield case("pickle-" + name, "load good.mtc bad.pt -o new.mtc -q", says,
                   {"bad.pt": data}, memory=memory)
    for name, data, says in PICKLES[-20:-16] + CALLS[:3]:
        yield case("pickle-" + name + "-shown", "show bad.pt", says,
                   {"bad.pt": data}, memory=128 * MIB)
    # stride 0: a terabyte of one number
    vast = zipped(entry(tensor((1 << 38,), (0,)), tensor()))
    yield case("pickle-expanded-to-a-terabyte",
               "load good.mtc bad.pt -o new.mtc", "no tensor of the state",
               {"bad.pt": vast}, lines=40)
    values = zipped(b"]" * (3 * MIB))
    yield case("pickle-three-million-values",
               "load good.mtc bad.pt -o new.mtc", "more than 2097152 values",
               {"bad.pt": values}, memory=512 * MIB)
    yield case("pickle-packed-bomb", "load good.mtc bad.pt -o new.mtc",
               "more than 2097152 values",
               {"bad.pt": zipped(b"]" * (30 * MIB),
                                 method=zipfile.ZIP_DEFLATED)},
               memory=512 * MIB)
    many = zipped(entry(*[tensor((1 << 20,), (1,),
                                 of=storage(n=1 << 20))] * 3000),
                  {"0": bytes(4 << 20)}, zipfile.ZIP_DEFLATED)
    yield case("pickle-one-storage-3000-times", "show bad.pt w2999",
               "expanded beyond all proportion|cannot be read",
               {"bad.pt": many}, memory=900 * MIB)
