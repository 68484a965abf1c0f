"""Tables and texts."""

import os

from case import MIB, case, filled

SPEC = ('{"model":{"layers":[{"type":"Linear","out_features":1}]},'
        '"loss":{"type":"MSELoss"},"optimizer":{"type":"SGD","lr":0.1},'
        '"data":{"type":"csv","train":"bad.csv"%s},"train":{"steps":1}}')

CLASSES = SPEC.replace("MSELoss", "CrossEntropyLoss").replace(
    '"out_features":1', '"out_features":"auto"')

TABLES = (
    ("ragged-short", b"a,b,c\n1,2,3\n4,5\n", "3:.*expected 3 fields, as in the header, got 2"),
    ("ragged-long", b"a,b,c\n1,2,3\n4,5,6,7\n", "expected 3 fields, as in the header, got 4"),
    ("nan", b"a,b\n1,2\nnan,3\n", "3:1: "),
    ("inf", b"a,b\n1,2\n1,-inf\n", "3:3: "),
    ("number-of-1e999", b"a,b\n1,2\n1e999,3\n", "3:1: "),
    ("number-hexadecimal", b"a,b\n1,2\n0x10,3\n", "3:1: .*number"),
    ("number-of-a-megabyte", filled(b"a,b\n1,2\n", (b"9", MIB), b",3\n"),
     "3:1: "),
    ("nul-byte", b"a,b\n1,2\n1,\0\n", "3:3: a NUL byte"),
    ("nul-byte-in-quotes", b"a,b\n1,2\n1,\"\0\"\n", "a NUL byte"),
    ("only-nul-bytes", bytes(100000), "a NUL byte"),
    ("line-of-100-mb", filled(b"a,b\n1,2\n", (b"1", 100 * MIB)),
     "a record of more than 16777216 bytes"),
    ("quote-of-100-mb", filled(b'a,b\n1,"', (b"x\n", 50 * MIB)),
     "a record of more than 16777216 bytes; is this quote not closed"),
    ("quote-never-closed", b'a,b\n1,"2\n3,4\n', "2:3: the quote is never"),
    ("quote-inside-a-field", b'a,b\n1,2"3\n', "expected a number"),
    ("text-behind-a-quote", b'a,b\n"1"x,2\n', "text after the closing quote"),
    ("quoted-newline-in-a-number", b'a,b\n1,2\n"1\n2",3\n', "3:1: "),
    ("two-million-fields", filled(b"a,b\n1,2\n", (b"1,", 2 * MIB), b"1\n"),
     "more than 1048576 fields"),
    ("empty", b"", "no rows|empty"),
    ("header-alone", b"a,b\n", "no rows of data"),
    ("line-ends-alone", b"\n" * 100000, "no rows|empty"),
    ("one-column", b"a\n1\n2\n", "."),
    ("in-utf-16", "a,b\n1,2\n".encode("utf-16"), "."),
    ("binary", bytes(range(1, 256)) * 50, "."),
    ("empty-field", b"a,b\n1,2\n,3\n", "3:1: .*empty"),
)

CLASS_TABLES = (
    ("class-of-bad-utf-8", b"a,b\n1,\xff\n2,\xfe\n", "not valid UTF-8"),
    ("class-empty", b"a,b\n1,\n2,x\n", "expected a class"),
    ("classes-by-the-100000", b"a,b\n" + b"".join(b"1,c%d\n" % i for i in
                                                  range(100000)),
     "different classes; is this column the class"),
)

TEXT = ('{"model":{"layers":[{"type":"Embedding","embedding_dim":2,'
        '"num_embeddings":"auto"},{"type":"Linear","out_features":"auto"}]},'
        '"loss":{"type":"CrossEntropyLoss"},"optimizer":{"type":"SGD",'
        '"lr":0.1},"data":{"type":"text","train":"bad.txt","seq_len":%s},'
        '"train":{"steps":1}}')

TEXTS = (
    ("bad-utf-8", b"hello \xc3\x28 world", 4, "byte 6 .*not UTF-8"),
    ("overlong", b"abcdef\xc0\xaf", 4, "byte 6"),
    ("surrogate", b"abcdef\xed\xa0\x80", 4, "byte 6"),
    ("beyond-unicode", b"abcdef\xf4\x90\x80\x80", 4, "byte 6"),
    ("cut-character", b"abcdefgh\xe2\x82", 4, "byte 8"),
    ("nul-byte", b"abc\0defghijk", 4, "byte 3 .*NUL"),
    ("empty", b"", 4, "0 tokens; expected at least 5"),
    ("too-short", b"abcd", 4, "4 tokens; expected at least 5"),
    ("sequence-of-2-to-53", b"abcdefgh", 2 ** 53, "seq_len"),
    ("sequence-of-minus-1", b"abcdefgh", -1, "seq_len"),
)


def cases(base):
    for name, data, says in TABLES:
        yield case("csv-" + name, "train bad.json -o new.mtc", says,
                   {"bad.csv": data, "bad.json": SPEC % ""},
                   memory=128 * MIB)
    for name, data, says in CLASS_TABLES:
        yield case("csv-" + name, "train bad.json -o new.mtc", says,
                   {"bad.csv": data, "bad.json": CLASSES % ""},
                   memory=96 * MIB)
    for name, keys, says in (
            ("delimiter-of-two", ',"delimiter":",,"', "delimiter"),
            ("delimiter-a-quote", r',"delimiter":"\""', "delimiter"),
            ("delimiter-a-newline", r',"delimiter":"\n"', "delimiter"),
            ("target-beyond", ',"target":7', "7"),
            ("target-of-minus-9", ',"target":-9', "-9"),
            ("target-of-1e15", ',"target":1e15', "target"),
            ("target-twice", ',"target":[0,0]', "target"),
            ("features-and-target-the-same", ',"features":[1],"target":1',
             "target|features|both")):
        yield case("csv-" + name, "train bad.json -o new.mtc", says,
                   {"bad.csv": b"a,a\n1,2\n3,4\n" if "named" in name
                    else b"a,b\n1,2\n3,4\n", "bad.json": SPEC % keys})
    for name, data, seq_len, says in TEXTS:
        yield case("text-" + name, "train bad.json -o new.mtc", says,
                   {"bad.txt": data, "bad.json": TEXT % seq_len})
    for name, made, says in (("fifo", os.mkfifo, "not a regular file"),
                             ("directory", os.mkdir, "is a directory"),
                             ("dev-zero", lambda path:
                              os.symlink("/dev/zero", path),
                              "not a regular file")):
        yield case("csv-" + name, "train bad.json -o new.mtc", says,
                   {"bad.csv": made, "bad.json": SPEC % ""})
        yield case("text-" + name, "train bad.json -o new.mtc", says,
                   {"bad.txt": made, "bad.json": TEXT % 4})
    for name, data, says in (TABLES[0], TABLES[7], TABLES[10], TABLES[12]):
        yield case(f"csv-{name}-predicted", "predict good.mtc bad.csv", ".",
                   {"bad.csv": data}, memory=128 * MIB)
