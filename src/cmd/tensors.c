#include "cmd/tensors.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "spec/tree.h"
#include "base/nearest.h"
#include "cmd/report.h"
#include "cmd/terminal.h"
#include "train/statename.h"
#include "train/statistics.h"

/* --- finding ------------------------------------------------------------ */

/* The section may be left out of the name. */
static const struct mt_array *find_tensor(const struct mt_bundle *b,
                                          const char *name)
{
    const struct mt_array *a = NULL;
    struct mt_name full;

    for (size_t i = 0; !a && mt_name_typed(name, i, &full); i++)
        a = mt_bundle_find(b, full.text);
    return a;
}

static int fail_name(const struct mt_bundle *b, const char *path,
                     const char *name)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_nearest search = mt_nearest_to(name);
    const char *near;

    for (size_t i = 0; i < b->n; i++)
        mt_nearest_try(&search, mt_name_key(b->arrays[i].name));
    near = search.best;
    mt_fail(&err, MT_INVALID, "%s: has no tensor \"%s\"%s%s%s", path, name,
            near ? "; did you mean \"" : "", near ? near : "",
            near ? "\"?" : "");
    if (!near)
        mt_hint(&err, "'mtrain show -v %s' lists them", path);
    return mt_report_error(&err);
}

/* --- text --------------------------------------------------------------- */

enum { NUMBERS = 24, LONGEST = 60 }; /* columns of the numbers; of the longest
                                        bar */

static void print_histogram(const struct mt_statistics *s)
{
    size_t width = mt_terminal_width(stdout), most = 1;
    size_t bar = width > NUMBERS + 10 ? width - NUMBERS : 10;

    bar = bar < LONGEST ? bar : LONGEST;
    for (size_t i = 0; i < MT_BINS; i++)
        most = s->bin[i] > most ? s->bin[i] : most;
    for (size_t i = 0; i < MT_BINS; i++) {
        size_t length = (size_t)((double)s->bin[i] / (double)most *
                                 (double)bar);
        char cells[LONGEST + 1];

        if (s->bin[i] && !length)
            length = 1; /* so that a bar of a few values can be seen */
        memset(cells, '#', length);
        cells[length] = '\0';
        printf("  %11.4g  %s%s%s%s%zu\n", mt_statistics_edge(s, i),
               mt_color(stdout, MT_COLOR_BAR), cells,
               mt_color(stdout, MT_COLOR_END), length ? " " : "", s->bin[i]);
    }
}

static void print_text(const struct mt_array *a, const struct mt_statistics *s)
{
    printf("%s  %s %s  %s\n", a->name, mt_array_type(a),
           mt_shape_text(&a->shape).text, mt_count(s->n, "value").text);
    if (s->finite) {
        printf("  min %.6g  max %.6g  mean %.6g  std %.6g  2-norm %.6g\n",
               s->min, s->max, s->mean, s->std, s->norm);
        printf("  quantiles");
        for (size_t i = 0; i < MT_QUANTILES; i++)
            printf("  %g%% %.4g", 100 * mt_quantile_at[i],
                   s->quantile[i]);
        printf("\n");
    }
    printf("  zeros %zu", s->zeros);
    if (s->nan || s->inf)
        printf("  %sNaN %zu  infinite %zu%s", mt_color(stdout, MT_COLOR_BAD),
               s->nan, s->inf, mt_color(stdout, MT_COLOR_END));
    else
        printf("  NaN 0  infinite 0");
    printf("\n");
    if (s->finite && s->max > s->min)
        print_histogram(s);
}

/* --- JSON --------------------------------------------------------------- */

static void add_histogram(const struct mt_statistics *s, struct mt_strbuf *out)
{
    mt_strbuf_puts(out, ",\"histogram\":{\"edges\":[");
    for (size_t i = 0; i <= MT_BINS; i++) {
        mt_strbuf_puts(out, i ? "," : "");
        mt_json_add_number(out, mt_statistics_edge(s, i));
    }
    mt_strbuf_puts(out, "],\"counts\":[");
    for (size_t i = 0; i < MT_BINS; i++)
        mt_strbuf_printf(out, "%s%zu", i ? "," : "", s->bin[i]);
    mt_strbuf_puts(out, "]}");
}

static void print_json(const struct mt_array *a, const struct mt_statistics *s)
{
    static const char *const names[] = { "min", "max", "mean", "std", "norm" };
    const double values[] = { s->min, s->max, s->mean, s->std, s->norm };
    struct mt_strbuf out = MT_STRBUF_INIT;

    mt_strbuf_puts(&out, "{\"name\":");
    mt_json_add_string(&out, a->name);
    mt_strbuf_printf(&out,
                     ",\"dtype\":\"%s\",\"shape\":%s,\"zeros\":%zu,"
                     "\"not_finite\":%zu,\"nan\":%zu,\"inf\":%zu",
                     mt_array_type(a), mt_shape_text(&a->shape).text, s->zeros,
                     s->n - s->finite, s->nan, s->inf);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        mt_strbuf_printf(&out, ",\"%s\":", names[i]);
        mt_json_add_number(&out, s->finite ? values[i] : NAN);
    }
    for (size_t i = 0; i < MT_QUANTILES; i++) {
        mt_strbuf_printf(&out, i ? ",\"%g\":" : ",\"quantiles\":{\"%g\":",
                         mt_quantile_at[i]);
        mt_json_add_number(&out, s->finite ? s->quantile[i] : NAN);
    }
    mt_strbuf_putc(&out, '}');
    if (s->finite)
        add_histogram(s, &out);
    printf("%s}\n", out.text ? out.text : "");
    mt_strbuf_free(&out);
}

int mt_tensor_show(const struct mt_call *call, const struct mt_bundle *b,
                   const char *path, const char *name)
{
    const struct mt_array *a = find_tensor(b, name);
    struct mt_statistics s;
    struct mt_err err = MT_ERR_INIT;

    if (!a)
        return fail_name(b, path, name);
    if (a->dtype == MT_OTHER) {
        mt_fail(&err, MT_INVALID,
                "%s: tensor \"%s\" cannot be read (%s)",
                path, mt_name_key(a->name), mt_array_type(a));
        return mt_report_error(&err);
    }
    if (mt_statistics_take(a, call->team, &s, &err) != MT_OK)
        return mt_report_error(&err);
    if (call->json)
        print_json(a, &s);
    else
        print_text(a, &s);
    return MT_EXIT_DONE;
}
