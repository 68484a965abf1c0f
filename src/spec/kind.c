#include "spec/kind.h"

#include <assert.h>
#include <string.h>

#include "base/nearest.h"

const struct mt_type *mt_kind_find(const struct mt_kind *kind, const char *name)
{
    for (size_t i = 0; kind->at(i); i++)
        if (!strcmp(kind->at(i)->name, name))
            return kind->at(i);
    return NULL;
}

static mt_status fail_unknown(const struct mt_kind *kind,
                              const struct mt_json *doc,
                              const struct mt_item *item, const char *name,
                              struct mt_err *err)
{
    struct mt_arena arena = MT_ARENA_INIT;
    const char **names;
    mt_status status;
    size_t n = 0;

    while (kind->at(n))
        n++;
    names = mt_arena_calloc(&arena, n + 1, sizeof *names);
    for (size_t i = 0; names && i < n; i++)
        names[i] = kind->at(i)->name;
    status = names ? mt_keys_fail_unknown(doc, item, kind->what, name, names, n,
                                          err)
                   : mt_fail_memory(err);
    mt_arena_free(&arena);
    return status;
}

mt_status mt_kind_lookup(const struct mt_kind *kind, const struct mt_json *doc,
                         const struct mt_item *item, const char *name,
                         const struct mt_type **out, struct mt_err *err)
{
    *out = mt_kind_find(kind, name);
    if (!*out)
        return fail_unknown(kind, doc, item, name, err);
    if (kind->refuse && kind->refuse(*out))
        return mt_json_fail(doc, item, err, "%s %s", name, kind->refuse(*out));
    return MT_OK;
}

mt_status mt_kind_type(const struct mt_kind *kind, const struct mt_json *doc,
                       const struct mt_item *object, const struct mt_type **out,
                       struct mt_err *err)
{
    const struct mt_item *item = mt_json_get(object, "type");

    if (!mt_is_object(object))
        return mt_json_fail(doc, object, err,
                            "expected an object with a \"type\", got %s",
                            mt_json_text(object).text);
    if (!item)
        return mt_json_fail(doc, object, err, "missing \"type\" (which %s)",
                            kind->what);
    if (!mt_is_string(item))
        return mt_json_fail(doc, item, err, "expected a string, got %s",
                            mt_json_text(item).text);
    return mt_kind_lookup(kind, doc, item, item->text, out, err);
}

static void add_table(struct mt_kind_tables *t, const struct mt_key *keys)
{
    if (keys)
        t->table[t->n++] = keys;
}

void mt_kind_tables(const struct mt_kind *kind, const struct mt_type *type,
                    struct mt_kind_tables *out)
{
    *out = (struct mt_kind_tables){
        .type = { { .name = "type",
                    .type = MT_KEY_STRING,
                    .flags = MT_KEY_REQUIRED,
                    .doc = kind->what } },
    };
    if (!kind->untyped)
        add_table(out, out->type);
    add_table(out, kind->common);
    out->n_needed = out->n;
    add_table(out, type->keys);
    if (kind->extra)
        add_table(out, kind->extra(type));
    if (!kind->untyped)
        out->n_needed = out->n;
}

typedef mt_status read_keys(const struct mt_json *doc,
                            const struct mt_item *object,
                            const struct mt_key *keys, void *out,
                            struct mt_arena *arena, struct mt_err *err);

static mt_status fill(const struct mt_kind *kind, const struct mt_type *type,
                      const struct mt_json *doc, const struct mt_item *object,
                      void *common, void *args, read_keys *read,
                      struct mt_arena *arena, struct mt_err *err)
{
    const struct mt_key *extra = kind->extra ? kind->extra(type) : NULL;
    struct mt_kind_tables tables;
    mt_status status;

    mt_kind_tables(kind, type, &tables);
    status = mt_keys_check(doc, object, tables.table, tables.n, err);
    if (status == MT_OK && kind->common)
        status = mt_keys_read(doc, object, kind->common, common, arena, err);
    if (status == MT_OK && extra)
        status = mt_keys_read(doc, object, extra, common, arena, err);
    if (status == MT_OK && type->keys)
        status = read(doc, object, type->keys, args, arena, err);
    return status;
}

mt_status mt_kind_fill(const struct mt_kind *kind, const struct mt_type *type,
                       const struct mt_json *doc, const struct mt_item *object,
                       void *common, void *args, struct mt_arena *arena,
                       struct mt_err *err)
{
    return fill(kind, type, doc, object, common, args, mt_keys_read, arena, err);
}

mt_status mt_kind_override(const struct mt_kind *kind,
                           const struct mt_type *type,
                           const struct mt_json *doc,
                           const struct mt_item *object, void *common,
                           void *args, struct mt_arena *arena,
                           struct mt_err *err)
{
    return fill(kind, type, doc, object, common, args, mt_keys_override, arena,
                err);
}

mt_status mt_kind_read(const struct mt_kind *kind, const struct mt_json *doc,
                       const struct mt_item *object, void *common,
                       struct mt_arena *arena, const struct mt_type **type,
                       void **args, struct mt_err *err)
{
    mt_status status = mt_kind_type(kind, doc, object, type, err);

    if (status != MT_OK)
        return status;
    *args = mt_arena_alloc(arena, (*type)->args_size + 1);
    if (!*args)
        return mt_fail_memory(err);
    return mt_kind_fill(kind, *type, doc, object, common, *args, arena, err);
}
