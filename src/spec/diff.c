#include "spec/diff.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "spec/tree.h"

struct walk {
    mt_spec_change *change;
    void *ctx;
    struct mt_strbuf path;
    bool pointers; /* "/a/b" instead of "a.b" */
};

static void report(struct walk *w, const struct mt_item *a, const struct mt_item *b)
{
    struct mt_strbuf x = MT_STRBUF_INIT, y = MT_STRBUF_INIT;

    if (a)
        mt_json_print_compact(a, &x);
    if (b)
        mt_json_print_compact(b, &y);
    w->change(w->ctx, w->path.text ? w->path.text : "", x.text, y.text);
    mt_strbuf_free(&x);
    mt_strbuf_free(&y);
}

static bool same(const struct mt_item *a, const struct mt_item *b)
{
    struct mt_strbuf x = MT_STRBUF_INIT, y = MT_STRBUF_INIT;
    bool equal;

    mt_json_print_compact(a, &x);
    mt_json_print_compact(b, &y);
    equal = x.text && y.text && strcmp(x.text, y.text) == 0;
    mt_strbuf_free(&x);
    mt_strbuf_free(&y);
    return equal;
}

static void walk(struct walk *w, const struct mt_item *a, const struct mt_item *b);

/* ~ and / are escaped in a pointer. */
static void add_pointer(struct mt_strbuf *out, const char *name)
{
    mt_strbuf_putc(out, '/');
    for (const char *p = name; *p; p++) {
        if (*p == '~' || *p == '/')
            mt_strbuf_puts(out, *p == '~' ? "~0" : "~1");
        else
            mt_strbuf_putc(out, *p);
    }
}

static bool is_word(const char *name)
{
    while (*name == '_' || *name == '$' || *name == '-' ||
           isalnum((unsigned char)*name))
        name++;
    return !*name;
}

static void add_name(struct mt_strbuf *out, const char *name)
{
    if (*name && is_word(name)) {
        mt_strbuf_puts(out, out->len ? "." : "");
        mt_strbuf_puts(out, name);
        return;
    }
    mt_strbuf_putc(out, '[');
    mt_json_add_string(out, name);
    mt_strbuf_putc(out, ']');
}

static void walk_member(struct walk *w, const char *name, size_t index,
                        const struct mt_item *a, const struct mt_item *b)
{
    size_t length = w->path.len;
    char number[24];

    if (!name)
        snprintf(number, sizeof number, "%zu", index);
    (w->pointers ? add_pointer : add_name)(&w->path, name ? name : number);
    walk(w, a, b);
    w->path.len = length;
    if (w->path.text)
        w->path.text[length] = '\0';
}

static void walk_objects(struct walk *w, const struct mt_item *a, const struct mt_item *b)
{
    for (const struct mt_item *m = a->child; m; m = m->next)
        walk_member(w, m->key, 0, m, mt_json_get(b, m->key));
    for (const struct mt_item *m = b->child; m; m = m->next) {
        if (!mt_json_get(a, m->key))
            walk_member(w, m->key, 0, NULL, m);
    }
}

static void walk_lists(struct walk *w, const struct mt_item *a, const struct mt_item *b)
{
    const struct mt_item *x = a->child, *y = b->child;

    for (size_t i = 0; x || y; i++) {
        walk_member(w, NULL, i, x, y);
        x = x ? x->next : NULL;
        y = y ? y->next : NULL;
    }
}

static void walk(struct walk *w, const struct mt_item *a, const struct mt_item *b)
{
    if (a && b && mt_is_object(a) && mt_is_object(b))
        walk_objects(w, a, b);
    else if (a && b && mt_is_list(a) && mt_is_list(b))
        walk_lists(w, a, b);
    else if (!a || !b || !same(a, b))
        report(w, a, b);
}

static void diff(const struct mt_item *a, const struct mt_item *b, bool pointers,
                 mt_spec_change *change, void *ctx)
{
    struct walk w = { change, ctx, MT_STRBUF_INIT, pointers };

    walk(&w, a, b);
    mt_strbuf_free(&w.path);
}

void mt_spec_diff(const struct mt_item *a, const struct mt_item *b, mt_spec_change *change,
                  void *ctx)
{
    diff(a, b, false, change, ctx);
}

void mt_spec_diff_pointers(const struct mt_item *a, const struct mt_item *b,
                           mt_spec_change *change, void *ctx)
{
    diff(a, b, true, change, ctx);
}
