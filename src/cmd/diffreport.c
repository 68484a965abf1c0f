#include "cmd/diffreport.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "spec/tree.h"
#include "cmd/terminal.h"

static const char *const status_names[] = {
    [MT_DIFF_DIFFER] = "differ",
    [MT_DIFF_KIND] = "shape",
    [MT_DIFF_ONLY_A] = "only_a",
    [MT_DIFF_ONLY_B] = "only_b",
};

static bool prints(const struct mt_diff_report *r)
{
    return !r->quiet && !r->json;
}

/* "model fc1.weight", in the color of what differs. */
static void print_place(const char *section, const char *key)
{
    printf("%s%s %s%s", mt_color(stdout, MT_COLOR_BAD), section, key,
           mt_color(stdout, MT_COLOR_END));
}

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

/* --- one array ---------------------------------------------------------- */

static void add_values(struct mt_strbuf *out, const struct mt_shape *shape,
                       const struct mt_compared *c)
{
    mt_strbuf_printf(out, ",\"n_differ\":%zu,\"max_abs\":", c->n_differ);
    mt_json_add_number(out, c->max_abs);
    mt_strbuf_puts(out, ",\"rms\":");
    mt_json_add_number(out, mt_compared_rms(c));
    mt_strbuf_puts(out, ",\"cosine\":");
    mt_json_add_number(out, mt_compared_cosine(c));
    mt_strbuf_printf(
        out, ",\"max_ulp\":%llu,\"at\":", (unsigned long long)c->max_ulp);
    print_index(shape, c->first, ",", out);
}

static void add_json(struct mt_diff_report *r, enum mt_state_section section,
                     enum mt_diff_status status, const struct mt_array *a,
                     const struct mt_array *b, const struct mt_compared *c)
{
    struct mt_strbuf *out = &r->tensors;
    const struct mt_array *there = a ? a : b;

    mt_strbuf_printf(out, "%s{\"section\":\"%s\",\"key\":", out->len ? "," : "",
                     mt_section_names[section]);
    mt_json_add_string(out, mt_name_key(there->name));
    mt_strbuf_printf(out,
                     ",\"status\":\"%s\",\"shape\":", status_names[status]);
    mt_shape_print(&there->shape, out);
    if (status == MT_DIFF_DIFFER)
        add_values(out, &there->shape, c);
    if (status == MT_DIFF_KIND) {
        mt_strbuf_printf(
            out, ",\"dtype\":\"%s\",\"shape_b\":", mt_array_type(a));
        mt_shape_print(&b->shape, out);
        mt_strbuf_printf(out, ",\"dtype_b\":\"%s\"", mt_array_type(b));
    }
    mt_strbuf_putc(out, '}');
}

static void print_differ(const struct mt_array *a, const struct mt_compared *c)
{
    struct mt_strbuf at = MT_STRBUF_INIT;

    print_index(&a->shape, c->first, ", ", &at);
    printf(": %zu of %zu values differ, max |d| %.3g, rms %.3g, cosine %.6g, "
           "max ulp %llu, first at %s\n",
           c->n_differ, c->n, c->max_abs, mt_compared_rms(c),
           mt_compared_cosine(c), (unsigned long long)c->max_ulp,
           at.text ? at.text : "");
    mt_strbuf_free(&at);
}

/* "progress epoch 4 -> 5", "optimizer step 180 -> 189 (6 tensors)" */
static void print_count(const char *section, const struct mt_array *a,
                        const struct mt_diff_count *count)
{
    print_place(section,
                count->tensors > 1 ? MT_SLOT_STEP : mt_name_key(a->name));
    printf(" %lld -> %lld", (long long)count->a, (long long)count->b);
    if (count->tensors > 1)
        printf(" (%zu tensors)", count->tensors);
    printf("\n");
}

static void print_line(const struct mt_diff_report *r, const char *section,
                       enum mt_diff_status status, const struct mt_array *a,
                       const struct mt_array *b, const struct mt_compared *c)
{
    const struct mt_array *there = a ? a : b;

    print_place(section, mt_name_key(there->name));
    if (status == MT_DIFF_DIFFER)
        print_differ(a, c);
    else if (status == MT_DIFF_KIND)
        printf(": %s %s against %s %s\n", mt_array_type(a),
               mt_shape_text(&a->shape).text, mt_array_type(b),
               mt_shape_text(&b->shape).text);
    else
        printf(" %s: only in %s\n", mt_shape_text(&there->shape).text,
               r->paths[a ? 0 : 1]);
}

/* --- what the sentence needs -------------------------------------------- */

static void note_slot(struct mt_diff_report *r, const char *name)
{
    size_t n, i = 0;
    const char *key = mt_name_slot_of(name, &n);

    while (i < r->n_slots && (strlen(r->slots[i].name) != n ||
                              strncmp(r->slots[i].name, key, n) != 0))
        i++;
    if (i == MT_DIFF_SLOTS || n >= sizeof r->slots->name)
        return;
    if (i == r->n_slots) {
        memcpy(r->slots[i].name, key, n);
        r->n_slots++;
    }
    r->slots[i].n++;
}

/* A difference means little without the size of the values. */
static void note_tensor(struct mt_diff_report *r, const char *key,
                        const struct mt_compared *c)
{
    double ratio =
        c->squares > 0 ? sqrt(c->squares / (c->bb > 0 ? c->bb : 1)) : 0;

    if (*r->most && !(ratio > r->most_ratio))
        return;
    snprintf(r->most, sizeof r->most, "%s", key);
    r->most_ratio = ratio;
}

static void note(struct mt_diff_report *r, enum mt_state_section section,
                 enum mt_diff_status status, const char *name,
                 const struct mt_compared *c)
{
    struct mt_diff_part *part = &r->parts[section];

    part->differ += status == MT_DIFF_DIFFER || status == MT_DIFF_KIND;
    part->kind += status == MT_DIFF_KIND;
    part->only_a += status == MT_DIFF_ONLY_A;
    part->only_b += status == MT_DIFF_ONLY_B;
    if (section == MT_OPTIMIZER)
        note_slot(r, name);
    if (section == MT_MODEL && status == MT_DIFF_DIFFER)
        note_tensor(r, mt_name_key(name), c);
    if (section == MT_PROGRESS && !mt_name_column(name))
        r->position = true;
}

void mt_diff_report_array(struct mt_diff_report *r,
                          enum mt_state_section section,
                          enum mt_diff_status status, const struct mt_array *a,
                          const struct mt_array *b, const struct mt_compared *c,
                          const struct mt_diff_count *count)
{
    note(r, section, status, (a ? a : b)->name, c);
    if (r->json)
        add_json(r, section, status, a, b, c);
    if (!prints(r))
        return;
    if (!count)
        print_line(r, mt_section_names[section], status, a, b, c);
    else if (count->tensors)
        print_count(mt_section_names[section], a, count);
}

void mt_diff_report_spec(struct mt_diff_report *r, const char *path,
                         const char *a, const char *b)
{
    r->parts[MT_SPEC].differ++;
    if (prints(r)) {
        print_place("spec", path);
        printf(": %s -> %s\n", a ? a : "(not set)", b ? b : "(not set)");
    }
    if (!r->json)
        return;
    mt_strbuf_puts(&r->spec, r->spec.len ? ",{\"path\":" : "{\"path\":");
    mt_json_add_string(&r->spec, path);
    mt_strbuf_printf(&r->spec, ",\"a\":%s,\"b\":%s}", a ? a : "null",
                     b ? b : "null");
}

void mt_diff_report_lacking(const struct mt_diff_report *r,
                            enum mt_state_section section, bool asked)
{
    if (prints(r))
        printf("%s: only in %s%s\n", mt_section_names[section],
               r->paths[r->parts[section].in_a ? 0 : 1],
               asked ? "" : " (not compared)");
}

/* --- the sentence ------------------------------------------------------- */

static bool equal(const struct mt_diff_part *p)
{
    return p->compared && !p->differ && !p->only_a && !p->only_b;
}

static bool unequal(const struct mt_diff_part *p)
{
    return p->compared && !equal(p);
}

static void say_same(const struct mt_diff_report *r)
{
    size_t within = 0, lacking = 0;

    for (int i = 0; i < MT_SECTIONS; i++) {
        const struct mt_diff_part *p = &r->parts[i];

        within += p->within;
        lacking += p->wanted && p->in_a != p->in_b;
    }
    if (within)
        printf("the same within the tolerance (not bit for bit: %zu)", within);
    else
        printf("the same%s", lacking ? " in what both have" : "");
}

static void say_weights(const struct mt_diff_report *r)
{
    const struct mt_diff_part *p = &r->parts[MT_MODEL];
    size_t values = p->differ - p->kind, one = p->only_a + p->only_b;

    printf("the weights differ");
    if (values)
        printf(" in %zu of %s, most in %s", values,
               mt_count(p->same + p->differ, "tensor").text, r->most);
    if (p->kind)
        printf("%s %zu of another type or shape", values ? ";" : ":", p->kind);
    if (one)
        printf("%s %zu only in one", values || p->kind ? ";" : ":", one);
}

/* Only one has optimizer state, of all or of some tensors. */
static bool one_sided(const struct mt_diff_part *p)
{
    return p->wanted &&
           (p->in_a != p->in_b || (!p->differ && !p->only_a != !p->only_b));
}

static void say_one_sided(const struct mt_diff_report *r)
{
    const struct mt_diff_part *p = &r->parts[MT_OPTIMIZER];
    bool in_a = p->in_a != p->in_b ? p->in_a : p->only_a > 0;

    printf("the weights are equal, but only %s has optimizer state%s: the "
           "next step will differ",
           r->paths[in_a ? 0 : 1], p->same ? " of some tensors" : "");
}

static void say_optimizer(const struct mt_diff_report *r)
{
    printf("the weights are equal, but ");
    for (size_t i = 0; i < r->n_slots; i++)
        printf("%s%s of %zu",
               i == 0               ? ""
               : i + 1 < r->n_slots ? ", "
                                    : " and ",
               r->slots[i].name, r->slots[i].n);
    printf(" tensors differ%s: the next step will differ",
           r->n_slots == 1 && r->slots[0].n == 1 ? "s" : "");
}

/* Weights are equal, and the optimizer's state is, or was not compared. */
static void say_rest(const struct mt_diff_report *r)
{
    const struct mt_diff_part *p = r->parts;

    printf("%s", equal(&p[MT_OPTIMIZER])
                     ? "the weights and the optimizer's state are equal"
                     : "the weights are equal");
    if (unequal(&p[MT_EMA]))
        printf(", but their exponential mean is not");
    else if (unequal(&p[MT_SPEC]))
        printf(", but the spec is not: training may go on differently");
    else if (r->position)
        printf(", but the position is not: the next step may differ");
    else if (unequal(&p[MT_PROGRESS]))
        printf("; only the history differs: the next step will be the same");
}

static void say(const struct mt_diff_report *r)
{
    const struct mt_diff_part *p = r->parts;

    if (!r->differs)
        say_same(r);
    else if (unequal(&p[MT_MODEL]))
        say_weights(r);
    else if (!p[MT_MODEL].compared)
        printf("they differ");
    else if (one_sided(&p[MT_OPTIMIZER]))
        say_one_sided(r);
    else if (unequal(&p[MT_OPTIMIZER]))
        say_optimizer(r);
    else
        say_rest(r);
}

/* --- the end ------------------------------------------------------------ */

static void print_json(const struct mt_diff_report *r)
{
    bool first = true;

    printf("{\"equal\":%s,\"sections\":{", r->differs ? "false" : "true");
    for (int i = 0; i < MT_SECTIONS; i++) {
        const struct mt_diff_part *p = &r->parts[i];

        if (!p->compared)
            continue;
        printf("%s\"%s\":{\"same\":%zu,\"differ\":%zu,\"only_a\":%zu,"
               "\"only_b\":%zu}",
               first ? "" : ",", mt_section_names[i], p->same, p->differ,
               p->only_a, p->only_b);
        first = false;
    }
    printf("},\"tensors\":[%s],\"spec\":[%s]}\n",
           r->tensors.text ? r->tensors.text : "",
           r->spec.text ? r->spec.text : "");
}

void mt_diff_end(const struct mt_diff_report *r)
{
    if (r->json)
        print_json(r);
    if (!prints(r))
        return;
    for (int i = 0; i < MT_SECTIONS; i++) {
        const struct mt_diff_part *p = &r->parts[i];

        if (p->compared)
            printf("%s: %zu same, %zu differ, %zu only in A, %zu only in B\n",
                   mt_section_names[i], p->same, p->differ, p->only_a,
                   p->only_b);
    }
    printf("%s",
           mt_color(stdout, r->differs ? MT_COLOR_BAD : MT_COLOR_GOOD));
    say(r);
    printf("%s\n", mt_color(stdout, MT_COLOR_END));
}

void mt_diff_report_free(struct mt_diff_report *r)
{
    mt_strbuf_free(&r->tensors);
    mt_strbuf_free(&r->spec);
}
