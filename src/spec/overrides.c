#include "spec/overrides.h"

#include <string.h>

/* Is path OBJECT.KEY? */
static bool names(const char *path, const char *object, const char *key)
{
    size_t n = strlen(object);

    return !strncmp(path, object, n) && path[n] == '.' &&
           !strcmp(path + n + 1, key);
}

static mt_status override(struct mt_json *doc,
                          const struct mt_exclusive *exclusive,
                          const char *text, struct mt_err *err)
{
    const char *equals = strchr(text, '=');
    char path[512];

    if (!equals || equals == text || (size_t)(equals - text) >= sizeof path)
        return mt_fail(err, MT_INVALID,
                       "\"%s\": expected KEY=VALUE, like optimizer.lr=0.01",
                       text);
    memcpy(path, text, (size_t)(equals - text));
    path[equals - text] = '\0';
    for (const struct mt_exclusive *x = exclusive; x->object; x++) {
        if (names(path, x->object, x->a))
            return mt_json_replace(doc, x->object, x->b, x->a, equals + 1, text,
                                   err);
        if (names(path, x->object, x->b))
            return mt_json_replace(doc, x->object, x->a, x->b, equals + 1, text,
                                   err);
    }
    return mt_json_set(doc, path, equals + 1, text, err);
}

mt_status mt_json_override(struct mt_json *doc,
                           const struct mt_exclusive *exclusive,
                           const char *const *overrides, size_t n,
                           struct mt_err *err)
{
    mt_status status = MT_OK;

    for (size_t i = 0; i < n && status == MT_OK; i++)
        status = override(doc, exclusive, overrides[i], err);
    return status;
}
