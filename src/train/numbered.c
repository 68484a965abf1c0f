#include "train/numbered.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "train/statename.h"

enum { MOST_TRIALS = 10000, MOST_GROUPS = 64 };

struct search {
    const struct mt_bundle *source;
    const struct mt_optimizer *o;
    const struct mt_state_group *groups; /* (n_groups) of the file */
    size_t n_groups;
    size_t *order; /* (n) tensors of the store, as torch registers them */
    size_t n;
    size_t trials;
    uint64_t used;           /* groups of the spec, a bit each */
    int64_t *number, *found; /* (store->n) of each tensor, or -1 */
    size_t results;          /* different ones */
    size_t deepest;          /* most groups that matched in a failed trial */
    char fault[256];         /* and why that failed */
};

/* --- the order of registration ------------------------------------------- */

static const char *last_part(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot ? dot + 1 : name;
}

static bool is_parameter(const struct mt_tensor *t)
{
    const char *last = last_part(t->name);

    return t->dtype == MT_F32 && strcmp(last, "running_mean") != 0 &&
           strcmp(last, "running_var") != 0;
}

static const char *const encoder[] = {
    "self_attn.in_proj_weight",
    "self_attn.in_proj_bias",
    "self_attn.out_proj.weight",
    "self_attn.out_proj.bias",
    "linear1.weight",
    "linear1.bias",
    "linear2.weight",
    "linear2.bias",
    "norm1.weight",
    "norm1.bias",
    "norm2.weight",
    "norm2.bias",
};

enum { N_ENCODER = sizeof encoder / sizeof *encoder };

/* Is `name`, n bytes, that of a TransformerEncoderLayer in the list? */
static bool names_encoder(const struct mt_item *layers, const char *name,
                          size_t n)
{
    size_t i = 0;

    for (const struct mt_item *l = layers ? layers->child : NULL; l;
         l = l->next, i++) {
        const struct mt_item *type = mt_json_get(l, "type");
        const struct mt_item *own = mt_json_get(l, "name");
        char number[24];
        const char *text = mt_is_string(own) ? own->text : number;

        snprintf(number, sizeof number, "%zu", i);
        if (mt_is_string(type) &&
            strcmp(type->text, "TransformerEncoderLayer") == 0 &&
            strlen(text) == n && memcmp(text, name, n) == 0)
            return true;
        if (names_encoder(mt_json_get(l, "layers"), name, n))
            return true;
    }
    return false;
}

/* The place of a tensor within its encoder layer, whose name is the first
 * *prefix bytes; N_ENCODER for other tensors. */
static size_t place_in_encoder(const struct mt_item *layers, const char *name,
                               size_t *prefix)
{
    size_t n = strlen(name);

    for (size_t i = 0; i < N_ENCODER; i++) {
        size_t tail = strlen(encoder[i]);
        const char *start;

        if (n < tail + 2 || strcmp(name + n - tail, encoder[i]) != 0 ||
            name[n - tail - 1] != '.')
            continue;
        *prefix = n - tail - 1;
        start = name + *prefix;
        while (start > name && start[-1] != '.')
            start--;
        if (names_encoder(layers, start, (size_t)(name + *prefix - start)))
            return i;
    }
    return N_ENCODER;
}

/* The tensor at that place of the layer; SIZE_MAX if there is none. */
static size_t find_place(const struct search *s, const char *name,
                         size_t prefix, size_t place)
{
    for (size_t t = 0; t < s->o->store->n; t++) {
        const char *other = s->o->store->tensors[t]->name;

        if (strncmp(other, name, prefix + 1) == 0 &&
            strcmp(other + prefix + 1, encoder[place]) == 0)
            return t;
    }
    return SIZE_MAX;
}

/* At the first tensor of an encoder layer, all tensors of the layer are
 * listed. */
static void list_order(const struct mt_json *doc, bool *listed,
                       struct search *s)
{
    const struct mt_item *layers =
        mt_json_get(mt_json_get(mt_json_root(doc), "model"), "layers");

    for (size_t t = 0; t < s->o->store->n; t++) {
        const struct mt_tensor *tensor = s->o->store->tensors[t];
        size_t prefix = 0;

        if (listed[t] || !is_parameter(tensor))
            continue;
        if (place_in_encoder(layers, tensor->name, &prefix) == N_ENCODER) {
            s->order[s->n++] = t;
            continue;
        }
        for (size_t i = 0; i < N_ENCODER; i++) {
            size_t of = find_place(s, tensor->name, prefix, i);

            if (of == SIZE_MAX || listed[of])
                continue;
            s->order[s->n++] = of;
            listed[of] = true;
        }
    }
}

/* --- one group ------------------------------------------------------------ */

/* Keeps why a trial failed, unless another one came further. */
static bool fails(struct search *s, size_t at, const char *fmt, ...)
    MT_PRINTF(3, 4);

static bool fails(struct search *s, size_t at, const char *fmt, ...)
{
    va_list args;

    if (s->fault[0] && at < s->deepest)
        return false;
    s->deepest = at;
    va_start(args, fmt);
    vsnprintf(s->fault, sizeof s->fault, fmt, args);
    va_end(args);
    return false;
}

static const char *group_name(const struct search *s, size_t group)
{
    const struct mt_group *g = &s->o->groups[group];

    return group + 1 == s->o->n_groups || !g->params.n ? "default"
                                                       : g->params.v[0];
}

static const struct mt_state_option *find_option(const struct mt_state_group *g,
                                                 const char *name)
{
    for (size_t i = 0; i < g->n_options; i++) {
        if (strcmp(g->options[i].name, name) == 0)
            return &g->options[i];
    }
    return NULL;
}

/* The spec's value i of a key; NAN if it has none. */
static double spec_value(const struct mt_key *key, const void *args, size_t i)
{
    const char *at = (const char *)args + key->offset;

    switch (key->type) {
    case MT_KEY_REAL:
        return i ? (double)NAN : *(const double *)(const void *)at;
    case MT_KEY_BOOL:
        return i ? (double)NAN : *(const bool *)(const void *)at;
    case MT_KEY_REALS: {
        const struct mt_reals *r = (const void *)at;

        return i < r->n ? r->v[i] : (double)NAN;
    }
    default:
        return (double)NAN;
    }
}

/* Compares the options that both know. A schedule changes lr, and OneCycleLR
 * momentum, too; initial_lr is the value from before the schedule. */
static bool options_agree(struct search *s, size_t at, size_t group)
{
    const struct mt_state_group *g = &s->groups[at];
    const void *args = s->o->groups[group].args;
    bool cycled = find_option(g, "max_momentum") || find_option(g, "max_lr");

    for (const struct mt_key *key = s->o->type->keys; key->name; key++) {
        const struct mt_state_option *o = find_option(g, key->name);
        bool lr = strcmp(key->name, "lr") == 0;

        if (lr && find_option(g, "initial_lr"))
            o = find_option(g, "initial_lr");
        if (!o || (cycled && (lr || strcmp(key->name, "betas") == 0 ||
                              strcmp(key->name, "momentum") == 0)))
            continue;
        for (size_t i = 0; i < o->n; i++) {
            double spec = spec_value(key, args, i);

            if (!isnan(spec) &&
                !(fabs(spec - o->value[i]) <= 1e-12 * fabs(spec)))
                return fails(s, at,
                             "%s of the file's group %zu is %.9g, of the "
                             "spec's group \"%s\" %.9g",
                             key->name, at, o->value[i], group_name(s, group),
                             spec);
        }
    }
    return true;
}

/* Has the state stored under a number the tensor's shape? */
static bool shape_agrees(struct search *s, size_t at, int64_t number,
                         const struct mt_tensor *t)
{
    char key[24];

    snprintf(key, sizeof key, "%" PRId64, number);
    for (size_t k = 0; k < s->o->n_slots; k++) {
        const char *slot = s->o->type->slots[k];
        const struct mt_array *a =
            mt_bundle_find(s->source, mt_name_slot(slot, key).text);

        if (a && !mt_optimizer_is_product(s->o->type, k) &&
            !mt_shape_equal(&a->shape, &t->shape))
            return fails(s, at,
                         "%s of parameter %" PRId64 " is %s, tensor \"%s\" %s",
                         slot, number, mt_shape_text(&a->shape).text, t->name,
                         mt_shape_text(&t->shape).text);
    }
    return true;
}

/* Numbers the tensors of the spec's group by the file's group `at`. */
static bool number_group(struct search *s, size_t at, size_t group, bool frozen)
{
    const struct mt_state_group *g = &s->groups[at];
    size_t n = 0;

    for (size_t i = 0; i < s->n; i++) {
        const struct mt_tensor *t = s->o->store->tensors[s->order[i]];

        if (s->o->group_of[s->order[i]] == group &&
            (frozen || t->requires_grad))
            n++;
    }
    if (n != g->n)
        return fails(s, at,
                     "the file's group %zu has %zu parameters, the spec's "
                     "group \"%s\" %zu",
                     at, g->n, group_name(s, group), n);
    n = 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct mt_tensor *t = s->o->store->tensors[s->order[i]];

        if (s->o->group_of[s->order[i]] != group ||
            (!frozen && !t->requires_grad))
            continue;
        if (!shape_agrees(s, at, g->params[n], t))
            return false;
        s->number[s->order[i]] = g->params[n++];
    }
    return options_agree(s, at, group);
}

/* --- all groups ----------------------------------------------------------- */

/* Does every trained tensor have a number? */
static bool is_complete(struct search *s)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct mt_tensor *t = s->o->store->tensors[s->order[i]];

        if (t->requires_grad && s->number[s->order[i]] < 0)
            return fails(s, s->n_groups,
                         "the file has no number for tensor \"%s\"", t->name);
    }
    return true;
}

static void keep_result(struct search *s)
{
    size_t bytes = s->o->store->n * sizeof *s->number;

    if (s->results && memcmp(s->found, s->number, bytes) == 0)
        return;
    memcpy(s->found, s->number, bytes);
    s->results++;
}

static void clear_group(struct search *s, size_t group)
{
    for (size_t t = 0; t < s->o->store->n; t++) {
        if (s->o->group_of[t] == group)
            s->number[t] = -1;
    }
}

static void try_from(struct search *s, size_t at)
{
    size_t last = s->o->n_groups - 1; /* the default group */

    if (at == s->n_groups) {
        if (is_complete(s))
            keep_result(s);
        return;
    }
    for (size_t g = 0; g <= last && s->trials < MOST_TRIALS; g++) {
        if (s->used >> g & 1 || (g == last && at && at + 1 < s->n_groups))
            continue;
        for (int frozen = 0; frozen < 2; frozen++) {
            s->trials++;
            s->used |= (uint64_t)1 << g;
            if (number_group(s, at, g, frozen))
                try_from(s, at + 1);
            s->used &= ~((uint64_t)1 << g);
            clear_group(s, g);
        }
    }
}

static mt_status fail_search(const struct search *s, struct mt_err *err)
{
    if (s->results > 1)
        return mt_fail(err, MT_MISMATCH,
                       "the optimizer's state is by numbers, and its groups "
                       "fit the spec's groups in more than one way");
    return mt_fail(err, MT_MISMATCH,
                   "the optimizer's state is by numbers, and its groups fit "
                   "the spec's in no order (%s)",
                   s->trials >= MOST_TRIALS ? "there are too many" : s->fault);
}

static mt_status write_numbers(const struct search *s, struct mt_arena *arena,
                               const char *const **out, struct mt_err *err)
{
    size_t n = s->o->store->n;
    const char **numbers = mt_arena_calloc(arena, n + 1, sizeof *numbers);

    for (size_t t = 0; numbers && t < n; t++) {
        if (s->found[t] < 0)
            continue;
        numbers[t] = mt_arena_printf(arena, "%" PRId64, s->found[t]);
        if (!numbers[t])
            return mt_fail_memory(err);
    }
    *out = numbers;
    return numbers ? MT_OK : mt_fail_memory(err);
}

mt_status mt_numbered_find(const struct mt_bundle *source,
                           const struct mt_json *doc,
                           const struct mt_optimizer *o, struct mt_arena *arena,
                           const char *const **numbers, struct mt_err *err)
{
    size_t n = o->store->n;
    struct search s = { .source = source, .o = o };
    bool *listed;

    *numbers = NULL;
    s.groups =
        source->file ? mt_statefile_groups(source->file, &s.n_groups) : NULL;
    if (!s.n_groups)
        return MT_OK;
    if (o->n_groups > MOST_GROUPS)
        return mt_fail(err, MT_MISMATCH,
                       "the optimizer's state is by numbers, and the spec has "
                       "%zu groups; expected at most %d",
                       o->n_groups, MOST_GROUPS);
    listed = mt_arena_calloc(arena, n + 1, sizeof *listed);
    s.order = mt_arena_calloc(arena, n + 1, sizeof *s.order);
    s.number = mt_arena_calloc(arena, n + 1, sizeof *s.number);
    s.found = mt_arena_calloc(arena, n + 1, sizeof *s.found);
    if (!listed || !s.order || !s.number || !s.found)
        return mt_fail_memory(err);
    for (size_t t = 0; t < n; t++)
        s.number[t] = -1;
    list_order(doc, listed, &s);
    try_from(&s, 0);
    return s.results == 1 ? write_numbers(&s, arena, numbers, err)
                          : fail_search(&s, err);
}
