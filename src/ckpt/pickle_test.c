#include "ckpt/pickle.h"

#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"

static struct mt_err err;
static struct mt_pickle_doc doc;

static mt_status parse(const void *bytes, size_t n)
{
    return mt_pickle_parse("x", bytes, n, &doc, &err);
}

/* Much as Python prints it. */
static void print(const struct mt_pickle *v, struct mt_strbuf *out);

static void print_list(const struct mt_pickle_list *list, const char *ends,
                       struct mt_strbuf *out)
{
    mt_strbuf_putc(out, ends[0]);
    for (size_t i = 0; list && i < list->n; i++) {
        mt_strbuf_puts(out, !i ? "" : ends[0] == '{' && i % 2 ? ":" : ",");
        print(list->at[i], out);
    }
    mt_strbuf_putc(out, ends[1]);
}

static void print_object(const struct mt_pickle_object *o,
                         struct mt_strbuf *out)
{
    if (o->callee)
        print(o->callee, out);
    print(o->args, out);
    if (o->items.n)
        print_list(&o->items, "[]", out);
    if (o->pairs.n)
        print_list(&o->pairs, "{}", out);
    if (o->state) {
        mt_strbuf_putc(out, '.');
        print(o->state, out);
    }
}

static void print(const struct mt_pickle *v, struct mt_strbuf *out)
{
    switch (v->kind) {
    case MT_PK_NONE: mt_strbuf_puts(out, "None"); break;
    case MT_PK_BOOL: mt_strbuf_puts(out, v->i ? "True" : "False"); break;
    case MT_PK_INT: mt_strbuf_printf(out, "%" PRId64, v->i); break;
    case MT_PK_BIG: mt_strbuf_puts(out, "big"); break;
    case MT_PK_FLOAT: mt_strbuf_printf(out, "%g", v->f); break;
    case MT_PK_BYTES: mt_strbuf_putc(out, 'b'); /* fall through */
    case MT_PK_TEXT:
        mt_strbuf_printf(out, "'%.*s'", (int)v->n, v->text);
        break;
    case MT_PK_TUPLE: print_list(v->list, "()", out); break;
    case MT_PK_LIST: print_list(v->list, "[]", out); break;
    case MT_PK_SET: print_list(v->list, "<>", out); break;
    case MT_PK_DICT: print_list(v->list, "{}", out); break;
    case MT_PK_GLOBAL: mt_strbuf_puts(out, v->text); break;
    case MT_PK_PERSISTENT: mt_strbuf_putc(out, '@'); /* fall through */
    case MT_PK_OBJECT: print_object(v->object, out); break;
    }
}

static void check_value(const void *bytes, size_t n, const char *expected)
{
    struct mt_strbuf out = MT_STRBUF_INIT;

    ck_assert_msg(parse(bytes, n) == MT_OK, "%s", err.text);
    print(doc.root, &out);
    ck_assert_str_eq(out.text, expected);
    ck_assert_uint_eq(doc.used, n);
    mt_strbuf_free(&out);
    mt_pickle_free(&doc);
}

/* The output of Python's pickle.dumps(v, protocol) for one value. */
static const struct {
    const char *bytes;
    size_t n;
} protocols[] = {
    { "(dp0\012Va\012p1\012(lp2\012I1\012aI-2\012aI300\012aI70000\012"
      "aL-1099511627776L\012aL1180591620717411303424L\012aF2.5\012aI"
      "01\012aI00\012aNaVx\012p3\012asVt\012p4\012((t(I1\012tp5\012("
      "I1\012I2\012tp6\012(I1\012I2\012I3\012tp7\012(I1\012I2\012I3\012"
      "I4\012tp8\012tp9\012sVd\012p10\012ccollections\012OrderedDict"
      "\012p11\012(tRp12\012Vk\012p13\012I1\012ssVn\012p14\012(dp15\012"
      "sVagain\012p16\012g2\012s.",
      258 },
    { "}q\000(X\001\000\000\000aq\001]q\002(K\001J\376\377\377\377M,"
      "\001Jp\021\001\000L-1099511627776L\012L1180591620717411303424"
      "L\012G@\004\000\000\000\000\000\000I01\012I00\012NX\001\000\000"
      "\000xq\003eX\001\000\000\000tq\004()(K\001tq\005(K\001K\002tq"
      "\006(K\001K\002K\003tq\007(K\001K\002K\003K\004tq\010tq\011X\001"
      "\000\000\000dq\012ccollections\012OrderedDict\012q\013)Rq\014"
      "X\001\000\000\000kq\015K\001sX\001\000\000\000nq\016}q\017X\005"
      "\000\000\000againq\020h\002u.",
      226 },
    { "\200\002}q\000(X\001\000\000\000aq\001]q\002(K\001J\376\377\377"
      "\377M,\001Jp\021\001\000\212\006\000\000\000\000\000\377\212\011"
      "\000\000\000\000\000\000\000\000@G@\004\000\000\000\000\000\000"
      "\210\211NX\001\000\000\000xq\003eX\001\000\000\000tq\004()K\001"
      "\205q\005K\001K\002\206q\006K\001K\002K\003\207q\007(K\001K\002"
      "K\003K\004tq\010tq\011X\001\000\000\000dq\012ccollections\012"
      "OrderedDict\012q\013)Rq\014X\001\000\000\000kq\015K\001sX\001"
      "\000\000\000nq\016}q\017X\005\000\000\000againq\020h\002u.",
      196 },
    { "\200\003}q\000(X\001\000\000\000aq\001]q\002(K\001J\376\377\377"
      "\377M,\001Jp\021\001\000\212\006\000\000\000\000\000\377\212\011"
      "\000\000\000\000\000\000\000\000@G@\004\000\000\000\000\000\000"
      "\210\211NX\001\000\000\000xq\003eX\001\000\000\000tq\004()K\001"
      "\205q\005K\001K\002\206q\006K\001K\002K\003\207q\007(K\001K\002"
      "K\003K\004tq\010tq\011X\001\000\000\000dq\012ccollections\012"
      "OrderedDict\012q\013)Rq\014X\001\000\000\000kq\015K\001sX\001"
      "\000\000\000nq\016}q\017X\005\000\000\000againq\020h\002u.",
      196 },
    { "\200\004\225\240\000\000\000\000\000\000\000}\224(\214\001a\224"
      "]\224(K\001J\376\377\377\377M,\001Jp\021\001\000\212\006\000\000"
      "\000\000\000\377\212\011\000\000\000\000\000\000\000\000@G@\004"
      "\000\000\000\000\000\000\210\211N\214\001x\224e\214\001t\224("
      ")K\001\205\224K\001K\002\206\224K\001K\002K\003\207\224(K\001"
      "K\002K\003K\004t\224t\224\214\001d\224\214\013collections\224"
      "\214\013OrderedDict\224\223\224)R\224\214\001k\224K\001s\214\001"
      "n\224}\224\214\005again\224h\002u.",
      171 },
    { "\200\005\225\240\000\000\000\000\000\000\000}\224(\214\001a\224"
      "]\224(K\001J\376\377\377\377M,\001Jp\021\001\000\212\006\000\000"
      "\000\000\000\377\212\011\000\000\000\000\000\000\000\000@G@\004"
      "\000\000\000\000\000\000\210\211N\214\001x\224e\214\001t\224("
      ")K\001\205\224K\001K\002\206\224K\001K\002K\003\207\224(K\001"
      "K\002K\003K\004t\224t\224\214\001d\224\214\013collections\224"
      "\214\013OrderedDict\224\223\224)R\224\214\001k\224K\001s\214\001"
      "n\224}\224\214\005again\224h\002u.",
      171 },
};

#define LIST "[1,-2,300,70000,-1099511627776,big,2.5,True,False,None,'x']"

START_TEST(reads_every_protocol)
{
    struct mt_strbuf out = MT_STRBUF_INIT;
    const struct mt_pickle *root;

    ck_assert_msg(parse(protocols[_i].bytes, protocols[_i].n) == MT_OK, "%s",
                  err.text);
    root = doc.root;
    print(root, &out);
    ck_assert_str_eq(out.text,
                     "{'a':" LIST ",'t':((),(1),(1,2),(1,2,3),(1,2,3,4)),"
                     "'d':collections.OrderedDict(){'k':1},'n':{},"
                     "'again':" LIST "}");
    /* A shared value is not copied. */
    ck_assert_ptr_eq(mt_pickle_at(root, 1), mt_pickle_at(root, 9));
    mt_strbuf_free(&out);
    mt_pickle_free(&doc);
}
END_TEST

START_TEST(refuses_every_cut)
{
    for (size_t n = 0; n < protocols[_i].n; n++) {
        ck_assert_int_eq(parse(protocols[_i].bytes, n), MT_INVALID);
        ck_assert_ptr_null(doc.root);
    }
}
END_TEST

#define V(bytes, value) { bytes, sizeof(bytes) - 1, value }

/* Calls become values that describe them. */
static const struct {
    const char *bytes;
    size_t n;
    const char *value;
} values[] = {
    V("cos\nsystem\n(S'id'\ntR.", "os.system('id')"),
    V("(S'id'\nios\nsystem\n.", "os.system('id')"),
    V("(cos\nsystem\nS'id'\no.", "os.system('id')"),
    V("cm\nC\n)\x81}S'a'\nK\1sb.", "m.C().{'a':1}"),
    V("cm\nC\n)}\x92K\1a.", "m.C()[1]"),
    V("\x8c\1m\x8c\1f\x93)R.", "m.f()"),
    V("cm\nf\n)RK\1K\2s(K\3K\4uK\5a(K\6K\7e.", "m.f()[5,6,7]{1:2,3:4}"),
    V("S'pid'\nQ.", "@'pid'"),
    V("Ppid\n.", "@'pid'"),
    V("\x8f(K\1K\2\x90.", "<1,2>"),
    V("(K\1\x91.", "<1>"),
    V("(K\1K\2l0(K\1K\2d.", "{1:2}"),
    V("K\1(K\2K\3"
      "1.",
      "1"),
    V("(K\1"
      "2t.",
      "(1,1)"),
    V("K\1(00K\2.", "2"),
    V("I01\n0I-7\n.", "-7"),
    V("L123456789012345678901234567890L\n.", "big"),
    V("F-2.5e3\n.", "-2500"),
    V("\x8a\0.", "0"),
    V("\x8a\2\0\xff.", "-256"),
    V("\x8b\1\0\0\0\x7f.", "127"),
    V("C\2ab.", "b'ab'"),
    V("\x95\0\0\0\0\0\0\0\0K\1\x94g0\n.", "1"),
    V("Nr\6\0\0\0j\6\0\0\0.", "None"),
};

START_TEST(calls_nothing)
{
    check_value(values[_i].bytes, values[_i].n, values[_i].value);
}
END_TEST

static const struct {
    const char *bytes;
    size_t n;
    const char *says;
} bad[] = {
    V("", "cut short at byte 0"),
    V("K", "the pickle ends within it"),
    V("\xff.", "byte 0 of the pickle (opcode 0xff): there is no such opcode"),
    V("\x80\6N.", "expected protocol 0 to 5"),
    V(".", "too few values"),
    V("(.", "a mark is left"),
    V("R.", "too few values"),
    V("NR.", "too few values"),
    V("(NNR.", "a mark is left"),
    V("N(R.", "too few values"),
    V("t.", "there is no mark"),
    V("o.", "there is no mark"),
    V("(o.", "too few values"),
    V("(Nd.", "a key has no value"),
    V("}(Nu.", "a key has no value"),
    V("]NNs.", "adds to a value that is not such a container"),
    V("NNa.", "adds to a value that is not such a container"),
    V(")Na.", "adds to a value that is not such a container"),
    V("NNb.", "sets the state of a value that is not an object"),
    V("h\0.", "nothing is in the memo"),
    V("Nq\0j\1\0\0\0.", "nothing is in the memo"),
    V("Nr\xff\xff\xff\xff.", "too large for a memo"),
    V("Nr\7\0\0\0.", "too large for a memo"),
    V("Np99999999999\n.", "not a number"),
    V("q\0.", "too few values"),
    V("I12x\n.", "not a number"),
    V("I\n.", "not a number"),
    V("I-\n.", "not a number"),
    V("F1.5x\n.", "not a number"),
    V("Sx\n.", "a string has no quotes"),
    V("S'\n.", "a string has no quotes"),
    V("X\xff\xff\xff\xff.", "the pickle ends within it"),
    V("\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", "the pickle ends within it"),
    V("\x8b\xff\xff\xff\x7f.", "the pickle ends within it"),
    V("c\nf\n.", "the name of a global is malformed"),
    V("ca b\nf\n.", "the name of a global is malformed"),
    V("K\1K\2\x93.", "the name of a global is malformed"),
    V("\x82\1.", "extension codes are not read"),
    V("\x97.", "buffers outside of the pickle"),
};

START_TEST(refuses)
{
    ck_assert_int_eq(parse(bad[_i].bytes, bad[_i].n), MT_INVALID);
    ck_assert_msg(strstr(err.text, bad[_i].says), "%s", err.text);
    ck_assert_ptr_null(doc.root);
}
END_TEST

/* Each value has its own number; a shared one is made only once. */
START_TEST(numbers)
{
    ck_assert_int_eq(parse("](Nq\0h\0K\1e.", 11), MT_OK);
    ck_assert_uint_eq(doc.n_values, 3);
    ck_assert_uint_eq(doc.n_pushes, 4);
    ck_assert_uint_eq(doc.root->number, 1);
    ck_assert_uint_eq(mt_pickle_at(doc.root, 0)->number, 2);
    ck_assert_uint_eq(mt_pickle_at(doc.root, 1)->number, 2);
    ck_assert_uint_eq(mt_pickle_at(doc.root, 2)->number, 3);
    mt_pickle_free(&doc);
}
END_TEST

/* Lists and dictionaries may contain themselves. */
START_TEST(loops)
{
    ck_assert_int_eq(parse("]q\0h\0a.", 7), MT_OK);
    ck_assert_ptr_eq(mt_pickle_at(doc.root, 0), doc.root);
    mt_pickle_free(&doc);
}
END_TEST

/* Many values are refused before they take much memory. */
START_TEST(limits)
{
    enum { N = 9 << 20 };
    char *bytes = malloc(N);

    ck_assert_ptr_nonnull(bytes);
    memset(bytes, ']', N);
    ck_assert_int_eq(parse(bytes, N), MT_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "more than 2097152 values"));
    memset(bytes, '2', N); /* DUP */
    bytes[0] = 'N';
    ck_assert_int_eq(parse(bytes, N), MT_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "more than 8388608 values"));
    free(bytes);
    ck_assert_int_eq(parse("N.", (size_t)MT_PICKLE_MAX_BYTES + 1), MT_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "expected at most 67108864"));
}
END_TEST

/* Every global counts, even one that is discarded. */
START_TEST(globals)
{
    ck_assert_int_eq(parse("ca\nb\n0cc\nd\n0ca\nb\n0N.", 22), MT_OK);
    ck_assert_uint_eq(doc.n_globals, 2);
    ck_assert_str_eq(doc.globals[0], "a.b");
    ck_assert_str_eq(doc.globals[1], "c.d");
    mt_pickle_free(&doc);
}
END_TEST

Suite *pickle_suite(void);
Suite *pickle_suite(void)
{
    Suite *s = suite_create("pickle");
    TCase *tc = tcase_create("pickle");

    tcase_add_loop_test(tc, reads_every_protocol, 0, 6);
    tcase_add_loop_test(tc, refuses_every_cut, 0, 6);
    tcase_add_loop_test(tc, calls_nothing, 0, sizeof values / sizeof *values);
    tcase_add_loop_test(tc, refuses, 0, sizeof bad / sizeof *bad);
    tcase_add_test(tc, numbers);
    tcase_add_test(tc, loops);
    tcase_add_test(tc, limits);
    tcase_add_test(tc, globals);
    suite_add_tcase(s, tc);
    return s;
}
