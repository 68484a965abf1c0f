/* The message when a state does not fit: what is wrong, in groups. */
#include <stdio.h>
#include <string.h>

#include "train/transfer_match.h"

enum { MAX_LINES = 10 };

struct report {
    struct mt_strbuf text;
    size_t lines;    /* lines of the present kind */
    bool *explained; /* (arrays of the target) by a prefix */
};

/* Is there room for another line? If not, it is only counted. */
static bool next_line(struct report *t)
{
    return t->lines++ < MAX_LINES;
}

static void end_kind(struct report *t, const char *kind)
{
    if (t->lines > MAX_LINES)
        mt_strbuf_printf(&t->text, "\n  ... and %zu more %s",
                         t->lines - MAX_LINES, kind);
    t->lines = 0;
}

/* A prefix that the advice strips or adds explains many names at once: they are
 * reported in one line. */
static const char *added_prefix(const struct mt_transfer_advice *advice)
{
    if (advice->n_map && strcmp(advice->map[0].from, "*") == 0)
        return advice->map[0].to;
    return NULL;
}

static size_t stripped_length(const struct mt_transfer_options *o,
                              const struct mt_transfer_advice *advice)
{
    size_t before = o->strip_prefix ? strlen(o->strip_prefix) : 0;

    return advice->strip_prefix ? strlen(advice->strip_prefix) - before : 0;
}

/* The prefix that the advice strips, after the n bytes stripped already. */
static const char *stripped(const struct mt_transfer_advice *advice, size_t n)
{
    return advice->strip_prefix + strlen(advice->strip_prefix) - n;
}

static bool starts(const char *text, const char *start, size_t n)
{
    return strncmp(text, start, n) == 0;
}

/* The target's tensor for the item once the prefix is stripped or added; NULL
 * if that explains nothing. */
static const struct mt_array *explain(const struct mt_bundle *target,
                                      const struct mt_match_item *item,
                                      const struct mt_transfer_options *o,
                                      const struct mt_transfer_advice *advice)
{
    size_t n = stripped_length(o, advice);
    const char *added = added_prefix(advice);
    char key[2048];

    if (item->to || !advice->works)
        return NULL;
    if (n && starts(item->key, stripped(advice, n), n))
        return mt_find_model(target, item->key + n);
    if (!added || item->mapped)
        return NULL;
    snprintf(key, sizeof key, "%.*s%s", (int)(strlen(added) - 1), added,
             item->key);
    return mt_find_model(target, key);
}

static void report_prefix(struct report *t, const struct mt_match *m,
                          const struct mt_transfer_options *o,
                          const struct mt_transfer_advice *advice)
{
    size_t n = stripped_length(o, advice), with = 0;
    const char *added = added_prefix(advice), *start;

    if (added && m->n)
        mt_strbuf_printf(
            &t->text,
            "\n  the names of the model start with \"%.*s\", those "
            "of the state do not: add --map '*=%s'",
            (int)(strlen(added) - 1), added, added);
    if (!n)
        return;
    start = stripped(advice, n);
    for (size_t i = 0; i < m->n; i++)
        with += starts(m->items[i].key, start, n);
    mt_strbuf_printf(&t->text,
                     with == m->n ? "\n  all %zu names start with \"%s\": "
                                    "add --strip-prefix %s"
                                  : "\n  %zu names start with \"%s\": "
                                    "add --strip-prefix %s",
                     with, start, advice->strip_prefix);
    if (advice->also)
        mt_strbuf_printf(&t->text,
                         "\n  names that start with \"%s\" fit as well: to "
                         "load those, --strip-prefix %s%s",
                         advice->also, o->strip_prefix ? o->strip_prefix : "",
                         advice->also);
}

/* Does a given rename match a name of the state? */
static bool is_used(const struct mt_rename *rename, const struct mt_match *m,
                    const struct mt_transfer_options *o, struct mt_arena *arena)
{
    size_t n = o->strip_prefix ? strlen(o->strip_prefix) : 0;

    for (size_t i = 0; i < m->n; i++) {
        const char *name = mt_name_key(m->items[i].from->name);
        bool strips = n && starts(name, o->strip_prefix, n) && name[n];

        if (mt_rename_apply(rename, name + (strips ? n : 0), arena))
            return true;
    }
    return false;
}

/* Reports given renames that match nothing; not if only some tensors are
 * selected. */
static void report_idle(struct report *t, const struct mt_match *m,
                        const struct mt_transfer_options *o,
                        struct mt_arena *arena)
{
    if ((o->only && *o->only) || (o->except && *o->except))
        return;
    for (size_t i = 0; i < o->n_map; i++) {
        if (is_used(&o->map[i], m, o, arena))
            continue;
        mt_strbuf_printf(&t->text,
                         "\n  --map %s=%s matches no name of the state",
                         o->map[i].from, o->map[i].to);
        if (strchr(o->map[i].from, '['))
            mt_strbuf_puts(&t->text, "; a bracket itself is [[]");
    }
}

/* Square matrices: transposing them is proposed, but a guess. */
static void report_squares(struct report *t,
                           const struct mt_transfer_advice *advice)
{
    if (!advice->square)
        return;
    mt_strbuf_printf(&t->text,
                     "\n  square, so the shape does not say whether it is "
                     "transposed; taken like the others of its layer: %s",
                     advice->square);
    if (advice->n_square > 1)
        mt_strbuf_printf(&t->text, " and %zu more", advice->n_square - 1);
}

/* The name that the advice gives to a tensor, without its prefix. */
static const char *renamed(const char *key,
                           const struct mt_transfer_advice *advice, size_t n,
                           struct mt_arena *arena)
{
    for (size_t i = 0; i < advice->n_map; i++) {
        const char *to = mt_rename_apply(&advice->map[i], key + n, arena);

        if (to)
            return to;
    }
    return NULL;
}

static void report_unexpected(struct report *t, const struct mt_bundle *target,
                              const struct mt_match *m,
                              const struct mt_transfer_options *o,
                              const struct mt_transfer_advice *advice,
                              struct mt_arena *arena)
{
    size_t n = stripped_length(o, advice);

    for (size_t i = 0; i < m->n; i++) {
        const struct mt_match_item *item = &m->items[i];
        const char *near;

        if (item->to || explain(target, item, o, advice) || !next_line(t))
            continue;
        near = renamed(item->key, advice,
                       n && starts(item->key, stripped(advice, n), n) ? n : 0,
                       arena);
        near = near && mt_find_model(target, near) ? near : NULL;
        mt_strbuf_printf(&t->text, "\n  unexpected: %s %s", item->key,
                         mt_shape_text(&item->from->shape).text);
        if (near)
            mt_strbuf_printf(
                &t->text, " (%s%s)",
                mt_match_fits(item->from, false, mt_find_model(target, near))
                    ? "nearest of this shape: "
                    : "the transpose of ",
                near);
    }
    end_kind(t, "unexpected");
}

static void report_missing(struct report *t, const struct mt_bundle *target,
                           const struct mt_match *m,
                           const struct mt_transfer_options *o)
{
    for (size_t i = 0; i < target->n; i++) {
        const struct mt_array *to = &target->arrays[i];

        if (!mt_match_is_missing(m, target, o, i) || t->explained[i] ||
            !next_line(t))
            continue;
        mt_strbuf_printf(&t->text, "\n  missing: %s %s", mt_name_key(to->name),
                         mt_shape_text(&to->shape).text);
    }
    end_kind(t, "missing");
}

static void report_shape(struct report *t, const struct mt_match_item *item,
                         const struct mt_array *to)
{
    bool turned = !item->transposed && item->from->shape.rank >= 2 &&
                  mt_match_fits(item->from, true, to);
    struct mt_shape shape = item->transposed
                                ? mt_shape_transposed(&item->from->shape)
                                : item->from->shape;
    bool types = mt_shape_equal(&shape, &to->shape);
    bool renamed_to = strcmp(item->key, mt_name_key(to->name)) != 0;

    if (!next_line(t))
        return;
    mt_strbuf_printf(&t->text,
                     "\n  shape: %s is %s%s%s in the state%s, %s%s%s%s in the "
                     "model%s%s",
                     item->key, types ? mt_array_type(item->from) : "",
                     types ? " " : "", mt_shape_text(&shape).text,
                     item->transposed ? ", once transposed" : "",
                     turned ? "the transpose of " : "",
                     types ? mt_dtype_name(to->dtype) : "", types ? " " : "",
                     mt_shape_text(&to->shape).text, renamed_to ? " as " : "",
                     renamed_to ? mt_name_key(to->name) : "");
}

/* Differing shapes, of names as they are and as a prefix explains them. */
static void report_shapes(struct report *t, const struct mt_bundle *target,
                          const struct mt_match *m,
                          const struct mt_transfer_options *o,
                          const struct mt_transfer_advice *advice)
{
    for (size_t i = 0; i < m->n; i++) {
        const struct mt_match_item *item = &m->items[i];
        const struct mt_array *to = explain(target, item, o, advice);

        if (to)
            t->explained[mt_array_number(target, to)] = true;
        to = to ? to : item->to;
        if (to && !mt_match_fits(item->from,
                                 mt_match_transposes(o, mt_name_key(to->name),
                                                     &item->from->shape),
                                 to))
            report_shape(t, item, to);
    }
    end_kind(t, "of another shape");
}

mt_status mt_transfer_fail(const struct mt_bundle *target,
                           const struct mt_transfer_options *o,
                           const struct mt_match *m,
                           const struct mt_transfer_advice *advice,
                           struct mt_err *err)
{
    struct report t = { MT_STRBUF_INIT, 0, NULL };
    struct mt_arena arena = MT_ARENA_INIT;

    t.explained = mt_arena_calloc(&arena, target->n + 1, sizeof *t.explained);
    if (!t.explained)
        return mt_fail_memory(err);
    report_idle(&t, m, o, &arena);
    if (advice->works) {
        report_prefix(&t, m, o, advice);
        report_squares(&t, advice);
    }
    report_shapes(&t, target, m, o, advice);
    report_unexpected(&t, target, m, o, advice, &arena);
    report_missing(&t, target, m, o);
    if (!advice->works && !o->partial && !m->shapes && m->fitting)
        mt_strbuf_puts(&t.text, "\nto load what fits and leave the rest, add "
                                "--partial; to rename, --map OLD=NEW");
    if (!m->fitting && !m->shapes && (o->partial || !advice->works))
        mt_fail(err, MT_MISMATCH,
                "no tensor of the state matches one of the model: nothing to "
                "load%s",
                t.text.text ? t.text.text : "");
    else
        mt_fail(err, MT_MISMATCH,
                "the state does not fit the model: %zu missing, %zu "
                "unexpected, %zu of another shape%s",
                m->missing, m->unexpected, m->shapes,
                t.text.text ? t.text.text : "");
    mt_strbuf_free(&t.text);
    mt_arena_free(&arena);
    return MT_MISMATCH;
}
