/* mtrain diff A B */
#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cmd/report.h"
#include "cmd/specs.h"
#include "cmd/terminal.h"
#include "train/compare.h"
#include "train/specdiff.h"
#include "train/state.h"

static const char *const section_names[] = { "model", "optimizer", "spec",
                                             "progress" };
enum { MODEL, OPTIMIZER, SPEC, PROGRESS, N_SECTIONS };

struct section {
    bool wanted, in_a, in_b, compared;
    size_t same, differ, only_a, only_b;
};

struct diff {
    const struct mt_call *call;
    const char *only;
    double atol, rtol;
    struct mt_bundle a, b;
    struct section sections[N_SECTIONS];
    bool differs;
    struct mt_strbuf tensors, spec; /* the lists of the JSON answer */
};

static const char *key_of(const struct mt_array *a)
{
    return strchr(a->name, '/') + 1;
}

/* --- telling ------------------------------------------------------------ */

static void print_index(const struct mt_shape *shape, size_t flat,
                        const char *separator, struct mt_strbuf *out)
{
    size_t at[MT_MAX_RANK];

    for (int i = shape->rank; i-- > 0;) {
        at[i] = flat % shape->dim[i];
        flat /= shape->dim[i];
    }
    mt_strbuf_putc(out, '[');
    for (int i = 0; i < shape->rank; i++)
        mt_strbuf_printf(out, "%s%zu", i ? separator : "", at[i]);
    mt_strbuf_putc(out, ']');
}

static void add_json(struct diff *d, int section, const struct mt_array *a,
                     const char *status, const struct mt_comparison *c)
{
    struct mt_strbuf *out = &d->tensors;

    mt_strbuf_printf(out, "%s{\"section\":\"%s\",\"key\":", out->len ? "," : "",
                     section_names[section]);
    mt_json_add_string(out, key_of(a));
    mt_strbuf_printf(out, ",\"status\":\"%s\",\"shape\":", status);
    mt_shape_print(&a->shape, out);
    if (c) {
        mt_strbuf_printf(out, ",\"n_differ\":%zu,\"max_abs\":", c->n_differ);
        mt_json_add_number(out, c->max_abs);
        mt_strbuf_puts(out, ",\"rms\":");
        mt_json_add_number(out, c->rms);
        mt_strbuf_puts(out, ",\"cosine\":");
        mt_json_add_number(out, c->cosine);
        mt_strbuf_printf(out, ",\"max_ulp\":%llu,\"at\":",
                         (unsigned long long)c->max_ulp);
        print_index(&a->shape, c->first, ",", out);
    }
    mt_strbuf_putc(out, '}');
}

static bool prints(const struct diff *d)
{
    return !d->call->quiet && !d->call->json;
}

/* "model fc1.weight", in the color of what differs. */
static void print_place(int section, const char *key)
{
    printf("%s%s %s%s", mt_color(stdout, MT_COLOR_BAD), section_names[section],
           key, mt_color(stdout, MT_COLOR_END));
}

static void tell_differ(struct diff *d, int section, const struct mt_array *a,
                        const struct mt_comparison *c)
{
    struct mt_strbuf at = MT_STRBUF_INIT;

    if (d->call->json)
        add_json(d, section, a, "differ", c);
    if (!prints(d))
        return;
    print_index(&a->shape, c->first, ", ", &at);
    print_place(section, key_of(a));
    printf(": %zu of %zu values differ, max |d| %.3g, rms %.3g, cosine "
           "%.6g, max ulp %llu, first at %s\n", c->n_differ,
           c->n, c->max_abs, c->rms, c->cosine,
           (unsigned long long)c->max_ulp, at.text ? at.text : "");
    mt_strbuf_free(&at);
}

static void tell_only(struct diff *d, int section, const struct mt_array *a,
                      bool in_a)
{
    const char *path = d->call->args[in_a ? 0 : 1];

    if (d->call->json)
        add_json(d, section, a, in_a ? "only_a" : "only_b", NULL);
    if (!prints(d))
        return;
    print_place(section, key_of(a));
    printf(" %s: only in %s\n", mt_shape_text(&a->shape).text, path);
}

static void tell_kind(struct diff *d, int section, const struct mt_array *a,
                      const struct mt_array *b)
{
    if (d->call->json)
        add_json(d, section, a, "shape", NULL);
    if (!prints(d))
        return;
    print_place(section, key_of(a));
    printf(": %s %s against %s %s\n", mt_dtype_name(a->dtype),
           mt_shape_text(&a->shape).text, mt_dtype_name(b->dtype),
           mt_shape_text(&b->shape).text);
}

/* --- comparing ---------------------------------------------------------- */

static bool is_selected(const struct diff *d, int section,
                        const struct mt_array *a)
{
    const char *key = key_of(a), *dot = strchr(key, '.');

    if (!mt_in_section(a->name, section_names[section]) ||
        strcmp(a->name, "spec/json") == 0)
        return false;
    if (!d->only || section == SPEC || section == PROGRESS)
        return !d->only || fnmatch(d->only, key, 0) == 0;
    if (section == OPTIMIZER && dot && fnmatch(d->only, dot + 1, 0) == 0)
        return true;
    return fnmatch(d->only, key, 0) == 0;
}

static void compare_pair(struct diff *d, int section, const struct mt_array *a,
                         const struct mt_array *b)
{
    struct section *s = &d->sections[section];
    struct mt_comparison c;

    if (a->dtype != b->dtype || !mt_shape_equal(&a->shape, &b->shape)) {
        s->differ++;
        tell_kind(d, section, a, b);
        return;
    }
    mt_compare(a, b, d->atol, d->rtol, &c);
    if (c.n_differ) {
        s->differ++;
        tell_differ(d, section, a, &c);
    } else {
        s->same++;
    }
}

static void compare_arrays(struct diff *d, int section)
{
    struct section *s = &d->sections[section];

    for (size_t i = 0; i < d->a.n; i++) {
        const struct mt_array *a = &d->a.arrays[i], *b;

        if (!is_selected(d, section, a))
            continue;
        b = mt_bundle_find(&d->b, a->name);
        if (b) {
            compare_pair(d, section, a, b);
        } else {
            s->only_a++;
            tell_only(d, section, a, true);
        }
    }
    for (size_t i = 0; i < d->b.n; i++) {
        const struct mt_array *b = &d->b.arrays[i];

        if (is_selected(d, section, b) && !mt_bundle_find(&d->a, b->name)) {
            s->only_b++;
            tell_only(d, section, b, false);
        }
    }
}

static void tell_spec(void *ctx, const char *path, const char *a,
                      const char *b)
{
    struct diff *d = ctx;
    struct mt_strbuf *out = &d->spec;

    d->sections[SPEC].differ++;
    if (prints(d)) {
        print_place(SPEC, path);
        printf(": %s -> %s\n", a ? a : "(not set)", b ? b : "(not set)");
    }
    if (!d->call->json)
        return;
    mt_strbuf_puts(out, out->len ? ",{\"path\":\"/" : "{\"path\":\"/");
    for (const char *p = path; *p; p++)
        mt_strbuf_putc(out, *p == '.' ? '/' : *p);
    mt_strbuf_printf(out, "\",\"a\":%s,\"b\":%s}", a ? a : "null",
                     b ? b : "null");
}

static mt_status compare_specs(struct diff *d, struct mt_err *err)
{
    struct mt_json *a, *b = NULL;

    if (mt_state_spec(&d->a, d->call->args[0], &a, err) != MT_OK)
        return err->status;
    mt_status status = mt_state_spec(&d->b, d->call->args[1], &b, err);

    if (status == MT_OK) {
        size_t before = d->sections[SPEC].differ;

        mt_spec_diff(mt_json_root(a), mt_json_root(b), tell_spec, d);
        d->sections[SPEC].same += d->sections[SPEC].differ == before;
        mt_json_free(b);
    }
    mt_json_free(a);
    return status;
}

/* --- sections ----------------------------------------------------------- */

static bool has_section(const struct mt_bundle *b, int section)
{
    for (size_t i = 0; i < b->n; i++) {
        if (mt_in_section(b->arrays[i].name, section_names[section]))
            return true;
    }
    return false;
}

static mt_status read_sections(struct diff *d, struct mt_err *err)
{
    const char *list = mt_option(d->call, "section");

    for (int i = 0; i < N_SECTIONS; i++)
        d->sections[i].wanted = list == NULL;
    while (list && *list) {
        size_t n = strcspn(list, ",");
        bool found = false;

        for (int i = 0; i < N_SECTIONS; i++) {
            if (strlen(section_names[i]) == n &&
                strncmp(section_names[i], list, n) == 0)
                found = d->sections[i].wanted = true;
        }
        if (!found)
            return mt_fail(err, MT_INVALID,
                           "--section: \"%.*s\" is not one of model, "
                           "optimizer, spec, progress", (int)n, list);
        list += n + (list[n] == ',');
    }
    return MT_OK;
}

/* A section that one side lacks is said; it counts as a difference only where
 * it was asked for by name. */
static mt_status compare_section(struct diff *d, int i, struct mt_err *err)
{
    struct section *s = &d->sections[i];
    bool asked = mt_option(d->call, "section") != NULL;

    s->in_a = has_section(&d->a, i);
    s->in_b = has_section(&d->b, i);
    if (!s->wanted || (!s->in_a && !s->in_b))
        return MT_OK;
    if (s->in_a != s->in_b && prints(d))
        printf("%s: only in %s%s\n", section_names[i],
               d->call->args[s->in_a ? 0 : 1], asked ? "" : " (not compared)");
    if (s->in_a != s->in_b && !asked)
        return MT_OK;
    s->compared = true;
    compare_arrays(d, i);
    if (s->in_a && s->in_b && i == SPEC && !d->only && compare_specs(d, err) != MT_OK)
        return err->status;
    d->differs |= s->differ || s->only_a || s->only_b;
    return MT_OK;
}

/* --- the answer --------------------------------------------------------- */

static bool equal(const struct section *s)
{
    return s->in_a && s->in_b && !s->differ && !s->only_a && !s->only_b;
}

/* A sentence that says what the differences mean. */
static const char *meaning(const struct diff *d)
{
    const struct section *s = d->sections;

    if (!d->differs)
        return "the same";
    if (s[MODEL].wanted && equal(&s[MODEL])) {
        if (s[OPTIMIZER].wanted && s[OPTIMIZER].in_a && s[OPTIMIZER].in_b &&
            !equal(&s[OPTIMIZER]))
            return "the weights are equal, the optimizer's state is not: the "
                   "next step will differ";
        return "the weights are equal";
    }
    if (s[MODEL].wanted && s[MODEL].in_a && s[MODEL].in_b)
        return "the weights differ";
    return "they differ";
}

static void print_text(const struct diff *d)
{
    if (!prints(d))
        return;
    for (int i = 0; i < N_SECTIONS; i++) {
        const struct section *s = &d->sections[i];

        if (s->compared)
            printf("%s: %zu same, %zu differ, %zu only in A, %zu only in B\n",
                   section_names[i], s->same, s->differ, s->only_a, s->only_b);
    }
    printf("%s%s%s\n",
           mt_color(stdout, d->differs ? MT_COLOR_BAD : MT_COLOR_GOOD),
           meaning(d), mt_color(stdout, MT_COLOR_END));
}

static void print_json(const struct diff *d)
{
    bool first = true;

    if (!d->call->json)
        return;
    printf("{\"equal\":%s,\"sections\":{", d->differs ? "false" : "true");
    for (int i = 0; i < N_SECTIONS; i++) {
        const struct section *s = &d->sections[i];

        if (!s->compared)
            continue;
        printf("%s\"%s\":{\"same\":%zu,\"differ\":%zu,\"only_a\":%zu,"
               "\"only_b\":%zu}", first ? "" : ",", section_names[i], s->same,
               s->differ, s->only_a, s->only_b);
        first = false;
    }
    printf("},\"tensors\":[%s],\"spec\":[%s]}\n",
           d->tensors.text ? d->tensors.text : "",
           d->spec.text ? d->spec.text : "");
}

static mt_status compare(struct diff *d, struct mt_err *err)
{
    const char *dir = mt_option(d->call, "data-dir");

    if (read_sections(d, err) != MT_OK ||
        mt_open_state(d->call->args[0], dir, d->call->team, &d->a, err) !=
            MT_OK ||
        mt_open_state(d->call->args[1], dir, d->call->team, &d->b, err) !=
            MT_OK)
        return err->status;
    for (int i = 0; i < N_SECTIONS; i++) {
        if (compare_section(d, i, err) != MT_OK)
            return err->status;
    }
    return MT_OK;
}

/* Nothing compared is no answer. */
static mt_status check_compared(const struct diff *d, struct mt_err *err)
{
    for (int i = 0; i < N_SECTIONS; i++) {
        const struct section *s = &d->sections[i];

        if (s->same + s->differ + s->only_a + s->only_b || d->differs)
            return MT_OK;
    }
    return mt_fail(err, MT_MISMATCH, "nothing to compare: no section%s that "
                   "both have", d->only ? ", or no name that matches," : "");
}

static int diff_run(struct mt_call *call)
{
    struct diff d = { .call = call, .only = mt_option(call, "only"),
                      .a = MT_BUNDLE_INIT, .b = MT_BUNDLE_INIT };
    struct mt_err err = MT_ERR_INIT;

    if ((mt_option(call, "atol") && !mt_option_real(call, "atol", &d.atol)) ||
        (mt_option(call, "rtol") && !mt_option_real(call, "rtol", &d.rtol)))
        return MT_EXIT_TROUBLE;
    mt_status status = compare(&d, &err);

    if (status == MT_OK)
        status = check_compared(&d, &err);
    if (status == MT_OK) {
        print_text(&d);
        print_json(&d);
    }
    mt_strbuf_free(&d.tensors);
    mt_strbuf_free(&d.spec);
    mt_bundle_free(&d.a);
    mt_bundle_free(&d.b);
    if (status != MT_OK)
        return mt_report_error(&err);
    return d.differs ? MT_EXIT_NO : MT_EXIT_DONE;
}

static const struct mt_option diff_options[] = {
    { "section", 0, "LIST", "model, optimizer, spec, progress (default: those "
                            "that both have)" },
    { "only", 0, "GLOB", "only tensors whose names match" },
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
    .run = diff_run,
};
