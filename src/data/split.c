/*
 * Which samples of the training data are held out: val_split of them for
 * validation, test_split for test.
 *
 *     random      validation is the first of a random order, test follows
 *     stratified  the same within each class, in its share of the samples
 *     tail        in file order: training, validation, test
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "data/format.h"

/* Numbers of samples: all, and those that are held out. */
struct sizes {
    size_t n, val, test;
};

/* Sets the split of a sample (enum mt_split), in two bits. */
static void hold(unsigned char *held, size_t i, enum mt_split split)
{
    held[i / 4] |= (unsigned char)(split << i % 4 * 2);
}

static enum mt_split split_of(const unsigned char *held, size_t i)
{
    return (enum mt_split)(held[i / 4] >> i % 4 * 2 & 3);
}

static mt_status read_sizes(const struct mt_data_request *request,
                            const struct mt_data_keys *keys, size_t n,
                            struct sizes *out, struct mt_err *err)
{
    const double part[] = { keys->val_split, keys->test_split };
    static const char *const key[] = { "val_split", "test_split" };
    static const char *const use[] = { "validation", "test" };
    size_t held[2] = { 0, 0 };

    for (int i = 0; i < 2; i++) {
        const struct mt_item *item = mt_json_get(request->spec, key[i]);

        held[i] = (size_t)floor((double)n * part[i] + 0.5);
        if (part[i] > 0 && held[i] == 0)
            return mt_json_fail(request->doc, item, err,
                                "%g of %zu samples leaves none for %s", part[i],
                                n, use[i]);
        if (held[i] >= n || held[0] + held[i] * (size_t)i >= n)
            return mt_json_fail(request->doc, item, err,
                                "%g of %zu samples leaves none for training%s",
                                part[i], n,
                                held[i] < n ? ", together with val_split" : "");
    }
    *out = (struct sizes){ n, held[0], held[1] };
    return MT_OK;
}

/* ---- classes ---- */

enum { BLOCK = 64 };

/* The classes of samples first ... first+n-1, at most BLOCK; targets that are
 * probabilities of one class must be 0 or 1. */
static mt_status read_classes(const struct mt_data_request *request,
                              const struct mt_part *part, size_t first,
                              size_t n, int32_t *out, struct mt_err *err)
{
    struct mt_samples some = { .first = first, .n = n };
    float v[BLOCK];
    mt_status status;

    if (request->classification)
        return mt_gather_i32(&part->y, &some, out, err);
    status = mt_gather_f32(&part->y, NULL, &some, v, err);
    for (size_t i = 0; i < n && status == MT_OK; i++) {
        out[i] = v[i] == 1;
        if (v[i] != 0 && v[i] != 1)
            status = mt_json_fail(
                request->doc, mt_json_get(request->spec, "split"), err,
                "\"stratified\" needs classes, here 0 or 1; %s: sample %zu: "
                "the target is %g",
                part->y_source, first + i, (double)v[i]);
    }
    return status;
}

static mt_status check_classes(const struct mt_data_request *request,
                               const struct mt_column *y, struct mt_err *err)
{
    const struct mt_item *item = mt_json_get(request->spec, "split");

    if (!request->classification && !request->probabilities)
        return mt_json_fail(request->doc, item, err,
                            "\"stratified\" needs targets that are classes, "
                            "but the loss takes numbers; expected \"random\" "
                            "or \"tail\"");
    if (mt_shape_elements(&y->shape) != 1)
        return mt_json_fail(request->doc, item, err,
                            "\"stratified\" needs one class for each sample; a "
                            "target has the shape %s; expected \"random\" or "
                            "\"tail\"",
                            mt_shape_text(&y->shape).text);
    return MT_OK;
}

/* A class: how many samples it has, and how many of them each split gets. */
struct share {
    int32_t class;
    size_t n, val, test;
    uint64_t rest; /* the remainder of n * wanted / all */
};

/* The first `sorted` are in order. Those after them are new, and may contain
 * duplicates: they are merged when there is no more room. */
struct classes {
    struct share *v;
    size_t n, sorted, room;
};

static int compare_classes(const void *a, const void *b)
{
    const struct share *x = a, *y = b;

    return (x->class > y->class) - (x->class < y->class);
}

static struct share *find_class(const struct classes *c, int32_t class)
{
    struct share key = { .class = class };

    return c->sorted
               ? bsearch(&key, c->v, c->sorted, sizeof key, compare_classes)
               : NULL;
}

static void sort_classes(struct classes *c)
{
    size_t n = 0;

    if (c->n)
        qsort(c->v, c->n, sizeof *c->v, compare_classes);
    for (size_t i = 0; i < c->n; i++) {
        if (n && c->v[n - 1].class == c->v[i].class)
            c->v[n - 1].n += c->v[i].n;
        else
            c->v[n++] = c->v[i];
    }
    c->n = c->sorted = n;
}

static mt_status add_class(struct classes *c, int32_t class, struct mt_err *err)
{
    struct share *found = find_class(c, class);

    if (found) {
        found->n++;
        return MT_OK;
    }
    if (c->n == c->room)
        sort_classes(c);
    if (c->n >= c->room / 2 && c->n == c->sorted) {
        size_t room = c->room ? 2 * c->room : 256;
        struct share *grown = realloc(c->v, room * sizeof *grown);

        if (!grown)
            return mt_fail_memory(err);
        c->v = grown;
        c->room = room;
    }
    c->v[c->n++] = (struct share){ .class = class, .n = 1 };
    return MT_OK;
}

/* Called with the classes of all samples, some at a time. */
typedef mt_status use_fn(void *ctx, size_t first, const int32_t *classes,
                         size_t n, struct mt_err *err);

static mt_status each_class(const struct mt_data_request *request,
                            const struct mt_part *part, use_fn *use, void *ctx,
                            struct mt_err *err)
{
    mt_status status = MT_OK;
    int32_t some[BLOCK];

    for (size_t i = 0, n; i < part->samples && status == MT_OK; i += n) {
        n = part->samples - i < BLOCK ? part->samples - i : BLOCK;
        status = read_classes(request, part, i, n, some, err);
        if (status == MT_OK)
            status = use(ctx, i, some, n, err);
    }
    return status;
}

static mt_status count_some(void *ctx, size_t first, const int32_t *classes,
                            size_t n, struct mt_err *err)
{
    mt_status status = MT_OK;

    (void)first;
    for (size_t i = 0; i < n && status == MT_OK; i++)
        status = add_class(ctx, classes[i], err);
    return status;
}

static int compare_rests(const void *a, const void *b)
{
    const struct share *x = a, *y = b;

    if (x->rest != y->rest)
        return x->rest > y->rest ? -1 : 1;
    return x->class < y->class ? -1 : 1;
}

/* Distributes `wanted` of all samples over the classes in proportion: each gets
 * the whole part of n wanted / all, and those with the largest remainders one
 * more (of equal ones, the lower classes). Each class keeps one for
 * training. */
static void share_out(struct share *shares, size_t classes, size_t wanted,
                      size_t all, bool test)
{
    size_t given = 0;

    for (size_t c = 0; c < classes; c++) {
        struct share *s = &shares[c];
        uint64_t product = (uint64_t)s->n * wanted;
        size_t most = s->n - 1 - (test ? s->val : 0);
        size_t k = (size_t)(product / all);

        k = k < most ? k : most;
        s->rest = product % all;
        *(test ? &s->test : &s->val) = k;
        given += k;
    }
    qsort(shares, classes, sizeof *shares, compare_rests);
    for (size_t c = 0; c < classes && given < wanted; c++) {
        struct share *s = &shares[c];

        if (s->val + s->test + 1 >= s->n || s->rest == 0)
            continue;
        ++*(test ? &s->test : &s->val);
        given++;
    }
}

/* The class of each sample: its index in `classes`, in one byte if there are
 * few. */
struct members {
    const struct classes *classes;
    uint8_t *narrow;
    uint32_t *wide;
};

static mt_status number_some(void *ctx, size_t first, const int32_t *classes,
                             size_t n, struct mt_err *err)
{
    const struct members *m = ctx;

    (void)err;
    for (size_t i = 0; i < n; i++) {
        size_t class =
            (size_t)(find_class(m->classes, classes[i]) - m->classes->v);

        if (m->narrow)
            m->narrow[first + i] = (uint8_t) class;
        else
            m->wide[first + i] = (uint32_t) class;
    }
    return MT_OK;
}

/* Holds out the first samples of each class in the random order. */
static void take_shares(const struct members *m, const uint32_t *order,
                        size_t n, unsigned char *held)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = order[i];
        struct share *s =
            &m->classes->v[m->narrow ? m->narrow[at] : m->wide[at]];

        if (s->val) {
            s->val--;
            hold(held, at, MT_SPLIT_VAL);
        } else if (s->test) {
            s->test--;
            hold(held, at, MT_SPLIT_TEST);
        }
    }
}

static mt_status hold_classes(const struct mt_data_request *request,
                              const struct mt_part *part,
                              const struct sizes *sizes, const uint32_t *order,
                              unsigned char *held, struct mt_err *err)
{
    size_t n = sizes->n;
    struct classes c = { 0 };
    struct members members = { &c, NULL, NULL };
    mt_status status = check_classes(request, &part->y, err);

    if (status == MT_OK)
        status = each_class(request, part, count_some, &c, err);
    sort_classes(&c);
    if (status == MT_OK && c.n <= 256)
        members.narrow = malloc(n);
    else if (status == MT_OK)
        members.wide = malloc(n * sizeof *members.wide);
    if (status == MT_OK && !members.narrow && !members.wide)
        status = mt_fail_memory(err);
    if (status == MT_OK)
        status = each_class(request, part, number_some, &members, err);
    if (status == MT_OK) {
        share_out(c.v, c.n, sizes->val, n, false);
        share_out(c.v, c.n, sizes->test, n, true);
        sort_classes(&c);
        take_shares(&members, order, n, held);
    }
    free(members.narrow);
    free(members.wide);
    free(c.v);
    return status;
}

/* ---- rows ---- */

static void hold_tail(const struct sizes *s, unsigned char *held)
{
    for (size_t i = s->n - s->test - s->val; i < s->n; i++)
        hold(held, i, i < s->n - s->test ? MT_SPLIT_VAL : MT_SPLIT_TEST);
}

static void hold_first(const struct sizes *s, const uint32_t *order,
                       unsigned char *held)
{
    for (size_t i = 0; i < s->val + s->test; i++)
        hold(held, order[i], i < s->val ? MT_SPLIT_VAL : MT_SPLIT_TEST);
}

/* Lists the samples of validation and test, ascending. Those of training, which
 * are many, are all others. */
static mt_status set_rows(const unsigned char *held, size_t n,
                          struct mt_dataset *data, struct mt_err *err)
{
    const struct mt_part *part = &data->train;
    struct mt_subset *sets = data->subset;
    size_t count[MT_SPLITS] = { 0 }, out = 0;
    uint32_t *all, *rows[MT_SPLITS] = { NULL };

    for (size_t i = 0; i < n; i++)
        count[split_of(held, i)]++;
    all = mt_arena_calloc(&data->arena, n - count[MT_SPLIT_TRAIN] + 1,
                          sizeof *all);
    for (int s = MT_SPLIT_VAL; s < MT_SPLITS && all; s++) {
        if (!count[s])
            continue;
        rows[s] = count[s] == n - count[MT_SPLIT_TRAIN]
                      ? all
                      : mt_arena_calloc(&data->arena, count[s], sizeof *all);
        if (!rows[s])
            return mt_fail_memory(err);
        sets[s] = (struct mt_subset){ part, count[s], rows[s] };
    }
    if (!all)
        return mt_fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        enum mt_split s = split_of(held, i);

        if (s == MT_SPLIT_TRAIN)
            continue;
        all[out++] = (uint32_t)i;
        *rows[s]++ = (uint32_t)i;
    }
    sets[MT_SPLIT_TRAIN] = (struct mt_subset){ part, n - out };
    if (all[0] < n - out) { /* not the tail */
        sets[MT_SPLIT_TRAIN].others = all;
        sets[MT_SPLIT_TRAIN].n_others = out;
    }
    return MT_OK;
}

/* If each class has only one sample, nothing can be held out. */
static mt_status check_held(const struct mt_data_request *request,
                            const struct sizes *sizes,
                            const struct mt_subset *sets, struct mt_err *err)
{
    bool val = sizes->val == 0 || sets[MT_SPLIT_VAL].n > 0;

    if (val && (sizes->test == 0 || sets[MT_SPLIT_TEST].n > 0))
        return MT_OK;
    return mt_json_fail(request->doc, mt_json_get(request->spec, "split"), err,
                        "\"stratified\" leaves none for %s, because one "
                        "sample of each class stays in training; expected "
                        "\"random\" or \"tail\"",
                        val ? "test" : "validation");
}

static mt_status hold_samples(const struct mt_data_request *request,
                              const struct mt_data_keys *keys,
                              const struct mt_dataset *data,
                              const struct sizes *sizes, uint32_t *order,
                              unsigned char *held, struct mt_err *err)
{
    if (keys->split == MT_HOLD_TAIL) {
        hold_tail(sizes, held);
        return MT_OK;
    }
    mt_philox_permutation(mt_philox_key(request->seed, "split", ""), 0,
                          (uint32_t)sizes->n, order);
    if (keys->split == MT_HOLD_STRATIFIED)
        return hold_classes(request, &data->train, sizes, order, held, err);
    hold_first(sizes, order, held);
    return MT_OK;
}

mt_status mt_data_split(const struct mt_data_request *request,
                        const struct mt_data_keys *keys,
                        struct mt_dataset *data, struct mt_err *err)
{
    struct sizes sizes = { 0 };
    size_t n = data->train.samples; /* 0: not read */
    uint32_t *order;
    unsigned char *held;
    mt_status status = n ? read_sizes(request, keys, n, &sizes, err) : MT_OK;

    if (status != MT_OK || sizes.val + sizes.test == 0)
        return status;
    order = malloc(n * sizeof *order);
    held = calloc(n / 4 + 1, 1);
    status = order && held ? MT_OK : mt_fail_memory(err);
    if (status == MT_OK)
        status = hold_samples(request, keys, data, &sizes, order, held, err);
    free(order);
    if (status == MT_OK)
        status = set_rows(held, n, data, err);
    free(held);
    return status == MT_OK ? check_held(request, &sizes, data->subset, err)
                           : status;
}
