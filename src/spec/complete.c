/* Completes dotted keys and their values from the schema and the spec:
 * mtrain train SPEC optimizer.<TAB> */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spec/complete.h"

enum { MAX_NODES = 32, MAX_KEY = 256 };

/* What the schema says about one place in the spec: all of its nodes apply. */
struct place {
    const struct mt_item *root;            /* of the schema */
    const struct mt_item *node[MAX_NODES];
    size_t n;
    const struct mt_item *value;           /* in the spec, or NULL */
};

typedef void visitor(void *ctx, const struct mt_item *node);

/* --- the schema --------------------------------------------------------- */

static const struct mt_item *resolve(const struct mt_item *root, const char *ref)
{
    const struct mt_item *at = root;
    char key[MAX_KEY];

    ref += strspn(ref, "#");
    while (*ref == '/' && at) {
        size_t n = strcspn(++ref, "/");

        if (n >= sizeof key)
            return NULL;
        memcpy(key, ref, n);
        key[n] = '\0';
        at = mt_json_get(at, key);
        ref += n;
    }
    return at;
}

/* Does {"properties": {"type": {"const": X}}} hold? */
static bool condition_holds(const struct mt_item *condition, const struct mt_item *value)
{
    const struct mt_item *type = mt_json_get(mt_json_get(condition, "properties"),
                                    "type");
    const struct mt_item *is = mt_json_get(value, "type");
    const struct mt_item *expected = mt_json_get(type, "const");

    return mt_is_string(is) && mt_is_string(expected) &&
           strcmp(is->text, expected->text) == 0;
}

/* Visits every schema object that applies to the value, including all
 * alternatives. */
static void visit(const struct mt_item *root, const struct mt_item *node, const struct mt_item *value,
                  visitor *f, void *ctx)
{
    static const char *const lists[] = { "allOf", "anyOf" };
    const struct mt_item *ref = mt_json_get(node, "$ref");
    const struct mt_item *condition = mt_json_get(node, "if");

    f(ctx, node);
    if (mt_is_string(ref))
        visit(root, resolve(root, ref->text), value, f, ctx);
    if (condition && condition_holds(condition, value))
        visit(root, mt_json_get(node, "then"), value, f, ctx);
    for (size_t i = 0; i < 2; i++) {
        const struct mt_item *list = mt_json_get(node, lists[i]);

        for (const struct mt_item *m = list ? list->child : NULL; m; m = m->next)
            visit(root, m, value, f, ctx);
    }
}

static void visit_place(const struct place *p, visitor *f, void *ctx)
{
    for (size_t i = 0; i < p->n; i++)
        visit(p->root, p->node[i], p->value, f, ctx);
}

struct step {
    const char *key; /* NULL: an element of a list */
    struct place *to;
};

static void add_step(void *ctx, const struct mt_item *node)
{
    struct step *s = ctx;
    const struct mt_item *found =
        s->key ? mt_json_get(mt_json_get(node, "properties"), s->key)
               : mt_json_get(node, "items");

    if (found && s->to->n < MAX_NODES)
        s->to->node[s->to->n++] = found;
}

/* Returns -1, which is no element, if key is not an index. */
static int read_index(const char *key)
{
    char *end;
    long i = strtol(key, &end, 10);

    return *key && !*end && i >= 0 && i < 1 << 20 ? (int)i : -1;
}

static struct place step_to(const struct place *from, const char *key)
{
    bool list = mt_is_list(from->value);
    struct place to = { .root = from->root };
    struct step step = { list ? NULL : key, &to };

    to.value = list ? mt_item_at(from->value, read_index(key))
                    : mt_json_get(from->value, key);
    if (!list || to.value)
        visit_place(from, add_step, &step);
    return to;
}

/* --- what is offered ---------------------------------------------------- */

struct list {
    const char *prefix; /* "optimizer.", "optimizer.type=" */
    const char *word;   /* candidates begin with it */
    mt_candidate *offer;
    void *ctx;
    const struct place *at;
    struct mt_strbuf seen; /* "\nlr\nbetas\n": to offer each only once */
    size_t n;
    char only[MAX_KEY];    /* the last one that ends in "." */
};

static bool seen_before(struct list *l, const char *name)
{
    struct mt_strbuf line = MT_STRBUF_INIT;
    bool found;

    mt_strbuf_printf(&line, "\n%s\n", name);
    found = line.failed || (l->seen.text && strstr(l->seen.text, line.text));
    mt_strbuf_puts(&l->seen, line.failed ? "" : line.text);
    mt_strbuf_free(&line);
    return found;
}

/* Offers prefix, name and end, once. */
static void offer(struct list *l, const char *name, const char *end,
                  const char *doc)
{
    struct mt_strbuf text = MT_STRBUF_INIT;

    mt_strbuf_printf(&text, "%s%s%s", l->prefix, name, end);
    if (!text.failed && strpbrk(text.text, "\t\n\r") == NULL &&
        strncmp(text.text, l->word, strlen(l->word)) == 0 &&
        !seen_before(l, name)) {
        l->n++;
        if (*end == '.' && text.len < sizeof l->only)
            memcpy(l->only, text.text, text.len + 1);
        if (l->offer)
            l->offer(l->ctx, text.text, doc);
    }
    mt_strbuf_free(&text);
}

static void note_inside(void *ctx, const struct mt_item *node)
{
    bool *inside = ctx;

    *inside |= mt_json_get(node, "properties") != NULL;
}

/* Can the key go on with "." (else "=" follows)? */
static bool goes_on(const struct place *p)
{
    bool inside = false;

    if (mt_is_list(p->value))
        return mt_is_object(p->value->child);
    if (p->value)
        return mt_is_object(p->value);
    visit_place(p, note_inside, &inside);
    return inside;
}

static void offer_key(struct list *l, const char *name, const char *doc)
{
    struct place below = step_to(l->at, name);
    struct mt_strbuf text = MT_STRBUF_INIT;
    bool more = goes_on(&below);

    mt_strbuf_puts(&text, doc);
    if (below.value && !more) {
        mt_strbuf_puts(&text, "; now ");
        mt_json_print_compact(below.value, &text);
    }
    offer(l, name, more ? "." : "=", text.text ? text.text : "");
    mt_strbuf_free(&text);
}

static void offer_properties(void *ctx, const struct mt_item *node)
{
    struct list *l = ctx;
    const struct mt_item *properties = mt_json_get(node, "properties");

    for (const struct mt_item *p = properties ? properties->child : NULL; p;
         p = p->next) {
        const struct mt_item *doc = mt_json_get(p, "description");

        if (mt_is_string(doc))
            offer_key(l, p->key, doc->text);
    }
}

/* Offers list members by index, described by name and type. */
static void offer_members(struct list *l)
{
    size_t i = 0;

    for (const struct mt_item *m = l->at->value->child; m; m = m->next, i++) {
        const struct mt_item *type = mt_json_get(m, "type");
        const struct mt_item *name = mt_json_get(m, "name");
        char number[32];
        struct mt_strbuf doc = MT_STRBUF_INIT;

        mt_strbuf_printf(&doc, "%s%s%s",
                         mt_is_string(type) ? type->text : "",
                         mt_is_string(name) ? " " : "",
                         mt_is_string(name) ? name->text : "");
        snprintf(number, sizeof number, "%zu", i);
        offer(l, number, mt_is_object(m) ? "." : "=",
              doc.text ? doc.text : "");
        mt_strbuf_free(&doc);
    }
}

static void offer_keys(struct list *l)
{
    if (mt_is_list(l->at->value)) {
        offer_members(l);
        return;
    }
    visit_place(l->at, offer_properties, l);
    if (l->n || !mt_is_object(l->at->value))
        return;
    for (const struct mt_item *m = l->at->value->child; m; m = m->next)
        offer_key(l, m->key, "");
}

static void offer_value(struct list *l, const struct mt_item *value, const char *doc)
{
    struct mt_strbuf text = MT_STRBUF_INIT;

    if (mt_is_string(value))
        mt_strbuf_puts(&text, value->text);
    else
        mt_json_print_compact(value, &text);
    if (!text.failed)
        offer(l, text.text, "", doc);
    mt_strbuf_free(&text);
}

static void offer_values(void *ctx, const struct mt_item *node)
{
    struct list *l = ctx;
    const struct mt_item *choices = mt_json_get(node, "enum");
    const struct mt_item *constant = mt_json_get(node, "const");
    const struct mt_item *def = mt_json_get(node, "default");
    const struct mt_item *type = mt_json_get(node, "type");
    const char *name = mt_is_string(type) ? type->text : "";

    if (def)
        offer_value(l, def, "default");
    for (const struct mt_item *c = choices ? choices->child : NULL; c; c = c->next)
        offer_value(l, c, "");
    if (constant)
        offer_value(l, constant, "");
    if (strcmp(name, "boolean") == 0) {
        offer(l, "true", "", "");
        offer(l, "false", "", "");
    }
    if (strcmp(name, "null") == 0)
        offer(l, "null", "", "none");
}

/* --- the word ----------------------------------------------------------- */

/* The place that the first n characters of word, "a.b.", lead to. */
static struct place walk(const struct mt_item *schema, const struct mt_item *spec,
                         const char *word, size_t n)
{
    struct place at = { .root = schema, .node = { schema }, .n = 1,
                        .value = spec };
    char key[MAX_KEY];

    while (n > 0) {
        size_t length = strcspn(word, ".=");

        if (length >= sizeof key || length >= n)
            return (struct place){ .root = schema };
        memcpy(key, word, length);
        key[length] = '\0';
        at = step_to(&at, key);
        word += length + 1;
        n -= length + 1;
    }
    return at;
}

/* Offers one level; if the only candidate ends in ".", stores it in only. */
static bool offer_level(const struct mt_item *schema, const struct mt_item *spec,
                        const char *base, const char *word, mt_candidate *f,
                        void *ctx, char *only)
{
    const char *equals = strchr(base, '='), *dot = strrchr(base, '.');
    size_t n = equals ? (size_t)(equals - base) + 1
                      : dot ? (size_t)(dot - base) + 1 : 0;
    struct place at = walk(schema, spec, base, n);
    struct mt_strbuf prefix = MT_STRBUF_INIT;
    struct list l = { .word = word, .offer = f, .ctx = ctx, .at = &at };

    mt_strbuf_add(&prefix, base, n);
    l.prefix = prefix.text ? prefix.text : "";
    if (!prefix.failed && equals) {
        if (at.value && !goes_on(&at))
            offer_value(&l, at.value, "now");
        visit_place(&at, offer_values, &l);
    } else if (!prefix.failed) {
        offer_keys(&l);
    }
    memcpy(only, l.only, MAX_KEY);
    mt_strbuf_free(&prefix);
    mt_strbuf_free(&l.seen);
    return l.n == 1 && *l.only;
}

void mt_spec_complete(const struct mt_json *schema, const struct mt_item *spec,
                      const char *word, mt_candidate *f, void *ctx)
{
    const struct mt_item *root = mt_json_root(schema);
    char base[MAX_KEY], only[MAX_KEY];

    if (strlen(word) >= sizeof base)
        return;
    memcpy(base, word, strlen(word) + 1);
    while (offer_level(root, spec, base, word, NULL, NULL, only))
        memcpy(base, only, sizeof base);
    offer_level(root, spec, base, word, f, ctx, only);
}
