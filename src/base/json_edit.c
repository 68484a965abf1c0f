/* Changes to a document by dotted path: mt_json_set, mt_json_replace. */
#include "base/json_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

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

/* path = part *( "." part / "[" part "]" ): what messages print can be set. */
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
static mt_status find_index(const struct edit *e, const cJSON *list, size_t k,
                            cJSON **out)
{
    const char *part = e->part[k];
    const char *digits = part + (*part == '-');
    size_t n = strlen(digits);
    long size = cJSON_GetArraySize(list);

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
    *out = cJSON_GetArrayItem(list, (int)index);
    return MT_OK;
}

/* Part k below parent; *out is NULL where an object lacks it. */
static mt_status find_part(const struct edit *e, cJSON *parent, size_t k,
                           cJSON **out)
{
    if (cJSON_IsArray(parent))
        return find_index(e, parent, k, out);
    if (!cJSON_IsObject(parent))
        return fail_edit(e, k,
                         "is %s, expected an object or a list that can "
                         "hold %s",
                         mt_json_text(parent).text,
                         mt_json_quoted(e->part[k]).text);
    *out = cJSON_GetObjectItemCaseSensitive(parent, e->part[k]);
    return MT_OK;
}

static size_t depth_of(const cJSON *item)
{
    size_t deepest = 0;
    const cJSON *child;

    if (!cJSON_IsObject(item) && !cJSON_IsArray(item))
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
                            cJSON **out)
{
    struct mt_json *parsed;
    mt_status status =
        mt_json_parse(e->origin, value, strlen(value), &parsed, NULL);

    if (status == MT_OK) {
        *out = parsed->root;
        parsed->root = NULL;
        mt_json_free(parsed);
    } else if (status == MT_INVALID) {
        if (!mt_json_is_utf8(value))
            return fail_edit(e, e->n, "the value is not valid UTF-8");
        *out = cJSON_CreateString(value);
    } else {
        *out = NULL;
    }
    return *out ? MT_OK : mt_fail_memory(e->err);
}

/* Puts *item into objects for all parts behind part k. */
static bool wrap(const struct edit *e, size_t k, cJSON **item)
{
    for (size_t i = e->n - 1; i > k; i--) {
        cJSON *object = cJSON_CreateObject();

        if (!object || !cJSON_AddItemToObject(object, e->part[i], *item)) {
            cJSON_Delete(object);
            return false;
        }
        *item = object;
    }
    return true;
}

static bool put_places(struct mt_json *doc, const cJSON *item, uint32_t origin)
{
    const cJSON *child;

    if (!mt_json_put_place(doc, item, 0, origin))
        return false;
    for (child = item->child; child; child = child->next)
        if (!put_places(doc, child, origin))
            return false;
    return true;
}

static bool add_origin(struct mt_json *doc, const char *origin)
{
    size_t bytes = (doc->n_origins + 1) * sizeof *doc->origins;
    char **grown = realloc(doc->origins, bytes);

    if (!grown)
        return false;
    doc->origins = grown;
    grown[doc->n_origins] = strdup(origin);
    if (!grown[doc->n_origins])
        return false;
    doc->n_origins++;
    return true;
}

/* item has no key yet. */
static bool set_key(cJSON *item, const char *key)
{
    size_t size = strlen(key) + 1;

    item->string = cJSON_malloc(size);
    if (item->string)
        memcpy(item->string, key, size);
    return item->string;
}

/* Puts item under key into parent: in place of `there`, or at the end. Takes
 * item only if it returns true. */
static bool put_item(cJSON *parent, cJSON *there, const char *key, cJSON *item)
{
    if (!there)
        return cJSON_AddItemToObject(parent, key, item);
    if (cJSON_IsObject(parent) && !set_key(item, key))
        return false;
    return cJSON_ReplaceItemViaPointer(parent, there, item);
}

/* Makes the change; until it cannot fail any more, the tree stays as it was.
 * old, where given, is the key that makes way for the last part. */
static mt_status apply(struct edit *e, const char *old, const char *value)
{
    cJSON *parent = e->doc->root, *there = NULL, *stale = NULL, *item = NULL;
    size_t k = 0;
    mt_status status = find_part(e, parent, k, &there);

    while (status == MT_OK && there && k + 1 < e->n) {
        parent = there;
        status = find_part(e, parent, ++k, &there);
    }
    if (status != MT_OK)
        return status;
    if (old && k + 1 == e->n) {
        if (!cJSON_IsObject(parent))
            return fail_edit(e, k, "is a list, expected an object");
        if (strcmp(old, e->part[k]))
            stale = cJSON_GetObjectItemCaseSensitive(parent, old);
    }
    status = make_value(e, value, &item);
    if (status != MT_OK)
        return status;
    if (e->n + depth_of(item) > MT_JSON_MAX_DEPTH) {
        status = fail_edit(e, e->n,
                           "the value is nested too deeply, expected "
                           "at most %d levels in all",
                           MT_JSON_MAX_DEPTH);
    } else if (!wrap(e, k, &item) || !add_origin(e->doc, e->origin) ||
               !put_places(e->doc, item, (uint32_t)(e->doc->n_origins - 1)) ||
               !put_item(parent, there ? there : stale, e->part[k], item)) {
        status = mt_fail_memory(e->err);
    } else {
        item = NULL;
        if (there && stale)
            cJSON_Delete(cJSON_DetachItemViaPointer(parent, stale));
    }
    cJSON_Delete(item);
    return status;
}

static mt_status edit(struct edit *e, const char *path, const char *key,
                      const char *old, const char *value)
{
    mt_status status = MT_OK;

    if (!mt_json_is_utf8(path) || (key && !mt_json_is_utf8(key)))
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
