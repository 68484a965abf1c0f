#include "base/json_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/size.h"

/* The slot of item, or the free one where it belongs. */
static struct mt_json_place *find_slot(struct mt_json_place *places,
                                       size_t size, const cJSON *item)
{
    uint64_t hash = ((uint64_t)(uintptr_t)item >> 4) * 0x9e3779b97f4a7c15u;
    size_t at = (size_t)(hash >> 32) & (size - 1);

    while (places[at].item && places[at].item != item)
        at = (at + 1) & (size - 1);
    return &places[at];
}

static bool grow_places(struct mt_json *doc)
{
    size_t size = doc->places_size ? 2 * doc->places_size : 16;
    struct mt_json_place *grown = calloc(size, sizeof *grown);

    if (!grown)
        return false;
    for (size_t i = 0; i < doc->places_size; i++)
        if (doc->places[i].item)
            *find_slot(grown, size, doc->places[i].item) = doc->places[i];
    free(doc->places);
    doc->places = grown;
    doc->places_size = size;
    return true;
}

bool mt_json_put_place(struct mt_json *doc, const cJSON *item, uint32_t line,
                       uint32_t col)
{
    if (2 * (doc->n_places + 1) > doc->places_size && !grow_places(doc))
        return false;

    struct mt_json_place *slot = find_slot(doc->places, doc->places_size, item);

    doc->n_places += !slot->item;
    *slot = (struct mt_json_place){ item, line, col };
    return true;
}

static const struct mt_json_place *get_place(const struct mt_json *doc,
                                             const cJSON *item)
{
    if (!item || !doc->places_size)
        return NULL;
    const struct mt_json_place *slot =
        find_slot(doc->places, doc->places_size, item);

    return slot->item ? slot : NULL;
}

struct member {
    const cJSON *item;
    size_t order;
};

/* By key; equal keys in the order of the text. */
static int compare_members(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    int by_key = strcmp(x->item->string, y->item->string);

    if (by_key)
        return by_key;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* Finds the first key in the text that was there before. */
static bool find_duplicate(const struct member *sorted, size_t n,
                           struct member *first, struct member *again)
{
    bool found = false;

    for (size_t i = 1; i < n; i++) {
        if (strcmp(sorted[i - 1].item->string, sorted[i].item->string))
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
                                  const cJSON *object, struct mt_err *err)
{
    size_t n = 0;
    const cJSON *item;
    struct member first = { NULL, 0 }, again = { NULL, 0 };

    for (item = object->child; item; item = item->next)
        n++;
    if (n < 2)
        return MT_OK;
    struct member *members = calloc(n, sizeof *members);

    if (!members)
        return mt_fail_memory(err);
    n = 0;
    for (item = object->child; item; item = item->next) {
        members[n] = (struct member){ item, n };
        n++;
    }
    qsort(members, n, sizeof *members, compare_members);
    bool found = find_duplicate(members, n, &first, &again);

    free(members);
    if (!found)
        return MT_OK;
    const struct mt_json_place *place = get_place(doc, first.item);

    return mt_json_fail(doc, again.item, err,
                        "duplicate key %s, expected it once; it is at %u:%u "
                        "too",
                        mt_json_quoted(again.item->string).text, place->line,
                        place->col);
}

/* Gives each item its position: both are in preorder. */
static mt_status attach(struct mt_json *doc, const cJSON *item,
                        const struct mt_json_table *table, size_t *next,
                        struct mt_err *err)
{
    const struct mt_json_pos *pos = &table->pos[*next];
    const cJSON *child;

    assert(*next < table->n);
    ++*next;
    if (!mt_json_put_place(doc, item, pos->line, pos->col))
        return mt_fail_memory(err);
    for (child = item->child; child; child = child->next) {
        mt_status status = attach(doc, child, table, next, err);

        if (status != MT_OK)
            return status;
    }
    return cJSON_IsObject(item) ? check_duplicates(doc, item, err) : MT_OK;
}

mt_status mt_json_parse(const char *source, const char *text, size_t n,
                        struct mt_json **out, struct mt_err *err)
{
    struct mt_json_table table = { NULL, 0, 0 };
    struct mt_json *doc = NULL;
    size_t next = 0;
    mt_status status = mt_json_scan(source, text, n, &table, err);

    *out = NULL;
    if (status != MT_OK)
        goto out;
    status = MT_NO_MEMORY;
    doc = calloc(1, sizeof *doc);
    if (!doc)
        goto out;
    doc->source = strdup(source);
    /* After the scan nothing but memory can fail here. */
    doc->root = cJSON_ParseWithLength(text, n);
    if (!doc->source || !doc->root)
        goto out;
    status = attach(doc, doc->root, &table, &next, err);
    if (status == MT_OK) {
        *out = doc;
        doc = NULL;
    }
out:
    if (status == MT_NO_MEMORY)
        mt_fail_memory(err);
    mt_json_free(doc);
    free(table.pos);
    return status;
}

mt_status mt_json_read_file(const char *path, struct mt_json **out,
                            struct mt_err *err)
{
    struct mt_bytes bytes = { NULL, 0 };
    mt_status status = mt_file_read(path, MT_JSON_MAX_BYTES, &bytes, err);

    *out = NULL;
    if (status != MT_OK)
        return status;
    status = mt_json_parse(path, (const char *)bytes.data, bytes.n, out, err);
    free(bytes.data);
    return status;
}

void mt_json_free(struct mt_json *doc)
{
    if (!doc)
        return;
    for (size_t i = 0; i < doc->n_origins; i++)
        free(doc->origins[i]);
    free(doc->origins);
    free(doc->places);
    cJSON_Delete(doc->root);
    free(doc->source);
    free(doc);
}

const cJSON *mt_json_root(const struct mt_json *doc)
{
    return doc->root;
}

const cJSON *mt_json_get(const cJSON *object, const char *key)
{
    if (!cJSON_IsObject(object))
        return NULL;
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

/* The items from the root down to some item; cJSON knows no parents. */
struct trail {
    const cJSON *step[MT_JSON_MAX_DEPTH + 1];
    size_t n;
};

static bool find_trail(const cJSON *at, const cJSON *item, struct trail *trail)
{
    const cJSON *child;

    if (trail->n > MT_JSON_MAX_DEPTH)
        return false;
    trail->step[trail->n++] = at;
    if (at == item)
        return true;
    for (child = at->child; child; child = child->next)
        if (find_trail(child, item, trail))
            return true;
    trail->n--;
    return false;
}

/* Can key stand in a path without quotes? */
static bool is_plain(const char *key)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-$";

    return *key && !key[strspn(key, plain)];
}

static void add_step(struct mt_strbuf *out, const cJSON *parent,
                     const cJSON *item, bool first)
{
    size_t index = 0;

    if (cJSON_IsObject(parent) && is_plain(item->string)) {
        mt_strbuf_printf(out, "%s%s", first ? "" : ".", item->string);
    } else if (cJSON_IsObject(parent)) {
        mt_strbuf_putc(out, '[');
        mt_json_add_string(out, item->string);
        mt_strbuf_putc(out, ']');
    } else {
        for (const cJSON *i = parent->child; i != item; i = i->next)
            index++;
        mt_strbuf_printf(out, "[%zu]", index);
    }
}

void mt_json_path(const struct mt_json *doc, const cJSON *item,
                  struct mt_strbuf *out)
{
    struct trail trail = { .n = 0 };

    if (!item || !find_trail(doc->root, item, &trail))
        return;
    for (size_t i = 1; i < trail.n; i++)
        add_step(out, trail.step[i - 1], trail.step[i], i == 1);
}

/* "source:line:col: path: ", or "ORIGIN: path: " for what was set. */
static void add_where(const struct mt_json *doc, const cJSON *item,
                      struct mt_strbuf *out)
{
    struct mt_strbuf path = MT_STRBUF_INIT;
    const struct mt_json_place *place = get_place(doc, item);

    if (place && !place->line) {
        mt_json_add_clipped(out, doc->origins[place->col], MT_JSON_CLIP_PATH);
    } else {
        mt_json_add_clipped(out, doc->source, MT_JSON_CLIP_SOURCE);
        if (place)
            mt_strbuf_printf(out, ":%u:%u", place->line, place->col);
    }
    mt_strbuf_puts(out, ": ");
    mt_json_path(doc, item, &path);
    if (path.len && !path.failed) {
        mt_json_add_clipped(out, path.text, MT_JSON_CLIP_PATH);
        mt_strbuf_puts(out, ": ");
    }
    mt_strbuf_free(&path);
}

mt_status mt_json_fail(const struct mt_json *doc, const cJSON *item,
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
