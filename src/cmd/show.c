/* mtrain show FILE [TENSOR] */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "cmd/report.h"
#include "cmd/specs.h"
#include "tensor/dmath.h"
#include "train/state.h"

/* --- one tensor --------------------------------------------------------- */

struct statistics {
    size_t n, zeros, not_finite;
    double min, max, mean, std, norm;
};

static struct statistics measure(const struct mt_array *a)
{
    struct statistics s = { .n = mt_shape_elements(&a->shape), .min = INFINITY,
                            .max = -INFINITY };
    double sum = 0, squares = 0, spread = 0;
    size_t finite = 0;

    for (size_t i = 0; i < s.n; i++) {
        double x = mt_array_value(a, i);

        if (!isfinite(x)) {
            s.not_finite++;
            continue;
        }
        finite++;
        s.zeros += x == 0;
        s.min = x < s.min ? x : s.min;
        s.max = x > s.max ? x : s.max;
        sum += x;
        squares += x * x;
    }
    s.mean = finite ? sum / (double)finite : 0;
    for (size_t i = 0; i < s.n; i++) {
        double d = mt_array_value(a, i) - s.mean;

        spread += isfinite(d) ? d * d : 0;
    }
    s.std = finite ? mt_dsqrt(spread / (double)finite) : 0;
    s.norm = mt_dsqrt(squares);
    return s;
}

enum { BINS = 16, BAR = 40 };

static void print_histogram(const struct mt_array *a,
                            const struct statistics *s)
{
    size_t count[BINS] = { 0 }, most = 1;
    double width = (s->max - s->min) / BINS;

    if (!(width > 0))
        return;
    for (size_t i = 0; i < s->n; i++) {
        double x = mt_array_value(a, i);

        if (!isfinite(x))
            continue;
        size_t bin = (size_t)((x - s->min) / width);

        count[bin < BINS ? bin : BINS - 1]++;
    }
    for (size_t i = 0; i < BINS; i++)
        most = count[i] > most ? count[i] : most;
    for (size_t i = 0; i < BINS; i++) {
        int length = (int)(count[i] * BAR / most);

        printf("  %11.4g  %.*s %zu\n", s->min + (double)i * width, length,
               "########################################", count[i]);
    }
}

static void print_tensor_json(const struct mt_array *a,
                              const struct statistics *s)
{
    const char *const names[] = { "min", "max", "mean", "std", "norm" };
    const double values[] = { s->min, s->max, s->mean, s->std, s->norm };
    struct mt_strbuf out = MT_STRBUF_INIT;

    mt_strbuf_puts(&out, "{\"name\":");
    mt_json_add_string(&out, a->name);
    mt_strbuf_printf(&out, ",\"dtype\":\"%s\",\"shape\":%s,\"zeros\":%zu,"
                     "\"not_finite\":%zu", mt_dtype_name(a->dtype),
                     mt_shape_text(&a->shape).text, s->zeros, s->not_finite);
    for (int i = 0; i < 5; i++) {
        mt_strbuf_printf(&out, ",\"%s\":", names[i]);
        mt_json_add_number(&out, values[i]);
    }
    printf("%s}\n", out.text ? out.text : "");
    mt_strbuf_free(&out);
}

static void print_tensor(const struct mt_array *a, bool json)
{
    struct statistics s = measure(a);

    if (json) {
        print_tensor_json(a, &s);
        return;
    }

    printf("%s  %s %s  %zu values\n", a->name, mt_dtype_name(a->dtype),
           mt_shape_text(&a->shape).text, s.n);
    if (s.n == s.not_finite) {
        printf("  no finite value\n");
        return;
    }
    printf("  min %.6g  max %.6g  mean %.6g  std %.6g  2-norm %.6g\n", s.min,
           s.max, s.mean, s.std, s.norm);
    printf("  zeros %zu  not finite %zu\n", s.zeros, s.not_finite);
    print_histogram(a, &s);
}

/* TENSOR may leave out "model/". */
static const struct mt_array *find_tensor(const struct mt_bundle *b,
                                          const char *name)
{
    char full[2048];
    const struct mt_array *a = mt_bundle_find(b, name);

    snprintf(full, sizeof full, "model/%s", name);
    if (!a)
        a = mt_bundle_find(b, full);
    snprintf(full, sizeof full, "optimizer/%s",
             strncmp(name, "optimizer.", 10) == 0 ? name + 10 : name);
    if (!a)
        a = mt_bundle_find(b, full);
    snprintf(full, sizeof full, "progress/%s", name);
    if (!a)
        a = mt_bundle_find(b, full);
    snprintf(full, sizeof full, "spec/%s", name);
    return a ? a : mt_bundle_find(b, full);
}

static int show_tensor(const struct mt_call *call, const struct mt_bundle *b)
{
    const struct mt_array *a = find_tensor(b, call->args[1]);
    struct mt_err err = MT_ERR_INIT;
    const char *names[1024], *near;
    size_t n = 0;

    if (a) {
        print_tensor(a, call->json);
        return MT_EXIT_DONE;
    }
    for (size_t i = 0; i < b->n && n < 1024; i++)
        names[n++] = strchr(b->arrays[i].name, '/') + 1;
    near = mt_nearest(call->args[1], names, n);
    mt_fail(&err, MT_INVALID, "%s: has no tensor \"%s\"%s%s%s", call->args[0],
            call->args[1], near ? "; did you mean \"" : "", near ? near : "",
            near ? "\"?" : "");
    if (!near)
        mt_hint(&err, "'mtrain show %s' lists them", call->args[0]);
    return mt_report_error(&err);
}

/* --- a summary ---------------------------------------------------------- */

static const double *history(const struct mt_bundle *b, const char *column,
                             size_t *n)
{
    char name[256];
    const struct mt_array *a;

    snprintf(name, sizeof name, "progress/history.%s", column);
    a = mt_bundle_find(b, name);
    *n = a && a->dtype == MT_F64 ? mt_shape_elements(&a->shape) : 0;
    return *n ? a->data : NULL;
}

static void print_history(const struct mt_bundle *b)
{
    size_t n, m;
    const double *train = history(b, "train.loss", &n);
    const double *val = history(b, "val.loss", &m);

    for (size_t i = 0; i < n; i++) {
        size_t skip = n > 12 && i >= 5 && i + 5 < n;

        if (skip) {
            printf("  ... %zu epochs ...\n", n - 10);
            i = n - 6;
            continue;
        }
        printf("  epoch %-5zu loss ", i + 1);
        if (val && i < m && val[i] != 0)
            printf("%-10.4g val loss %.4g\n", train[i], val[i]);
        else
            printf("%.4g\n", train[i]);
    }
}

static void print_section(const struct mt_bundle *b, const char *section,
                          const char *title)
{
    size_t n = 0, values = 0;

    for (size_t i = 0; i < b->n; i++) {
        const struct mt_array *a = &b->arrays[i];

        if (mt_in_section(a->name, section)) {
            n++;
            values += mt_shape_elements(&a->shape);
        }
    }
    printf("%-10s %zu tensors, %zu values\n", title, n, values);
    if (strcmp(section, "model") != 0)
        return;
    for (size_t i = 0; i < b->n; i++) {
        const struct mt_array *a = &b->arrays[i];

        if (mt_in_section(a->name, section))
            printf("  %-40s %-16s %s\n", strchr(a->name, '/') + 1,
                   mt_shape_text(&a->shape).text, mt_dtype_name(a->dtype));
    }
}

/* Every array with its type and shape. */
static void print_json(const struct mt_bundle *b)
{
    printf("{\"step\":%lld,\"epoch\":%lld,\"arrays\":[",
           (long long)mt_bundle_get_i64(b, "progress/step", 0),
           (long long)mt_bundle_get_i64(b, "progress/epoch", 0));
    for (size_t i = 0; i < b->n; i++) {
        const struct mt_array *a = &b->arrays[i];

        printf("%s{\"name\":", i ? "," : "");
        mt_print_json_string(a->name);
        printf(",\"dtype\":\"%s\",\"shape\":%s}", mt_dtype_name(a->dtype),
               mt_shape_text(&a->shape).text);
    }
    printf("]}\n");
}

static int show_summary(const struct mt_call *call, const struct mt_bundle *b)
{
    if (call->json) {
        print_json(b);
        return MT_EXIT_DONE;
    }
    printf("%s\n", call->args[0]);
    print_section(b, "model", "model");
    print_section(b, "optimizer", "optimizer");
    if (mt_bundle_find(b, "progress/step"))
        printf("progress   step %lld, epoch %lld, batch %lld\n",
               (long long)mt_bundle_get_i64(b, "progress/step", 0),
               (long long)mt_bundle_get_i64(b, "progress/epoch", 0),
               (long long)mt_bundle_get_i64(b, "progress/batch", 0));
    print_history(b);
    return MT_EXIT_DONE;
}

static int show_spec(const struct mt_call *call)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_bundle b = MT_BUNDLE_INIT;
    struct mt_json *doc = NULL;
    struct mt_strbuf text = MT_STRBUF_INIT;
    mt_status status;

    if (mt_is_spec(call->args[0])) {
        status = mt_json_read_file(call->args[0], &doc, &err);
    } else {
        status = mt_bundle_read(call->args[0], call->team, &b, &err);
        if (status == MT_OK)
            status = mt_state_spec(&b, call->args[0], &doc, &err);
    }
    if (status == MT_OK) {
        mt_json_print(mt_json_root(doc), &text);
        fputs(text.text ? text.text : "", stdout);
    }
    mt_strbuf_free(&text);
    if (doc)
        mt_json_free(doc);
    mt_bundle_free(&b);
    return status == MT_OK ? MT_EXIT_DONE : mt_report_error(&err);
}

static int show_digest(const struct mt_call *call)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_ckpt *ckpt;

    if (mt_ckpt_verify(call->args[0], NULL, NULL, call->team, &err) != MT_OK ||
        mt_ckpt_open(call->args[0], &ckpt, &err) != MT_OK) {
        mt_hint_not_checkpoint(call->args[0], &err);
        return mt_report_error(&err);
    }
    if (call->json)
        printf("{\"digest\":\"%s\"}\n", mt_ckpt_info(ckpt).digest);
    else
        printf("%s\n", mt_ckpt_info(ckpt).digest);
    mt_ckpt_close(ckpt);
    return MT_EXIT_DONE;
}

static int show_run(struct mt_call *call)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_bundle b;
    int code;

    if (mt_option(call, "digest"))
        return show_digest(call);
    if (mt_option(call, "spec"))
        return show_spec(call);
    if (mt_open_state(call->args[0], mt_option(call, "data-dir"), call->team,
                      &b, &err) != MT_OK)
        return mt_report_error(&err);
    code = call->n_args > 1 ? show_tensor(call, &b) : show_summary(call, &b);
    mt_bundle_free(&b);
    return code;
}

static const struct mt_option show_options[] = {
    { "spec", 0, NULL, "print the exact spec" },
    { "digest", 0, NULL, "print the digest of the whole state" },
    { "data-dir", 0, "DIR", "where relative data paths of a SPEC start" },
    { NULL, 0, NULL, NULL },
};

extern const struct mt_command mt_cmd_show;

const struct mt_command mt_cmd_show = {
    .name = "show",
    .operands = "FILE [TENSOR]",
    .summary = "summarize a spec, checkpoint, state file or tensor",
    .options = show_options,
    .min_args = 1,
    .max_args = 2,
    .examples =
        "mtrain show digits.mtc\n"
        "mtrain show digits.mtc fc1.weight\n"
        "mtrain show --spec digits.mtc",
    .run = show_run,
};
