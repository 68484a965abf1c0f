/* What each opcode of a pickle does; see pickle_internal.h. */
#include <stdlib.h>
#include <string.h>

#include "ckpt/pickle_internal.h"

#define OP(name)                                                               \
    static mt_status name(struct mt_pickler *ps, const struct mt_pickle_op *op)
#define UNUSED (void)op

/* --- constants ----------------------------------------------------------- */

/* None, True, False: width is the value. */
OP(constant)
{
    return mt_pk_value(
        ps, (struct mt_pickle){ .kind = op->kind, .i = (int64_t)op->width });
}

/* BININT has a sign, BININT1 and BININT2 have none. */
OP(integer)
{
    uint64_t v;
    mt_status status = mt_pk_number(ps, op->width, &v);
    int64_t i = op->width == 4 ? (int32_t)(uint32_t)v : (int64_t)v;

    return status == MT_OK
               ? mt_pk_value(ps,
                             (struct mt_pickle){ .kind = MT_PK_INT, .i = i })
               : status;
}

/* "12", "-3L", and "01", a boolean in protocol 0 */
OP(integer_line)
{
    const char *text;
    char copy[32];
    size_t n, sign;
    mt_status status = mt_pk_line(ps, &text, &n);

    UNUSED;
    if (status != MT_OK)
        return status;
    if (n == 2 && text[0] == '0' && (text[1] == '0' || text[1] == '1'))
        return mt_pk_value(
            ps, (struct mt_pickle){ .kind = MT_PK_BOOL, .i = text[1] == '1' });
    if (n && text[n - 1] == 'L')
        n--;
    sign = n && text[0] == '-';
    for (size_t i = sign; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return mt_pk_fail(ps, "not a number");
    }
    if (n == sign)
        return mt_pk_fail(ps, "not a number");
    if (n > 18)
        return mt_pk_value(ps, (struct mt_pickle){ .kind = MT_PK_BIG });
    memcpy(copy, text, n);
    copy[n] = '\0';
    return mt_pk_value(ps, (struct mt_pickle){ .kind = MT_PK_INT,
                                               .i = strtoll(copy, NULL, 10) });
}

/* The number of bytes, then a two's complement integer. */
OP(long_integer)
{
    const unsigned char *p = NULL;
    uint64_t bits = 0, n;
    mt_status status = mt_pk_number(ps, op->width, &n);

    if (status == MT_OK)
        status = mt_pk_take(ps, (size_t)n, &p);
    if (status != MT_OK)
        return status;
    if (n > 8)
        return mt_pk_value(ps, (struct mt_pickle){ .kind = MT_PK_BIG,
                                                   .text = (const char *)p,
                                                   .n = (size_t)n });
    for (size_t i = 0; i < n; i++)
        bits |= (uint64_t)p[i] << 8 * i;
    if (n && n < 8 && p[n - 1] & 0x80)
        bits |= ~(uint64_t)0 << 8 * n;
    return mt_pk_value(
        ps, (struct mt_pickle){ .kind = MT_PK_INT, .i = (int64_t)bits });
}

OP(float_line)
{
    const char *text;
    char copy[64], *end;
    size_t n;
    double f = 0;
    mt_status status = mt_pk_line(ps, &text, &n);

    UNUSED;
    if (status != MT_OK)
        return status;
    if (n && n < sizeof copy) {
        memcpy(copy, text, n);
        copy[n] = '\0';
        f = strtod(copy, &end);
    }
    if (!n || n >= sizeof copy || *end)
        return mt_pk_fail(ps, "not a number");
    return mt_pk_value(ps, (struct mt_pickle){ .kind = MT_PK_FLOAT, .f = f });
}

/* The only number that is big-endian. */
OP(float_bits)
{
    const unsigned char *p = NULL;
    uint64_t bits = 0;
    double f;
    mt_status status = mt_pk_take(ps, op->width, &p);

    if (status != MT_OK)
        return status;
    for (size_t i = 0; i < op->width; i++)
        bits = bits << 8 | p[i];
    memcpy(&f, &bits, sizeof f);
    return mt_pk_value(ps, (struct mt_pickle){ .kind = MT_PK_FLOAT, .f = f });
}

static mt_status push_text(struct mt_pickler *ps, enum mt_pickle_kind kind,
                           const char *text, size_t n)
{
    return mt_pk_value(
        ps, (struct mt_pickle){ .kind = kind, .text = text, .n = n });
}

/* The length, then text or bytes. */
OP(text)
{
    const unsigned char *p = NULL;
    uint64_t n;
    mt_status status = mt_pk_number(ps, op->width, &n);

    if (status == MT_OK && n > SIZE_MAX)
        status = mt_pk_fail(ps, "the pickle ends within it");
    if (status == MT_OK)
        status = mt_pk_take(ps, (size_t)n, &p);
    return status == MT_OK ? push_text(ps, op->kind, (const char *)p, (size_t)n)
                           : status;
}

/* A line; escapes are not interpreted. */
OP(text_line)
{
    const char *text;
    size_t n;
    mt_status status = mt_pk_line(ps, &text, &n);

    return status == MT_OK ? push_text(ps, op->kind, text, n) : status;
}

/* The same in quotes. */
OP(quoted_line)
{
    const char *text;
    size_t n;
    mt_status status = mt_pk_line(ps, &text, &n);

    if (status != MT_OK)
        return status;
    if (n < 2 || !strchr("'\"", text[0]) || text[n - 1] != text[0])
        return mt_pk_fail(ps, "a string has no quotes");
    return push_text(ps, op->kind, text + 1, n - 2);
}

/* --- the stack ----------------------------------------------------------- */

OP(mark)
{
    UNUSED;
    return mt_pk_mark(ps);
}

OP(pop)
{
    mt_status status = MT_OK;

    UNUSED;
    if (!mt_pk_above(ps) && ps->n_marks)
        ps->n_marks--;
    else if ((status = mt_pk_need(ps, 1)) == MT_OK)
        ps->n--;
    return status;
}

OP(pop_mark)
{
    const struct mt_pickle **first;
    size_t n;

    UNUSED;
    return mt_pk_pop_mark(ps, &first, &n);
}

OP(duplicate)
{
    mt_status status = mt_pk_need(ps, 1);

    UNUSED;
    return status == MT_OK ? mt_pk_push(ps, ps->stack[ps->n - 1]) : status;
}

/* --- containers ---------------------------------------------------------- */

OP(from_mark)
{
    const struct mt_pickle **first = NULL;
    size_t n = 0;
    mt_status status = mt_pk_pop_mark(ps, &first, &n);

    if (status == MT_OK && op->kind == MT_PK_DICT && n % 2)
        status = mt_pk_fail(ps, "a key has no value");
    return status == MT_OK ? mt_pk_list(ps, op->kind, first, n) : status;
}

/* TUPLE1 to TUPLE3; with width 0, empty containers. */
OP(from_top)
{
    mt_status status = mt_pk_need(ps, op->width);

    if (status != MT_OK)
        return status;
    ps->n -= op->width;
    return mt_pk_list(ps, op->kind, ps->stack + ps->n, op->width);
}

/* Adds values to the top of the stack: a container of that kind, or an object,
 * which keeps them. */
static mt_status add_to_top(struct mt_pickler *ps, enum mt_pickle_kind kind,
                            const struct mt_pickle *const *values, size_t n)
{
    mt_status status = mt_pk_need(ps, 1);
    const struct mt_pickle *to;

    if (status != MT_OK)
        return status;
    to = ps->stack[ps->n - 1];
    if (kind == MT_PK_DICT && n % 2)
        return mt_pk_fail(ps, "a key has no value");
    if (to->kind == kind)
        return mt_pk_add(ps, to, values, n);
    if (to->kind != MT_PK_OBJECT)
        return mt_pk_fail(ps, "adds to a value that is not such a container");
    return mt_pk_append(
        ps, kind == MT_PK_DICT ? &to->object->pairs : &to->object->items,
        values, n);
}

OP(add_last)
{
    mt_status status = mt_pk_need(ps, op->width + 1);

    if (status != MT_OK)
        return status;
    ps->n -= op->width;
    return add_to_top(ps, op->kind, ps->stack + ps->n, op->width);
}

OP(add_marked)
{
    const struct mt_pickle **first = NULL;
    size_t n = 0;
    mt_status status = mt_pk_pop_mark(ps, &first, &n);

    return status == MT_OK ? add_to_top(ps, op->kind, first, n) : status;
}

/* --- the memo ------------------------------------------------------------ */

/* A memo number of `width` bytes; 0: in a line. */
static mt_status memo_number(struct mt_pickler *ps, size_t width, uint64_t *out)
{
    const char *text;
    size_t n;
    mt_status status;

    if (width)
        return mt_pk_number(ps, width, out);
    status = mt_pk_line(ps, &text, &n);
    *out = 0;
    for (size_t i = 0; status == MT_OK && i < n; i++) {
        if (text[i] < '0' || text[i] > '9' || n > 10)
            return mt_pk_fail(ps, "not a number");
        *out = *out * 10 + (uint64_t)(text[i] - '0');
    }
    return status;
}

OP(get)
{
    uint64_t i;
    mt_status status = memo_number(ps, op->width, &i);

    return status == MT_OK ? mt_pk_memo_get(ps, i) : status;
}

OP(put)
{
    uint64_t i;
    mt_status status = memo_number(ps, op->width, &i);

    return status == MT_OK ? mt_pk_memo_put(ps, i) : status;
}

OP(memoize)
{
    UNUSED;
    return mt_pk_memo_put(ps, ps->memo_n);
}

/* --- globals and calls --------------------------------------------------- */

OP(global)
{
    const char *module, *name;
    size_t n, m;
    mt_status status = mt_pk_line(ps, &module, &n);

    UNUSED;
    if (status == MT_OK)
        status = mt_pk_line(ps, &name, &m);
    return status == MT_OK ? mt_pk_global(ps, module, n, name, m) : status;
}

OP(stack_global)
{
    const struct mt_pickle *module, *name;
    mt_status status = mt_pk_need(ps, 2);

    UNUSED;
    if (status != MT_OK)
        return status;
    ps->n -= 2;
    module = ps->stack[ps->n];
    name = ps->stack[ps->n + 1];
    if (module->kind != MT_PK_TEXT || name->kind != MT_PK_TEXT)
        return mt_pk_fail(ps, "the name of a global is malformed");
    return mt_pk_global(ps, module->text, module->n, name->text, name->n);
}

/* REDUCE and NEWOBJ: a callee and a tuple of arguments. NEWOBJ_EX adds keyword
 * arguments, which no known class takes. */
OP(reduce)
{
    mt_status status = mt_pk_need(ps, op->width);

    if (status != MT_OK)
        return status;
    ps->n -= op->width;
    return mt_pk_object(ps, MT_PK_OBJECT, ps->stack[ps->n],
                        ps->stack[ps->n + 1]);
}

/* OBJ: a mark, the class, arguments. */
OP(object)
{
    const struct mt_pickle **first = NULL, *callee;
    size_t n = 0;
    mt_status status = mt_pk_pop_mark(ps, &first, &n);

    UNUSED;
    if (status == MT_OK && !n)
        status = mt_pk_fail(ps, "too few values on the stack");
    if (status != MT_OK)
        return status;
    callee = first[0];
    status = mt_pk_list(ps, MT_PK_TUPLE, first + 1, n - 1);
    if (status != MT_OK)
        return status;
    ps->n--;
    return mt_pk_object(ps, MT_PK_OBJECT, callee, ps->stack[ps->n]);
}

/* INST: like OBJ, but the opcode names the class. */
OP(instance)
{
    mt_status status = from_mark(ps, op);

    if (status == MT_OK)
        status = global(ps, op);
    if (status != MT_OK)
        return status;
    ps->n -= 2;
    return mt_pk_object(ps, MT_PK_OBJECT, ps->stack[ps->n + 1],
                        ps->stack[ps->n]);
}

OP(build)
{
    const struct mt_pickle *to;
    mt_status status = mt_pk_need(ps, 2);

    UNUSED;
    if (status != MT_OK)
        return status;
    to = ps->stack[ps->n - 2];
    if (to->kind != MT_PK_OBJECT)
        return mt_pk_fail(ps,
                          "sets the state of a value that is not an object");
    to->object->state = ps->stack[--ps->n];
    return MT_OK;
}

OP(persistent)
{
    mt_status status = mt_pk_need(ps, 1);

    UNUSED;
    if (status != MT_OK)
        return status;
    ps->n--;
    status = mt_pk_object(ps, MT_PK_PERSISTENT, NULL, ps->stack[ps->n]);
    return status == MT_OK ? mt_pk_append(ps, &ps->doc->persistent,
                                          ps->stack + ps->n - 1, 1)
                           : status;
}

OP(persistent_line)
{
    mt_status status = text_line(ps, op);

    return status == MT_OK ? persistent(ps, op) : status;
}

/* --- the rest ------------------------------------------------------------ */

OP(protocol)
{
    uint64_t version;
    mt_status status = mt_pk_number(ps, op->width, &version);

    return status == MT_OK && version > 5
               ? mt_pk_fail(ps, "expected protocol 0 to 5")
               : status;
}

/* Frames only help to read files in large parts. */
OP(frame)
{
    uint64_t n;

    return mt_pk_number(ps, op->width, &n);
}

OP(stop)
{
    mt_status status = ps->n_marks
                           ? mt_pk_fail(ps, "a mark is left on the stack")
                           : mt_pk_need(ps, 1);

    UNUSED;
    if (status == MT_OK)
        ps->root = ps->stack[ps->n - 1];
    return status;
}

OP(extension)
{
    UNUSED;
    return mt_pk_fail(ps, "extension codes are not read");
}

OP(buffer)
{
    UNUSED;
    return mt_pk_fail(ps, "buffers outside of the pickle are not read");
}

const struct mt_pickle_op mt_pickle_ops[256] = {
    ['N'] = { constant, MT_PK_NONE, 0 },    /* NONE */
    [0x88] = { constant, MT_PK_BOOL, 1 },   /* NEWTRUE */
    [0x89] = { constant, MT_PK_BOOL, 0 },   /* NEWFALSE */
    ['I'] = { integer_line, 0, 0 },         /* INT */
    ['L'] = { integer_line, 0, 0 },         /* LONG */
    ['J'] = { integer, 0, 4 },              /* BININT */
    ['K'] = { integer, 0, 1 },              /* BININT1 */
    ['M'] = { integer, 0, 2 },              /* BININT2 */
    [0x8a] = { long_integer, 0, 1 },        /* LONG1 */
    [0x8b] = { long_integer, 0, 4 },        /* LONG4 */
    ['F'] = { float_line, 0, 0 },           /* FLOAT */
    ['G'] = { float_bits, 0, 8 },           /* BINFLOAT */
    ['S'] = { quoted_line, MT_PK_TEXT, 0 }, /* STRING */
    ['V'] = { text_line, MT_PK_TEXT, 0 },   /* UNICODE */
    ['U'] = { text, MT_PK_TEXT, 1 },        /* SHORT_BINSTRING */
    ['T'] = { text, MT_PK_TEXT, 4 },        /* BINSTRING */
    [0x8c] = { text, MT_PK_TEXT, 1 },       /* SHORT_BINUNICODE */
    ['X'] = { text, MT_PK_TEXT, 4 },        /* BINUNICODE */
    [0x8d] = { text, MT_PK_TEXT, 8 },       /* BINUNICODE8 */
    ['C'] = { text, MT_PK_BYTES, 1 },       /* SHORT_BINBYTES */
    ['B'] = { text, MT_PK_BYTES, 4 },       /* BINBYTES */
    [0x8e] = { text, MT_PK_BYTES, 8 },      /* BINBYTES8 */
    [0x96] = { text, MT_PK_BYTES, 8 },      /* BYTEARRAY8 */

    ['('] = { mark, 0, 0 },      /* MARK */
    ['0'] = { pop, 0, 0 },       /* POP */
    ['1'] = { pop_mark, 0, 0 },  /* POP_MARK */
    ['2'] = { duplicate, 0, 0 }, /* DUP */

    ['t'] = { from_mark, MT_PK_TUPLE, 0 }, /* TUPLE */
    ['l'] = { from_mark, MT_PK_LIST, 0 },  /* LIST */
    ['d'] = { from_mark, MT_PK_DICT, 0 },  /* DICT */
    [0x91] = { from_mark, MT_PK_SET, 0 },  /* FROZENSET */
    [')'] = { from_top, MT_PK_TUPLE, 0 },  /* EMPTY_TUPLE */
    [0x85] = { from_top, MT_PK_TUPLE, 1 }, /* TUPLE1 */
    [0x86] = { from_top, MT_PK_TUPLE, 2 }, /* TUPLE2 */
    [0x87] = { from_top, MT_PK_TUPLE, 3 }, /* TUPLE3 */
    [']'] = { from_top, MT_PK_LIST, 0 },   /* EMPTY_LIST */
    ['}'] = { from_top, MT_PK_DICT, 0 },   /* EMPTY_DICT */
    [0x8f] = { from_top, MT_PK_SET, 0 },   /* EMPTY_SET */
    ['a'] = { add_last, MT_PK_LIST, 1 },   /* APPEND */
    ['s'] = { add_last, MT_PK_DICT, 2 },   /* SETITEM */
    ['e'] = { add_marked, MT_PK_LIST, 0 }, /* APPENDS */
    ['u'] = { add_marked, MT_PK_DICT, 0 }, /* SETITEMS */
    [0x90] = { add_marked, MT_PK_SET, 0 }, /* ADDITEMS */

    ['g'] = { get, 0, 0 },      /* GET */
    ['h'] = { get, 0, 1 },      /* BINGET */
    ['j'] = { get, 0, 4 },      /* LONG_BINGET */
    ['p'] = { put, 0, 0 },      /* PUT */
    ['q'] = { put, 0, 1 },      /* BINPUT */
    ['r'] = { put, 0, 4 },      /* LONG_BINPUT */
    [0x94] = { memoize, 0, 0 }, /* MEMOIZE */

    ['c'] = { global, 0, 0 },                   /* GLOBAL */
    [0x93] = { stack_global, 0, 0 },            /* STACK_GLOBAL */
    ['R'] = { reduce, 0, 2 },                   /* REDUCE */
    [0x81] = { reduce, 0, 2 },                  /* NEWOBJ */
    [0x92] = { reduce, 0, 3 },                  /* NEWOBJ_EX */
    ['o'] = { object, 0, 0 },                   /* OBJ */
    ['i'] = { instance, MT_PK_TUPLE, 0 },       /* INST */
    ['b'] = { build, 0, 0 },                    /* BUILD */
    ['Q'] = { persistent, 0, 0 },               /* BINPERSID */
    ['P'] = { persistent_line, MT_PK_TEXT, 0 }, /* PERSID */

    [0x80] = { protocol, 0, 1 },  /* PROTO */
    [0x95] = { frame, 0, 8 },     /* FRAME */
    ['.'] = { stop, 0, 0 },       /* STOP */
    [0x82] = { extension, 0, 1 }, /* EXT1 */
    [0x83] = { extension, 0, 2 }, /* EXT2 */
    [0x84] = { extension, 0, 4 }, /* EXT4 */
    [0x97] = { buffer, 0, 0 },    /* NEXT_BUFFER */
    [0x98] = { buffer, 0, 0 },    /* READONLY_BUFFER */
};
