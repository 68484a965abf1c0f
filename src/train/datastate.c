#include "train/datastate.h"

#include <stdlib.h>
#include <string.h>

#include "spec/keys.h"
#include "train/statename.h"

/* --- saving ------------------------------------------------------------- */

static void add_files(const struct mt_dataset *data, struct mt_strbuf *out)
{
    mt_strbuf_puts(out, "\"files\":[");
    for (size_t i = 0; i < data->n_fingerprints; i++) {
        const struct mt_fingerprint *f = &data->fingerprints[i];

        mt_strbuf_puts(out, i ? ",{\"role\":" : "{\"role\":");
        mt_json_add_string(out, f->role);
        mt_strbuf_printf(out, ",\"bytes\":%llu,\"sha256\":\"%s\"}",
                         (unsigned long long)f->bytes, f->sha256);
    }
    mt_strbuf_putc(out, ']');
}

static void add_names(const char *key, const char *const *names, size_t n,
                      struct mt_strbuf *out)
{
    if (!names)
        return;
    mt_strbuf_printf(out, ",\"%s\":[", key);
    for (size_t i = 0; i < n; i++) {
        if (i)
            mt_strbuf_putc(out, ',');
        mt_json_add_string(out, names[i]);
    }
    mt_strbuf_putc(out, ']');
}

static void add_shape(const char *key, const struct mt_shape *shape,
                      struct mt_strbuf *out)
{
    mt_strbuf_printf(out, ",\"%s\":", key);
    mt_shape_print(shape, out);
}

static void add_arrays(const struct mt_fitted *f, struct mt_bundle *out)
{
    const struct mt_normalization *norm = &f->norm, *y = &f->y_norm;

    mt_bundle_list(out, MT_NAME_SCALE, MT_F32, &norm->scale, 1);
    if (norm->n) {
        mt_bundle_list(out, MT_NAME_MEAN, MT_F64, norm->mean, norm->n);
        mt_bundle_list(out, MT_NAME_STD, MT_F64, norm->std, norm->n);
    }
    if (f->class_counts)
        mt_bundle_list(out, MT_NAME_CLASS_COUNTS, MT_I64, f->class_counts,
                       f->n_class_counts);
    if (y->n) {
        mt_bundle_list(out, MT_NAME_TARGET_MEAN, MT_F64, y->mean, y->n);
        mt_bundle_list(out, MT_NAME_TARGET_STD, MT_F64, y->std, y->n);
    }
    for (size_t i = 0; i < f->n_arrays; i++) {
        const struct mt_array *a = &f->arrays[i];

        mt_bundle_add(out, mt_name_fitted(a->name).text, a->dtype, &a->shape,
                      a->data);
    }
}

static void add_counts(const struct mt_fitted *f, struct mt_strbuf *json)
{
    mt_strbuf_printf(json, ",\"classes\":%zu", f->classes);
    add_names("class_names", f->class_names, f->classes, json);
    mt_strbuf_printf(json, ",\"vocab\":%zu", f->vocab);
    add_names("vocab_names", f->vocab_names, f->vocab, json);
    add_names("feature_names", f->feature_names, f->n_features, json);
    add_names("target_names", f->target_names, mt_shape_elements(&f->y), json);
}

void mt_data_state_save(const struct mt_dataset *data, struct mt_bundle *out)
{
    const struct mt_fitted *f = &data->fitted;
    struct mt_strbuf json = MT_STRBUF_INIT;

    mt_strbuf_putc(&json, '{');
    add_files(data, &json);
    add_counts(f, &json);
    add_shape("x", &f->x, &json);
    add_shape("y", &f->y, &json);
    mt_strbuf_printf(&json, ",\"x_dtype\":\"%s\"", mt_dtype_name(f->x_dtype));
    if (f->facts)
        mt_strbuf_printf(&json, ",\"format\":\"%s\",\"facts\":%s", f->format,
                         f->facts);
    mt_strbuf_putc(&json, '}');
    if (json.failed)
        out->failed = true;
    else
        mt_bundle_text(out, MT_NAME_DATA, json.text);
    mt_strbuf_free(&json);
    add_arrays(f, out);
}

/* --- reading ------------------------------------------------------------ */

static mt_status parse(const struct mt_bundle *from, struct mt_arena *arena,
                       struct mt_json **out, struct mt_err *err)
{
    const char *text;
    mt_status status;

    if ((status = mt_bundle_get_text(from, MT_NAME_DATA, arena, &text, err)) !=
        MT_OK)
        return status;
    if (!text)
        return mt_fail(err, MT_INVALID,
                       "the checkpoint has no " MT_NAME_DATA);
    return mt_json_parse(MT_NAME_DATA, text, strlen(text), out, err);
}

static mt_status read_names(const struct mt_json *doc, const char *key,
                            size_t n, struct mt_arena *arena,
                            const char *const **out, struct mt_err *err)
{
    const struct mt_item *list = mt_json_get(mt_json_root(doc), key);
    const char **names;

    if (!list)
        return MT_OK;
    if (!mt_is_list(list) || mt_item_count(list) != n)
        return mt_json_fail(doc, list, err, "expected %zu names", n);
    names = mt_arena_calloc(arena, n + 1, sizeof *names);
    if (!names)
        return mt_fail_memory(err);

    const struct mt_item *item = list->child;

    for (size_t i = 0; i < n; i++, item = item->next) {
        if (!mt_is_string(item))
            return mt_json_fail(doc, item, err, "expected a name");
        names[i] = mt_arena_strdup(arena, item->text);
        if (!names[i])
            return mt_fail_memory(err);
    }
    *out = names;
    return MT_OK;
}

struct counts {
    size_t classes, vocab;
    const char *x_dtype, *format;
    const struct mt_item *features, *facts;
};

static const struct mt_key count_keys[] = {
    { "classes", MT_KEY_SIZE, offsetof(struct counts, classes), .def = "0" },
    { "vocab", MT_KEY_SIZE, offsetof(struct counts, vocab), .def = "0" },
    { "x_dtype", MT_KEY_STRING, offsetof(struct counts, x_dtype) },
    { "format", MT_KEY_STRING, offsetof(struct counts, format) },
    { "feature_names", MT_KEY_JSON, offsetof(struct counts, features) },
    { "facts", MT_KEY_JSON, offsetof(struct counts, facts) },
    { .name = NULL },
};

static mt_status read_shape(const struct mt_json *doc, const char *key,
                            struct mt_shape *out, struct mt_err *err)
{
    const struct mt_item *list = mt_json_get(mt_json_root(doc), key);
    const struct mt_item *item = list ? list->child : NULL;
    size_t count;

    *out = (struct mt_shape){ .rank = 0 };
    if (!mt_is_list(list))
        return mt_json_fail(doc, list ? list : mt_json_root(doc), err,
                            "expected the shape \"%s\" of a sample", key);
    for (; item; item = item->next) {
        double v = mt_is_number(item) ? item->number : 0;

        if (out->rank == MT_MAX_RANK - 1 || !(v >= 1 && v <= 0x1p40) ||
            v != (double)(size_t)v)
            return mt_json_fail(doc, item, err,
                                "expected at most %d whole numbers above 0",
                                MT_MAX_RANK - 1);
        out->dim[out->rank++] = (size_t)v;
    }
    if (!mt_shape_count(out, &count) || count > SIZE_MAX / 64)
        return mt_json_fail(doc, list, err, "the shape is too large");
    return MT_OK;
}

/* The format's own facts, as text again. */
static mt_status read_own(const struct mt_json *doc, const struct counts *c,
                          struct mt_arena *arena, struct mt_fitted *out,
                          struct mt_err *err)
{
    struct mt_strbuf text = MT_STRBUF_INIT;

    out->format = c->format;
    if (!c->facts)
        return MT_OK;
    if (!mt_is_object(c->facts))
        return mt_json_fail(doc, c->facts, err, "expected an object");
    mt_json_print(c->facts, &text);
    if (!text.failed)
        out->facts = mt_arena_strdup(arena, text.text);
    mt_strbuf_free(&text);
    return out->facts ? MT_OK : mt_fail_memory(err);
}

static mt_status read_json(const struct mt_json *doc, struct mt_arena *arena,
                           struct mt_fitted *out, struct mt_err *err)
{
    struct counts c;
    mt_status status;

    if ((status = mt_keys_read(doc, mt_json_root(doc), count_keys, &c, arena,
                               err)) != MT_OK ||
        (status = read_shape(doc, "x", &out->x, err)) != MT_OK ||
        (status = read_shape(doc, "y", &out->y, err)) != MT_OK)
        return status;
    if (!c.x_dtype || !mt_dtype_from_name(c.x_dtype, &out->x_dtype))
        return mt_json_fail(doc, mt_json_root(doc), err,
                            "expected \"x_dtype\", the type of the inputs");
    out->classes = c.classes;
    out->vocab = c.vocab;
    /* If the format's facts are there, a column may be several elements, and
     * "features" is the count of columns; else features are the last dimension,
     * after the steps of a window. */
    if (c.features)
        out->n_features = c.facts && mt_is_list(c.features)
                              ? mt_item_count(c.features)
                          : out->x.rank ? out->x.dim[out->x.rank - 1]
                                        : 1;
    if ((status = read_names(doc, "class_names", c.classes, arena,
                             &out->class_names, err)) != MT_OK ||
        (status = read_names(doc, "vocab_names", c.vocab, arena,
                             &out->vocab_names, err)) != MT_OK ||
        (status = read_names(doc, "feature_names", out->n_features, arena,
                             &out->feature_names, err)) != MT_OK ||
        (status = read_names(doc, "target_names", mt_shape_elements(&out->y),
                             arena, &out->target_names, err)) != MT_OK)
        return status;
    return read_own(doc, &c, arena, out, err);
}

/* Inputs have one mean for all elements, one for each element, or one for each
 * index of the first dimension; targets one for each element. */
static mt_status check_norms(const struct mt_fitted *f, struct mt_err *err)
{
    const struct mt_shape *x = &f->x, *y = &f->y;
    size_t n = f->norm.n;

    if (n > 1 && n != mt_shape_elements(x) && !(x->rank && n == x->dim[0]))
        return mt_fail(err, MT_INVALID,
                       MT_NAME_MEAN ": %zu values do not fit samples of %s", n,
                       mt_shape_text(x).text);
    n = f->y_norm.n;
    if (n && n != mt_shape_elements(y))
        return mt_fail(err, MT_INVALID,
                       MT_NAME_TARGET_MEAN ": %zu values do not fit targets of "
                                           "%s",
                       n, mt_shape_text(y).text);
    return MT_OK;
}

/* float32 up to version 2.0 of the file format */
static bool is_real(const struct mt_array *array)
{
    return array->dtype == MT_F32 || array->dtype == MT_F64;
}

static const double *as_doubles(const struct mt_array *array,
                                struct mt_arena *arena)
{
    size_t n = array->shape.dim[0];
    double *v = mt_arena_calloc(arena, n + 1, sizeof *v);

    for (size_t i = 0; v && i < n; i++)
        v[i] = mt_array_value(array, i);
    return v;
}

/* norm->n stays 0 if there are none. */
static mt_status read_statistics(const struct mt_bundle *from,
                                 const char *mean_name, const char *std_name,
                                 struct mt_arena *arena,
                                 struct mt_normalization *norm,
                                 struct mt_err *err)
{
    const struct mt_array *mean = mt_bundle_find(from, mean_name);
    const struct mt_array *std = mt_bundle_find(from, std_name);

    norm->scale = 1;
    if (!mean && !std)
        return MT_OK;
    if (!mean || !std)
        return mt_fail(err, MT_INVALID, "%s is missing",
                       mean ? std_name : mean_name);
    if (!is_real(mean) || !is_real(std) || mean->shape.rank != 1 ||
        !mt_shape_equal(&mean->shape, &std->shape))
        return mt_fail(err, MT_INVALID, "%s and %s do not fit", mean_name,
                       std_name);
    norm->n = mean->shape.dim[0];
    norm->mean = as_doubles(mean, arena);
    norm->std = as_doubles(std, arena);
    return norm->mean && norm->std ? MT_OK : mt_fail_memory(err);
}

static mt_status read_norms(const struct mt_bundle *from,
                            struct mt_arena *arena, struct mt_fitted *out,
                            struct mt_err *err)
{
    const struct mt_array *scale = mt_bundle_find(from, MT_NAME_SCALE);
    mt_status status = read_statistics(from, MT_NAME_MEAN, MT_NAME_STD, arena,
                                       &out->norm, err);

    if (scale && scale->dtype == MT_F32 && mt_array_bytes(scale) == 4)
        out->norm.scale = *(const float *)scale->data;
    if (status == MT_OK)
        status = read_statistics(from, MT_NAME_TARGET_MEAN, MT_NAME_TARGET_STD,
                                 arena, &out->y_norm, err);
    return status == MT_OK ? check_norms(out, err) : status;
}

/* Counts of samples are below 2^32. */
static mt_status read_class_counts(const struct mt_bundle *from,
                                   struct mt_arena *arena,
                                   struct mt_fitted *out, struct mt_err *err)
{
    const struct mt_array *a = mt_bundle_find(from, MT_NAME_CLASS_COUNTS);
    uint64_t *counts;

    if (!a)
        return MT_OK;
    if (a->dtype != MT_I64 || a->shape.rank != 1)
        return mt_fail(err, MT_INVALID,
                       MT_NAME_CLASS_COUNTS " is %s %s, "
                                            "expected a list of int64",
                       mt_dtype_name(a->dtype), mt_shape_text(&a->shape).text);
    counts = mt_arena_calloc(arena, a->shape.dim[0] + 1, sizeof *counts);
    if (!counts)
        return mt_fail_memory(err);
    for (size_t i = 0; i < a->shape.dim[0]; i++) {
        int64_t n = ((const int64_t *)a->data)[i];

        if (n < 0 || n > (int64_t)1 << 52)
            return mt_fail(err, MT_INVALID,
                           MT_NAME_CLASS_COUNTS "[%zu] is "
                                                "%lld: out of range",
                           i, (long long)n);
        counts[i] = (uint64_t)n;
    }
    out->class_counts = counts;
    out->n_class_counts = a->shape.dim[0];
    return MT_OK;
}

/* The name that a format gave an array, or NULL. */
static const char *own_name(const char *name)
{
    static const char *const common[] = {
        MT_NAME_DATA,         MT_NAME_SCALE,       MT_NAME_MEAN,
        MT_NAME_STD,          MT_NAME_TARGET_MEAN, MT_NAME_TARGET_STD,
        MT_NAME_CLASS_COUNTS,
    };

    for (size_t i = 0; i < sizeof common / sizeof *common; i++) {
        if (strcmp(name, common[i]) == 0)
            return NULL;
    }
    return mt_name_fitted_of(name);
}

static mt_status read_arrays(const struct mt_bundle *from,
                             struct mt_arena *arena, struct mt_fitted *out,
                             struct mt_err *err)
{
    struct mt_array *arrays = mt_arena_calloc(arena, from->n + 1,
                                              sizeof *arrays);

    if (!arrays)
        return mt_fail_memory(err);
    for (size_t i = 0; i < from->n; i++) {
        const char *name = own_name(from->arrays[i].name);

        if (!name)
            continue;
        arrays[out->n_arrays] = from->arrays[i];
        arrays[out->n_arrays++].name = name;
    }
    out->arrays = arrays;
    return MT_OK;
}

mt_status mt_data_state_read(const struct mt_bundle *from,
                             struct mt_arena *arena, struct mt_fitted *out,
                             struct mt_err *err)
{
    struct mt_json *doc;
    mt_status status;

    *out = (struct mt_fitted){ 0 };
    if ((status = parse(from, arena, &doc, err)) != MT_OK)
        return status;
    status = read_json(doc, arena, out, err);
    mt_json_free(doc);
    if (status != MT_OK ||
        (status = read_norms(from, arena, out, err)) != MT_OK ||
        (status = read_class_counts(from, arena, out, err)) != MT_OK)
        return status;
    return read_arrays(from, arena, out, err);
}

/* --- checking ----------------------------------------------------------- */

struct file_state {
    const char *role, *sha256;
    double bytes;
};

static const struct mt_key file_keys[] = {
    { "role", MT_KEY_STRING, offsetof(struct file_state, role),
      .flags = MT_KEY_REQUIRED },
    { "sha256", MT_KEY_STRING, offsetof(struct file_state, sha256),
      .flags = MT_KEY_REQUIRED },
    { "bytes", MT_KEY_REAL, offsetof(struct file_state, bytes),
      .flags = MT_KEY_REQUIRED },
    { .name = NULL },
};

static const struct mt_fingerprint *find_role(const struct mt_dataset *data,
                                              const char *role)
{
    for (size_t i = 0; i < data->n_fingerprints; i++) {
        if (strcmp(data->fingerprints[i].role, role) == 0)
            return &data->fingerprints[i];
    }
    return NULL;
}

/* Called for a file of the checkpoint; now: the same file of the data, or
 * NULL. */
typedef mt_status file_fn(void *ctx, const struct file_state *was,
                          const struct mt_fingerprint *now,
                          struct mt_err *err);

static mt_status each_file(const struct mt_bundle *from,
                           const struct mt_dataset *data, file_fn *visit,
                           void *ctx, struct mt_err *err)
{
    struct mt_arena arena = MT_ARENA_INIT;
    struct mt_json *doc;
    mt_status status = parse(from, &arena, &doc, err);

    if (status == MT_OK) {
        const struct mt_item *list = mt_json_get(mt_json_root(doc), "files");
        const struct mt_item *item = list ? list->child : NULL;
        struct file_state was;

        for (; status == MT_OK && item; item = item->next) {
            status = mt_keys_read(doc, item, file_keys, &was, &arena, err);
            if (status == MT_OK)
                status = visit(ctx, &was, find_role(data, was.role), err);
        }
        mt_json_free(doc);
    }
    mt_arena_free(&arena);
    return status;
}

struct overrides {
    const char *const *list;
    size_t n;
};

/* Does KEY=VALUE set key, or a member of it? */
static bool sets(const char *override, const char *key, size_t n)
{
    return strncmp(override, key, n) == 0 && override[n] &&
           strchr("=.[", override[n]);
}

static bool is_named(const struct overrides *o, const char *role)
{
    size_t n = strcspn(role, "["); /* "train[0]" belongs to data.train */

    for (size_t i = 0; i < o->n; i++) {
        const char *text = o->list[i];

        if (strncmp(text, "data=", 5) == 0 ||
            (strncmp(text, "data.", 5) == 0 &&
             (sets(text + 5, "type", 4) || sets(text + 5, role, n))))
            return true;
    }
    return false;
}

static mt_status check_file(void *ctx, const struct file_state *was,
                            const struct mt_fingerprint *now,
                            struct mt_err *err)
{
    if (is_named(ctx, was->role) ||
        (now && strcmp(now->sha256, was->sha256) == 0))
        return MT_OK;
    if (!now)
        return mt_fail(err, MT_MISMATCH, "data.%s was there at the start of "
                       "the run and is not now", was->role);
    return mt_fail(err, MT_MISMATCH,
                   "data.%s is another file than at the start of the run: "
                   "it had %.0f bytes (SHA-256 %.12s...) and has %llu "
                   "(%.12s...); to go on with other data on purpose, name "
                   "it with --set data.%s=...",
                   was->role, was->bytes, was->sha256,
                   (unsigned long long)now->bytes, now->sha256, was->role);
}

mt_status mt_data_state_check(const struct mt_bundle *from,
                              const struct mt_dataset *data,
                              const char *const *overrides, size_t n,
                              struct mt_err *err)
{
    struct overrides o = { overrides, n };

    return each_file(from, data, check_file, &o, err);
}

struct changes {
    mt_data_change_fn *report;
    void *ctx;
};

static mt_status report_file(void *ctx, const struct file_state *was,
                             const struct mt_fingerprint *now,
                             struct mt_err *err)
{
    const struct changes *c = ctx;
    struct mt_data_change change = { was->role, was->sha256, was->bytes, now };

    (void)err;
    if (now && strcmp(now->sha256, was->sha256) != 0)
        c->report(c->ctx, &change);
    return MT_OK;
}

mt_status mt_data_state_changes(const struct mt_bundle *from,
                                const struct mt_dataset *data,
                                mt_data_change_fn *change, void *ctx,
                                struct mt_err *err)
{
    struct changes c = { change, ctx };

    return each_file(from, data, report_file, &c, err);
}
