#include "ckpt/torchscan.h"

#include <stdio.h>
#include <string.h>

#include "ckpt/printable.h"

enum { LONGEST_KEY = 200 };

/* Puts the key before text[at]; returns where it begins; SIZE_MAX: no room. */
static size_t put_before(char *text, size_t at, const char *key, size_t n)
{
    if (n + 1 > at)
        return SIZE_MAX;
    if (text[at])
        text[--at] = '.';
    memcpy(text + at - n, key, n);
    return at - n;
}

static size_t put_key(char *text, size_t at, const struct mt_torch_path *p)
{
    const struct mt_pickle *k = p->key;
    char key[MT_PRINTABLE_MAX] = "?";
    size_t n = 1;

    if (!k)
        n = (size_t)snprintf(key, sizeof key, "%zu", p->index);
    else if (k->kind == MT_PK_TEXT)
        n = mt_printable_put(key, k->text,
                             k->n < LONGEST_KEY ? k->n : LONGEST_KEY, p->index);
    else if (k->kind == MT_PK_INT)
        n = (size_t)snprintf(key, sizeof key, "%lld", (long long)k->i);
    return put_before(text, at, key, n);
}

struct mt_torch_path_text mt_torch_path_text(const struct mt_torch_path *p)
{
    struct mt_torch_path_text out = { "" };
    size_t at = MT_TORCH_LONGEST_PATH, before;

    for (; p->up; p = p->up, at = before) {
        before = put_key(out.text, at, p);
        if (before == SIZE_MAX)
            break;
    }
    memmove(out.text, out.text + at, MT_TORCH_LONGEST_PATH + 1 - at);
    return out;
}

/* A path on the stack, and its copy in the arena once that is needed. */
struct place {
    struct mt_torch_path path; /* up is the path of `above` */
    struct place *above;
    struct mt_torch_path *kept;
};

static struct place place_in(struct place *above, const struct mt_pickle *key,
                             size_t i)
{
    return (struct place){
        .path = { &above->path, key, i, above->path.depth + 1 },
        .above = above,
    };
}

/* NULL: no memory. */
static const struct mt_torch_path *keep(struct mt_torch_scan *s,
                                        struct place *p)
{
    struct place *above = p->above;

    if (p->kept)
        return p->kept;
    if (above && !keep(s, above))
        return NULL;
    p->kept = mt_arena_alloc(s->arena, sizeof *p->kept);
    if (!p->kept)
        return NULL;
    *p->kept = p->path;
    p->kept->up = above ? above->kept : NULL;
    return p->kept;
}

/* So many can only be found by counting shared ones over and over. */
static mt_status fail_shared(const struct mt_torch_scan *s,
                             const struct place *p, size_t most,
                             const char *what, struct mt_err *err)
{
    return mt_fail(err, MT_INVALID,
                   "%s: \"%s\": more than %zu %s, counting those that are "
                   "shared each time",
                   s->source, mt_torch_path_text(&p->path).text, most, what);
}

static mt_status record(struct mt_torch_scan *s, struct place *p,
                        const struct mt_torch_found *found,
                        struct mt_torch_list *list, struct mt_err *err)
{
    size_t most = s->n_values + MT_TORCH_SHARED_FOUND;
    struct mt_torch_found *f;

    list->n++;
    if (list == &s->objects && list->n > MT_TORCH_OBJECTS)
        return MT_OK;
    if (s->entries.n + s->optimizers.n > most)
        return fail_shared(s, p, most, "state dicts and optimizers", err);
    f = mt_arena_alloc(s->arena, sizeof *f);
    if (!f)
        return mt_fail_memory(err);
    *f = *found;
    f->path = keep(s, p);
    if (!f->path)
        return mt_fail_memory(err);
    *list->last = f;
    list->last = &f->next;
    return MT_OK;
}

const struct mt_pickle *mt_torch_get(const struct mt_torch_value *dict,
                                     const char *key)
{
    const struct mt_pickle *found = NULL, *k, *v;

    for (size_t i = 0; i < mt_torch_pairs(dict); i++) {
        mt_torch_pair(dict, i, &k, &v);
        if (mt_pickle_is_text(k, key))
            found = v; /* the last one wins, as in Python */
    }
    return found;
}

/* What a dictionary contains directly. */
struct content {
    size_t tensors;
    bool floats;
};

/* What is known of a value after its first visit. A list as the pairs of an
 * OrderedDict differs from the list itself. */
enum {
    BARREN = 1,        /* it contains nothing to record */
    BARREN_INSIDE = 2, /* nor if it is in an optimizer */
    BARREN_PAIRS = BARREN << 2,
    BARREN_PAIRS_INSIDE = BARREN_INSIDE << 2,
    TENSOR = 16,
    FLOATS = 32,
    OBJECT = 64, /* recorded each time */
};

static int barren_if(bool inside)
{
    return inside ? BARREN_INSIDE : BARREN | BARREN_INSIDE;
}

static mt_status walk(struct mt_torch_scan *s, const struct mt_pickle *v,
                      struct place *p, bool inside, struct content *above,
                      struct mt_err *err);

static mt_status walk_dict(struct mt_torch_scan *s, const struct mt_pickle *v,
                           const struct mt_torch_value *dict, struct place *p,
                           bool inside, struct mt_err *err)
{
    bool optimizer = !inside && mt_torch_get(dict, "state") &&
                     mt_torch_get(dict, "param_groups");
    size_t before = s->entries.n + s->optimizers.n;
    struct mt_torch_found found = { .value = v };
    struct content content = { 0, false };
    mt_status status = MT_OK;

    if (optimizer)
        status = record(s, p, &found, &s->optimizers, err);
    for (size_t i = 0; status == MT_OK && i < mt_torch_pairs(dict); i++) {
        const struct mt_pickle *key, *value;

        mt_torch_pair(dict, i, &key, &value);
        struct place here = place_in(p, key, i);

        status = walk(s, value, &here, inside || optimizer,
                      key->kind == MT_PK_TEXT ? &content : NULL, err);
    }
    if (status != MT_OK || optimizer || inside || !content.tensors ||
        2 * content.tensors < mt_torch_pairs(dict) ||
        s->entries.n + s->optimizers.n != before)
        return status;
    found.floats = content.floats;
    return record(s, p, &found, &s->entries, err);
}

static mt_status walk_list(struct mt_torch_scan *s,
                           const struct mt_pickle *list, struct place *p,
                           bool inside, struct mt_err *err)
{
    mt_status status = MT_OK;

    for (size_t i = 0; status == MT_OK && i < mt_pickle_count(list); i++) {
        struct place here = place_in(p, NULL, i);

        status = walk(s, mt_pickle_at(list, i), &here, inside, NULL, err);
    }
    return status;
}

static size_t n_found(const struct mt_torch_scan *s)
{
    return s->entries.n + s->optimizers.n + s->objects.n;
}

/* The container of the items may be shared even if the value itself is not. */
static mt_status walk_container(struct mt_torch_scan *s,
                                const struct mt_pickle *v,
                                const struct mt_torch_value *value,
                                struct place *p, bool inside,
                                struct mt_err *err)
{
    unsigned char *mark = &s->marks[value->container->number];
    int barren = barren_if(inside) << (value->pair_list ? 2 : 0);
    size_t before = n_found(s);
    mt_status status;

    if ((*mark & barren) == barren)
        return MT_OK;
    status = value->meaning == MT_TORCH_DICT
                 ? walk_dict(s, v, value, p, inside, err)
                 : walk_list(s, value->list, p, inside, err);
    if (n_found(s) == before)
        *mark |= (unsigned char)barren;
    return status;
}

static mt_status look_at(struct mt_torch_scan *s, const struct mt_pickle *v,
                         struct place *p, bool inside, struct mt_err *err)
{
    unsigned char *mark = &s->marks[v->number];
    struct mt_torch_value value;
    struct mt_torch_found object = { .value = v };
    size_t before = n_found(s);
    mt_status status = mt_torch_understand(s->source, v, &value, err);

    if (status != MT_OK)
        return status;
    if (p->path.depth > MT_TORCH_MAX_DEPTH)
        return mt_fail(err, MT_INVALID,
                       "%s: values are nested in more than %d levels, or hold "
                       "themselves",
                       s->source, MT_TORCH_MAX_DEPTH);
    switch (value.meaning) {
    case MT_TORCH_DICT:
    case MT_TORCH_LIST:
        status = walk_container(s, v, &value, p, inside, err);
        break;
    case MT_TORCH_TENSOR:
        *mark |= TENSOR;
        if (!value.tensor.odd && mt_dtype_is_float(value.tensor.type->dtype))
            *mark |= FLOATS;
        break;
    case MT_TORCH_OBJECT:
        *mark |= OBJECT;
        object.needs = value.needs;
        status = record(s, p, &object, &s->objects, err);
        break;
    case MT_TORCH_PLAIN:
        break;
    }
    if (n_found(s) == before)
        *mark |= (unsigned char)barren_if(inside);
    return status;
}

/* inside: v is in an optimizer's dictionary. above: the content of the
 * dictionary that has the value, if its key is a name; or NULL. */
static mt_status walk(struct mt_torch_scan *s, const struct mt_pickle *v,
                      struct place *p, bool inside, struct content *above,
                      struct mt_err *err)
{
    size_t most = s->n_pushes + MT_TORCH_SHARED_STEPS;
    unsigned char mark = s->marks[v->number];
    mt_status status = MT_OK;

    if (++s->steps > most)
        return fail_shared(s, p, most, "values", err);
    if (mark & OBJECT && s->objects.n >= MT_TORCH_OBJECTS)
        s->objects.n++;
    else if ((mark & barren_if(inside)) != barren_if(inside))
        status = look_at(s, v, p, inside, err);
    mark = s->marks[v->number];
    if (above && mark & TENSOR) {
        above->tensors++;
        above->floats |= (mark & FLOATS) != 0;
    }
    return status;
}

mt_status mt_torch_scan(const char *source, const struct mt_pickle_doc *doc,
                        struct mt_arena *arena, struct mt_torch_scan *out,
                        struct mt_err *err)
{
    struct place top = { .above = NULL };

    *out = (struct mt_torch_scan){ .source = source,
                                   .arena = arena,
                                   .n_values = doc->n_values,
                                   .n_pushes = doc->n_pushes };
    out->entries.last = &out->entries.first;
    out->optimizers.last = &out->optimizers.first;
    out->objects.last = &out->objects.first;
    out->marks = mt_arena_alloc(arena, doc->n_values + 1);
    return out->marks ? walk(out, doc->root, &top, false, NULL, err)
                      : mt_fail_memory(err);
}
