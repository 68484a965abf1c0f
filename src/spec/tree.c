#include "spec/tree_internal.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/size.h"

struct mt_item *mt_item_new(struct mt_arena *arena, enum mt_item_kind kind,
                            const char *key)
{
    struct mt_item *node = mt_arena_calloc(arena, 1, sizeof *node);

    if (!node)
        return NULL;
    node->kind = kind;
    if (!key)
        return node;
    node->key = mt_arena_strdup(arena, key);
    return node->key ? node : NULL;
}

void mt_item_add(struct mt_item *parent, struct mt_item *member)
{
    member->parent = parent;
    if (parent->last)
        parent->last->next = member;
    else
        parent->child = member;
    parent->last = member;
}

size_t mt_item_count(const struct mt_item *item)
{
    size_t n = 0;

    for (const struct mt_item *m = item ? item->child : NULL; m; m = m->next)
        n++;
    return n;
}

const struct mt_item *mt_item_at(const struct mt_item *item, size_t i)
{
    const struct mt_item *m = item ? item->child : NULL;

    while (m && i--)
        m = m->next;
    return m;
}

struct member {
    const struct mt_item *item;
    size_t order;
};

/* By key; equal keys in the order of the text. */
static int compare_members(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    int by_key = strcmp(x->item->key, y->item->key);

    if (by_key)
        return by_key;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* Finds the first key in the text that repeats an earlier one. */
static bool find_duplicate(const struct member *sorted, size_t n,
                           struct member *first, struct member *again)
{
    bool found = false;

    for (size_t i = 1; i < n; i++) {
        if (strcmp(sorted[i - 1].item->key, sorted[i].item->key))
            continue;
        if (found && sorted[i].order > again->order)
            continue;
        found = true;
        *first = sorted[i - 1];
        *again = sorted[i];
    }
    return found;
}

static mt_status check_duplicates(const struct mt_json *doc,
                                  const struct mt_item *object,
                                  struct mt_err *err)
{
    size_t n = mt_item_count(object);
    struct member first = { NULL, 0 }, again = { NULL, 0 };

    if (n < 2)
        return MT_OK;
    struct member *members = calloc(n, sizeof *members);

    if (!members)
        return mt_fail_memory(err);
    n = 0;
    for (const struct mt_item *m = object->child; m; m = m->next, n++)
        members[n] = (struct member){ m, n };
    qsort(members, n, sizeof *members, compare_members);
    bool found = find_duplicate(members, n, &first, &again);

    free(members);
    if (!found)
        return MT_OK;
    return mt_json_fail(doc, again.item, err,
                        "duplicate key %s, expected it once; it is at %u:%u "
                        "too",
                        mt_json_quoted(again.item->key).text, first.item->line,
                        first.item->col);
}

/* Copies cJSON's tree, in preorder, the order of the positions. */
struct copy {
    struct mt_json *doc;
    const char *origin;
    const struct mt_json_table *table;
    size_t next;
    struct mt_err *err;
};

static enum mt_item_kind kind_of(const cJSON *item)
{
    return cJSON_IsObject(item)   ? MT_ITEM_OBJECT
           : cJSON_IsArray(item)  ? MT_ITEM_LIST
           : cJSON_IsString(item) ? MT_ITEM_STRING
           : cJSON_IsNumber(item) ? MT_ITEM_NUMBER
           : cJSON_IsBool(item)   ? MT_ITEM_BOOL
                                  : MT_ITEM_NULL;
}

static mt_status copy_value(struct copy *c, const cJSON *item,
                            struct mt_item *parent, struct mt_item **out)
{
    struct mt_arena *arena = &c->doc->arena;
    struct mt_item *node = mt_item_new(arena, kind_of(item), item->string);

    assert(c->next < c->table->n);
    if (node && cJSON_IsString(item))
        node->text = mt_arena_strdup(arena, item->valuestring);
    if (!node || (cJSON_IsString(item) && !node->text))
        return mt_fail_memory(c->err);
    node->truth = cJSON_IsTrue(item);
    node->number = node->kind == MT_ITEM_NUMBER ? item->valuedouble : 0;
    node->line = c->table->pos[c->next].line;
    node->col = c->table->pos[c->next].col;
    node->origin = c->origin;
    c->next++;
    if (parent)
        mt_item_add(parent, node);
    else
        *out = node;
    for (const cJSON *child = item->child; child; child = child->next) {
        mt_status status = copy_value(c, child, node, NULL);

        if (status != MT_OK)
            return status;
    }
    return node->kind == MT_ITEM_OBJECT ? check_duplicates(c->doc, node, c->err)
                                        : MT_OK;
}

mt_status mt_json_parse_value(struct mt_json *doc, const char *origin,
                              const char *text, size_t n, struct mt_item **out,
                              struct mt_err *err)
{
    struct mt_json_table table = { NULL, 0, 0 };
    struct copy c = { doc, origin, &table, 0, err };
    mt_status status = mt_json_scan(origin ? origin : doc->source, text, n,
                                    &table, err);
    cJSON *parsed = NULL;

    if (status == MT_OK) {
        parsed = cJSON_ParseWithLength(text, n);
        /* After the scan, this can fail only for lack of memory. */
        status = parsed ? copy_value(&c, parsed, NULL, out)
                        : mt_fail_memory(err);
    }
    cJSON_Delete(parsed);
    free(table.pos);
    return status;
}

mt_status mt_json_parse(const char *source, const char *text, size_t n,
                        struct mt_json **out, struct mt_err *err)
{
    struct mt_json *doc = calloc(1, sizeof *doc);
    mt_status status;

    *out = NULL;
    if (!doc)
        return mt_fail_memory(err);
    doc->source = mt_arena_strdup(&doc->arena, source);
    status = doc->source ? mt_json_parse_value(doc, NULL, text, n, &doc->root,
                                               err)
                         : mt_fail_memory(err);
    if (status == MT_OK)
        *out = doc;
    else
        mt_json_free(doc);
    return status;
}

mt_status mt_json_read_file(const char *path, struct mt_json **out,
                            struct mt_err *err)
{
    struct mt_bytes bytes = { NULL, 0 };
    const char *text;
    size_t mark = 0;
    mt_status status = mt_file_read(path, MT_JSON_MAX_BYTES, &bytes, err);

    *out = NULL;
    if (status != MT_OK)
        return status;
    text = (const char *)bytes.data;
    if (bytes.n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
        mark = 3; /* a byte order mark, which some editors write */
    if (bytes.n >= 2 &&
        (!memcmp(text, "\xff\xfe", 2) || !memcmp(text, "\xfe\xff", 2)))
        status = mt_fail(err, MT_INVALID,
                         "%s: the file is UTF-16; expected UTF-8 (iconv -f "
                         "UTF-16 -t UTF-8)",
                         path);
    else
        status = mt_json_parse(path, text + mark, bytes.n - mark, out, err);
    free(bytes.data);
    return status;
}

void mt_json_free(struct mt_json *doc)
{
    if (!doc)
        return;
    mt_arena_free(&doc->arena);
    free(doc);
}

const struct mt_item *mt_json_root(const struct mt_json *doc)
{
    return doc->root;
}

const struct mt_item *mt_json_get(const struct mt_item *object, const char *key)
{
    if (!mt_is_object(object))
        return NULL;
    for (const struct mt_item *m = object->child; m; m = m->next)
        if (!strcmp(m->key, key))
            return m;
    return NULL;
}

/* Can key be in a path without quotes? */
static bool is_plain(const char *key)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-$";

    return *key && !key[strspn(key, plain)];
}

static void add_step(struct mt_strbuf *out, const struct mt_item *item)
{
    const struct mt_item *parent = item->parent;
    size_t index = 0;

    if (mt_is_object(parent) && is_plain(item->key)) {
        mt_strbuf_printf(out, "%s%s", parent->parent ? "." : "", item->key);
    } else if (mt_is_object(parent)) {
        mt_strbuf_putc(out, '[');
        mt_json_add_string(out, item->key);
        mt_strbuf_putc(out, ']');
    } else {
        for (const struct mt_item *i = parent->child; i != item; i = i->next)
            index++;
        mt_strbuf_printf(out, "[%zu]", index);
    }
}

void mt_json_path(const struct mt_item *item, struct mt_strbuf *out)
{
    if (!item || !item->parent)
        return;
    mt_json_path(item->parent, out);
    add_step(out, item);
}

/* "source:line:col: path: ", or "ORIGIN: path: " for a value that was set. */
static void add_where(const struct mt_json *doc, const struct mt_item *item,
                      struct mt_strbuf *out)
{
    struct mt_strbuf path = MT_STRBUF_INIT;

    if (item && item->origin) {
        mt_json_add_clipped(out, item->origin, MT_JSON_CLIP_PATH);
    } else {
        mt_json_add_clipped(out, doc->source, MT_JSON_CLIP_SOURCE);
        if (item && item->line)
            mt_strbuf_printf(out, ":%u:%u", item->line, item->col);
    }
    mt_strbuf_puts(out, ": ");
    mt_json_path(item, &path);
    if (path.len && !path.failed) {
        mt_json_add_clipped(out, path.text, MT_JSON_CLIP_PATH);
        mt_strbuf_puts(out, ": ");
    }
    mt_strbuf_free(&path);
}

mt_status mt_json_fail(const struct mt_json *doc, const struct mt_item *item,
                       struct mt_err *err, const char *fmt, ...)
{
    char text[sizeof err->text];
    struct mt_strbuf where = MT_STRBUF_INIT;
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    add_where(doc, item, &where);
    mt_fail(err, MT_INVALID, "%s%s", where.failed ? "" : where.text, text);
    mt_strbuf_free(&where);
    return MT_INVALID;
}
