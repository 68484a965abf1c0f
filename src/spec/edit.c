/* Changes to a document by dotted path: mt_json_set, mt_json_replace. */
#include "spec/tree_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/utf8.h"

/* One change. The parts of its path are keys, or indices into lists. */
struct edit {
    struct mt_json *doc;
    const char *origin;
    struct mt_arena arena; /* the parts */
    const char *part[MT_JSON_MAX_DEPTH];
    size_t n;
    struct mt_err *err;
};

/* Fails at the first n parts of the path. */
static MT_PRINTF(3, 4) mt_status
    fail_edit(const struct edit *e, size_t n, const char *fmt, ...)
{
    char text[1024];
    struct mt_strbuf path = MT_STRBUF_INIT, where = MT_STRBUF_INIT;
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    for (size_t i = 0; i < n; i++)
        mt_strbuf_printf(&path, "%s%s", i ? "." : "", e->part[i]);
    mt_json_add_clipped(&where, e->origin, MT_JSON_CLIP_PATH);
    mt_strbuf_puts(&where, ": ");
    if (path.len) {
        mt_json_add_clipped(&where, path.text, MT_JSON_CLIP_PATH);
        mt_strbuf_puts(&where, ": ");
    }
    mt_fail(e->err, MT_INVALID, "%s%s", where.failed ? "" : where.text, text);
    mt_strbuf_free(&path);
    mt_strbuf_free(&where);
    return MT_INVALID;
}

static mt_status add_part(struct edit *e, const char *text, size_t n)
{
    if (e->n == MT_JSON_MAX_DEPTH)
        return fail_edit(e, e->n,
                         "the path is too deep, expected at most %d "
                         "keys",
                         MT_JSON_MAX_DEPTH);
    char *part = mt_arena_strndup(&e->arena, text, n);

    if (!part)
        return mt_fail_memory(e->err);
    e->part[e->n++] = part;
    return MT_OK;
}

/* path = part *( "." part / "[" part "]" ), so paths in messages are valid. */
static mt_status split_path(struct edit *e, const char *path)
{
    const char *at = path;

    for (;;) {
        bool bracket = at != path && at[-1] == '[';
        size_t n = strcspn(at, bracket ? "]" : ".[");
        mt_status status;

        if (!n)
            return fail_edit(e, 0,
                             "%s: an empty part in the path, expected "
                             "keys with a point between them",
                             mt_json_quoted(path).text);
        if (bracket && !at[n])
            return fail_edit(e, 0, "%s: '[' in the path, expected ']' after it",
                             mt_json_quoted(path).text);
        status = add_part(e, at, n);
        if (status != MT_OK)
            return status;
        at += n + bracket;
        if (!*at)
            return MT_OK;
        if (*at != '.' && *at != '[')
            return fail_edit(e, 0,
                             "%s: expected '.' or '[' after ']' in the "
                             "path",
                             mt_json_quoted(path).text);
        at++;
    }
}

/* The member of list that part k names: an index, from the end if negative. */
static mt_status find_index(const struct edit *e, const struct mt_item *list, size_t k,
                            struct mt_item **out)
{
    const char *part = e->part[k];
    const char *digits = part + (*part == '-');
    size_t n = strlen(digits);
    long size = (long)mt_item_count(list);

    if (!n || n != strspn(digits, "0123456789"))
        return fail_edit(e, k,
                         "is a list of %ld, expected an index into it, "
                         "got %s",
                         size, mt_json_quoted(part).text);
    /* Sizes have few digits, and strtol must not overflow. */
    long index = n <= 9 ? strtol(digits, NULL, 10) : size + 1;

    if (*part == '-')
        index = size - index;
    if (index < 0 || index >= size) {
        if (!size)
            return fail_edit(e, k + 1, "no such member, the list is empty");
        return fail_edit(e, k + 1,
                         "no such member, expected an index in "
                         "0 ... %ld or -%ld ... -1",
                         size - 1, size);
    }
    *out = (struct mt_item *)mt_item_at(list, (size_t)index);
    return MT_OK;
}

/* Part k below parent; *out is NULL where an object lacks it. */
static mt_status find_part(const struct edit *e, struct mt_item *parent, size_t k,
                           struct mt_item **out)
{
    if (mt_is_list(parent))
        return find_index(e, parent, k, out);
    if (!mt_is_object(parent))
        return fail_edit(e, k,
                         "is %s, expected an object or a list that can "
                         "hold %s",
                         mt_json_text(parent).text,
                         mt_json_quoted(e->part[k]).text);
    *out = (struct mt_item *)mt_json_get(parent, e->part[k]);
    return MT_OK;
}

static size_t depth_of(const struct mt_item *item)
{
    size_t deepest = 0;
    const struct mt_item *child;

    if (!mt_is_object(item) && !mt_is_list(item))
        return 0;
    for (child = item->child; child; child = child->next) {
        size_t depth = depth_of(child);

        if (depth > deepest)
            deepest = depth;
    }
    return deepest + 1;
}

/* JSON text, or else a string. */
static mt_status make_value(const struct edit *e, const char *value,
                            struct mt_item **out)
{
    struct mt_err ignored = MT_ERR_INIT;
    struct mt_arena *arena = &e->doc->arena;
    mt_status status = mt_json_parse_value(e->doc, e->origin, value,
                                           strlen(value), out, &ignored);

    if (status != MT_INVALID)
        return status == MT_OK ? MT_OK : mt_fail_memory(e->err);
    if (!mt_utf8_valid(value, strlen(value)))
        return fail_edit(e, e->n, "the value is not valid UTF-8");
    *out = mt_item_new(arena, MT_ITEM_STRING, NULL);
    if (*out)
        (*out)->text = mt_arena_strdup(arena, value);
    if (!*out || !(*out)->text)
        return mt_fail_memory(e->err);
    (*out)->origin = e->origin;
    return MT_OK;
}

/* Puts *item into objects for all parts after part k. */
static mt_status wrap(const struct edit *e, size_t k, struct mt_item **item)
{
    struct mt_arena *arena = &e->doc->arena;

    for (size_t i = e->n - 1; i > k; i--) {
        struct mt_item *object = mt_item_new(arena, MT_ITEM_OBJECT, NULL);

        (*item)->key = mt_arena_strdup(arena, e->part[i]);
        if (!object || !(*item)->key)
            return mt_fail_memory(e->err);
        object->origin = e->origin;
        mt_item_add(object, *item);
        *item = object;
    }
    (*item)->key = mt_arena_strdup(arena, e->part[k]);
    return (*item)->key ? MT_OK : mt_fail_memory(e->err);
}

/* The pointer that points to a member of parent. */
static struct mt_item **link_to(struct mt_item *parent,
                                const struct mt_item *member)
{
    struct mt_item **at = &parent->child;

    while (*at != member)
        at = &(*at)->next;
    return at;
}

static void fix_last(struct mt_item *parent)
{
    parent->last = parent->child;
    while (parent->last && parent->last->next)
        parent->last = parent->last->next;
}

/* Puts item in place of old, or at the end where old is NULL. */
static void put_item(struct mt_item *parent, struct mt_item *old,
                     struct mt_item *item)
{
    if (!old) {
        mt_item_add(parent, item);
        return;
    }
    if (mt_is_list(parent))
        item->key = NULL;
    item->parent = parent;
    item->next = old->next;
    *link_to(parent, old) = item;
    fix_last(parent);
}

/* Makes the change; the tree stays as it was until nothing can fail any more.
 * old, if not NULL, is the key that the last part replaces. */
static mt_status apply(struct edit *e, const char *old, const char *value)
{
    struct mt_item *parent = e->doc->root, *there = NULL, *stale = NULL;
    struct mt_item *item;
    size_t k = 0;
    mt_status status = find_part(e, parent, k, &there);

    while (status == MT_OK && there && k + 1 < e->n) {
        parent = there;
        status = find_part(e, parent, ++k, &there);
    }
    if (status != MT_OK)
        return status;
    if (old && k + 1 == e->n) {
        if (!mt_is_object(parent))
            return fail_edit(e, k, "is a list, expected an object");
        if (strcmp(old, e->part[k]))
            stale = (struct mt_item *)mt_json_get(parent, old);
    }
    status = make_value(e, value, &item);
    if (status != MT_OK)
        return status;
    if (e->n + depth_of(item) > MT_JSON_MAX_DEPTH)
        return fail_edit(e, e->n,
                         "the value is nested too deeply, expected at most %d "
                         "levels in all",
                         MT_JSON_MAX_DEPTH);
    status = wrap(e, k, &item);
    if (status != MT_OK)
        return status;
    put_item(parent, there ? there : stale, item);
    if (there && stale) {
        *link_to(parent, stale) = stale->next;
        fix_last(parent);
    }
    return MT_OK;
}

static mt_status edit(struct edit *e, const char *path, const char *key,
                      const char *old, const char *value)
{
    mt_status status = MT_OK;

    e->origin = mt_arena_strdup(&e->doc->arena, e->origin);
    if (!e->origin)
        return mt_fail_memory(e->err);
    if (!mt_utf8_valid(path, strlen(path)) ||
        (key && !mt_utf8_valid(key, strlen(key))))
        status = fail_edit(e, 0, "the path is not valid UTF-8");
    if (status == MT_OK && (!key || *path))
        status = split_path(e, path);
    if (status == MT_OK && key)
        status = add_part(e, key, strlen(key));
    if (status == MT_OK)
        status = apply(e, old, value);
    mt_arena_free(&e->arena);
    return status;
}

mt_status mt_json_set(struct mt_json *doc, const char *path, const char *value,
                      const char *origin, struct mt_err *err)
{
    struct edit e = { .doc = doc, .origin = origin, .err = err };

    return edit(&e, path, NULL, NULL, value);
}

mt_status mt_json_replace(struct mt_json *doc, const char *path,
                          const char *old, const char *key, const char *value,
                          const char *origin, struct mt_err *err)
{
    struct edit e = { .doc = doc, .origin = origin, .err = err };

    return edit(&e, path, key, old, value);
}
