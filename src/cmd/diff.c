/* mtrain diff A B */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "ckpt/blockstream.h"
#include "cmd/diffreport.h"
#include "cmd/report.h"
#include "cmd/specs.h"
#include "spec/diff.h"
#include "train/state.h"
#include "train/ties.h"

/* An array of a section: of both, or of one. */
struct entry {
    enum mt_state_section section;
    const struct mt_array *a, *b;
    size_t pair; /* the result of the comparison, or NO_PAIR */
    bool counted; /* one whole number on each side, and they differ */
    struct mt_diff_count count;
};

#define NO_PAIR SIZE_MAX

struct diff {
    const struct mt_call *call;
    const char *only;
    struct mt_tolerance tolerance;
    struct mt_bundle a, b;
    struct mt_json *spec_a, *spec_b; /* or NULL */
    struct entry *entries; /* (n) */
    size_t n;
    struct mt_compare_pair *pairs; /* (n_pairs) */
    struct mt_array *as_float;     /* (2, n_pairs) arrays read as float32 */
    size_t n_pairs;
    struct mt_diff_report report;
};

/* --- what to compare ---------------------------------------------------- */

static bool is_selected(const struct diff *d, enum mt_state_section section,
                        const struct mt_array *a)
{
    const char *tensor = mt_name_tensor(a->name);

    if (!mt_name_is(a->name, section) ||
        strcmp(a->name, MT_NAME_SPEC) == 0)
        return false;
    return !d->only || fnmatch(d->only, mt_name_key(a->name), 0) == 0 ||
           (tensor && fnmatch(d->only, tensor, 0) == 0);
}

/* Does float32 hold all its values? */
static bool is_narrow(const struct mt_array *a)
{
    return a->dtype == MT_F32 || a->dtype == MT_F16 || a->dtype == MT_BF16;
}

/* Some writers store a scalar as a vector of one element. */
static bool same_shape(const struct mt_shape *a, const struct mt_shape *b)
{
    return mt_shape_equal(a, b) ||
           (a->rank <= 1 && b->rank <= 1 && mt_shape_elements(a) == 1 &&
            mt_shape_elements(b) == 1);
}

/* With a tolerance, numbers of two types are compared by value. */
static bool comparable(const struct diff *d, const struct mt_array *a,
                       const struct mt_array *b)
{
    bool tolerant = d->tolerance.atol > 0 || d->tolerance.rtol > 0;

    return same_shape(&a->shape, &b->shape) &&
           (tolerant || a->dtype == b->dtype);
}

static const struct mt_array *read_as(const struct mt_array *array,
                                      enum mt_dtype dtype,
                                      struct mt_array *copy)
{
    if (array->dtype == dtype)
        return array;
    *copy = *array;
    copy->dtype = dtype;
    return copy;
}

static void add_entry(struct diff *d, enum mt_state_section section,
                      const struct mt_array *a, const struct mt_array *b)
{
    struct entry *e = &d->entries[d->n++];

    *e = (struct entry){ .section = section, .a = a, .b = b, .pair = NO_PAIR };
    if (!a || !b || !comparable(d, a, b))
        return;
    struct mt_array *copies = d->as_float + 2 * d->n_pairs;
    bool widen = a->dtype != b->dtype && is_narrow(a) && is_narrow(b);

    e->pair = d->n_pairs;
    d->pairs[d->n_pairs++] = (struct mt_compare_pair){
        .a = widen ? read_as(a, MT_F32, &copies[0]) : a,
        .b = widen ? read_as(b, MT_F32, &copies[1]) : b,
    };
}

static const struct mt_array *find_model(const struct mt_bundle *b,
                                         const char *key)
{
    return key ? mt_bundle_find(b, mt_name_in(MT_MODEL, key).text) : NULL;
}

/* The array of that name in `there`. A tied tensor may have another name there:
 * a checkpoint stores it under one of them only, and some state dicts do. */
static const struct mt_array *find(const struct mt_bundle *there,
                                   const struct mt_json *its_spec,
                                   const struct mt_json *other_spec,
                                   const char *name)
{
    const struct mt_array *a = mt_bundle_find(there, name);
    const char *key = mt_name_key(name);

    if (a || !mt_name_is(name, MT_MODEL))
        return a;
    if (its_spec)
        a = find_model(there, mt_ties_stored(mt_ties_of(its_spec), key));
    const struct mt_item *ties = other_spec ? mt_ties_of(other_spec) : NULL;

    for (const struct mt_item *tie = ties ? ties->child : NULL; tie && !a;
         tie = tie->next) {
        if (mt_is_string(tie) && strcmp(tie->text, key) == 0)
            a = find_model(there, tie->key);
    }
    return a;
}

/* A tied tensor of A under the other name that B has for it. */
static const struct mt_array *rename_tied(struct diff *d,
                                          const struct mt_array *a,
                                          const char *name)
{
    struct mt_array *copy = mt_arena_alloc(&d->a.arena, sizeof *copy);

    if (!copy)
        return a;
    *copy = *a;
    copy->name = name;
    return copy;
}

static void list_section(struct diff *d, enum mt_state_section section)
{
    for (size_t i = 0; i < d->a.n; i++) {
        const struct mt_array *a = &d->a.arrays[i];

        if (is_selected(d, section, a))
            add_entry(d, section, a,
                      find(&d->b, d->spec_b, d->spec_a, a->name));
    }
    for (size_t i = 0; i < d->b.n; i++) {
        const struct mt_array *b = &d->b.arrays[i], *a;

        if (!is_selected(d, section, b) || mt_bundle_find(&d->a, b->name))
            continue;
        a = find(&d->a, d->spec_a, d->spec_b, b->name);
        if (!a)
            add_entry(d, section, NULL, b);
        else if (find(&d->b, d->spec_b, d->spec_a, a->name) != b)
            add_entry(d, section, rename_tied(d, a, b->name), b);
    }
}

static bool has_section(const struct mt_bundle *b,
                        enum mt_state_section section)
{
    for (size_t i = 0; i < b->n; i++) {
        if (mt_name_is(b->arrays[i].name, section))
            return true;
    }
    return false;
}

static void read_sections(struct diff *d)
{
    for (int i = 0; i < MT_SECTIONS; i++)
        d->report.parts[i].wanted =
            !mt_option(d->call, "section") ||
            mt_option_lists(d->call, "section", mt_section_names[i]);
}

/* A section that one side lacks counts as a difference only where it was asked
 * for by name. */
static mt_status list_entries(struct diff *d, struct mt_err *err)
{
    bool asked = mt_option(d->call, "section") != NULL;
    size_t most = d->a.n + d->b.n + 1;

    d->entries = calloc(most, sizeof *d->entries);
    d->pairs = calloc(most, sizeof *d->pairs);
    d->as_float = calloc(most, 2 * sizeof *d->as_float);
    if (!d->entries || !d->pairs || !d->as_float)
        return mt_fail_memory(err);
    for (enum mt_state_section i = 0; i < MT_SECTIONS; i++) {
        struct mt_diff_part *part = &d->report.parts[i];

        part->in_a = has_section(&d->a, i);
        part->in_b = has_section(&d->b, i);
        part->compared = part->wanted && (part->in_a || part->in_b) &&
                         (asked || part->in_a == part->in_b);
        if (part->compared)
            list_section(d, i);
    }
    return MT_OK;
}

/* --- reporting ---------------------------------------------------------- */

static const struct mt_compared *result_of(const struct diff *d,
                                           const struct entry *e)
{
    return e->pair == NO_PAIR ? NULL : &d->pairs[e->pair].result;
}

static mt_status read_count(const struct diff *d, const struct mt_array *array,
                            bool *whole, int64_t *out, struct mt_err *err)
{
    struct mt_array a = *array;
    double room[4] = { 0 }; /* of the widest type */
    mt_status status =
        mt_block_stream_read_all(&a, d->call->team, room, err);

    a.data = room;
    *whole = status == MT_OK && mt_array_whole(&a, out);
    return status;
}

/* Counters are printed as values, not as differences. */
static mt_status count_entry(const struct diff *d, struct entry *e,
                             struct mt_err *err)
{
    const struct mt_compared *c = result_of(d, e);
    bool a = false, b = false;
    mt_status status;

    if (!c || !c->n_differ || c->n != 1 ||
        (mt_dtype_is_float(e->a->dtype) && !mt_name_is_slot(e->a->name, MT_SLOT_STEP)))
        return MT_OK;
    status = read_count(d, e->a, &a, &e->count.a, err);
    if (status == MT_OK)
        status = read_count(d, e->b, &b, &e->count.b, err);
    e->counted = a && b;
    e->count.tensors = 1;
    return status;
}

/* Steps of the optimizer's tensors that are alike make one line. */
static mt_status count_entries(struct diff *d, struct mt_err *err)
{
    enum { GROUPS = 64 };
    struct entry *first[GROUPS];
    size_t groups = 0;
    mt_status status = MT_OK;

    for (size_t i = 0; i < d->n && status == MT_OK; i++) {
        struct entry *e = &d->entries[i];
        size_t k = 0;

        status = count_entry(d, e, err);
        if (!e->counted || !mt_name_is_slot(e->a->name, MT_SLOT_STEP))
            continue;
        while (k < groups && (first[k]->count.a != e->count.a ||
                              first[k]->count.b != e->count.b))
            k++;
        if (k < groups) {
            first[k]->count.tensors++;
            e->count.tensors = 0;
        } else if (groups < GROUPS) {
            first[groups++] = e;
        }
    }
    return status;
}

static void report_entry(struct diff *d, const struct entry *e)
{
    const struct mt_compared *c = result_of(d, e);

    if (!e->b || !e->a) {
        mt_diff_report_array(&d->report, e->section,
                             e->a ? MT_DIFF_ONLY_A : MT_DIFF_ONLY_B, e->a, e->b,
                             NULL, NULL);
    } else if (!c || c->n_differ) {
        mt_diff_report_array(&d->report, e->section,
                             c ? MT_DIFF_DIFFER : MT_DIFF_KIND, e->a, e->b, c,
                             e->counted ? &e->count : NULL);
    } else {
        d->report.parts[e->section].same++;
        d->report.parts[e->section].within += c->n_unequal > 0;
    }
}

static void report_spec(void *ctx, const char *path, const char *a,
                        const char *b)
{
    struct diff *d = ctx;

    mt_diff_report_spec(&d->report, path, a, b);
}

static void compare_specs(struct diff *d)
{
    struct mt_diff_part *part = &d->report.parts[MT_SPEC];
    size_t before = part->differ;

    (d->call->json ? mt_spec_diff_pointers : mt_spec_diff)(
        mt_json_root(d->spec_a), mt_json_root(d->spec_b), report_spec, d);
    part->same += part->differ == before;
}

static void report_sections(struct diff *d)
{
    bool asked = mt_option(d->call, "section") != NULL;
    size_t next = 0;

    for (enum mt_state_section i = 0; i < MT_SECTIONS; i++) {
        struct mt_diff_part *part = &d->report.parts[i];

        if (part->wanted && part->in_a != part->in_b)
            mt_diff_report_lacking(&d->report, i, asked);
        for (; next < d->n && d->entries[next].section == i; next++)
            report_entry(d, &d->entries[next]);
        if (i == MT_SPEC && part->compared && d->spec_a && d->spec_b &&
            !d->only)
            compare_specs(d);
        d->report.differs |= part->differ || part->only_a || part->only_b;
    }
}

/* If nothing was compared, the states are not the same. */
static mt_status check_compared(const struct diff *d, struct mt_err *err)
{
    for (int i = 0; i < MT_SECTIONS; i++) {
        const struct mt_diff_part *p = &d->report.parts[i];

        if (p->same + p->differ + p->only_a + p->only_b)
            return MT_OK;
    }
    return mt_fail(err, MT_MISMATCH,
                   "nothing to compare: no section%s that both have; 'mtrain "
                   "show FILE' lists what a file has",
                   d->only ? ", or no name that matches," : "");
}

/* --- the command -------------------------------------------------------- */

static mt_status open_side(const struct diff *d, int side,
                           struct mt_bundle *out, struct mt_json **spec,
                           struct mt_err *err)
{
    const char *path = d->call->args[side];
    struct mt_state_options options = mt_state_options(d->call);
    mt_status status = mt_open_state(path, mt_option(d->call, "data-dir"),
                                     &options, d->call->team, out, err);

    return status == MT_OK && mt_bundle_find(out, MT_NAME_SPEC)
               ? mt_state_spec(out, path, spec, err)
               : status;
}

static mt_status compare(struct diff *d, struct mt_err *err)
{
    mt_status status;

    read_sections(d);
    if ((status = open_side(d, 0, &d->a, &d->spec_a, err)) != MT_OK ||
        (status = open_side(d, 1, &d->b, &d->spec_b, err)) != MT_OK ||
        (status = list_entries(d, err)) != MT_OK ||
        (status = mt_compare_pairs(d->pairs, d->n_pairs, &d->tolerance,
                                   d->call->team, err)) != MT_OK ||
        (status = count_entries(d, err)) != MT_OK)
        return status;
    report_sections(d);
    return check_compared(d, err);
}

static bool read_tolerance(const struct mt_call *call, const char *name,
                           double *out)
{
    if (!mt_option(call, name))
        return true;
    if (!mt_option_real(call, name, out))
        return false;
    if (*out >= 0)
        return true;
    mt_report_usage(call, "--%s: must be at least 0", name);
    return false;
}

static int diff_run(struct mt_call *call)
{
    struct diff d = {
        .call = call,
        .only = mt_option(call, "only"),
        .a = MT_BUNDLE_INIT,
        .b = MT_BUNDLE_INIT,
        .report = { .paths = { call->args[0], call->args[1] },
                    .quiet = call->quiet,
                    .json = call->json },
    };
    struct mt_err err = MT_ERR_INIT;

    if (!read_tolerance(call, "atol", &d.tolerance.atol) ||
        !read_tolerance(call, "rtol", &d.tolerance.rtol))
        return MT_EXIT_TROUBLE;
    mt_status status = compare(&d, &err);

    if (status == MT_OK)
        mt_diff_end(&d.report);
    mt_diff_report_free(&d.report);
    free(d.entries);
    free(d.pairs);
    free(d.as_float);
    mt_bundle_free(&d.a);
    mt_bundle_free(&d.b);
    mt_json_free(d.spec_a);
    mt_json_free(d.spec_b);
    if (status != MT_OK)
        return mt_report_error(&err);
    return d.report.differs ? MT_EXIT_NO : MT_EXIT_DONE;
}

static const struct mt_option diff_options[] = {
    { "section", 0, "LIST",
      "model, optimizer, ema, spec, progress (default: "
      "those that both have)",
      mt_section_names },
    { "only", 0, "GLOB", "only tensors whose names match" },
    MT_STATE_OPTIONS,
    { "atol", 0, "X", "tolerate |a - b| up to X (+ rtol |b|)" },
    { "rtol", 0, "X", "tolerate |a - b| up to X |b| (+ atol)" },
    { "data-dir", 0, "DIR", "where relative data paths of a SPEC start" },
    { NULL, 0, NULL, NULL },
};

extern const struct mt_command mt_cmd_diff;

const struct mt_command mt_cmd_diff = {
    .name = "diff",
    .operands = "A B",
    .summary = "compare two states",
    .options = diff_options,
    .min_args = 2,
    .max_args = 2,
    .details = "A and B are checkpoints, state files or specs. Bit by bit, "
               "unless a tolerance is given.\nExits with 0 if they are the "
               "same, 1 if they differ, 2 in trouble.",
    .examples =
        "mtrain diff digits.mtc digits.mtc\n"
        "mtrain diff --section model --atol 1e-6 digits.json digits.mtc",
    .run = diff_run,
};
