/* The table of templates, and the spec that a row stands for. */
#include "cmd/templates.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "cmd/recipe.h"
#include "cmd/shellwords.h"
#include "cmd/texts.h"
#include "data/csvguess.h"
#include "data/dataset.h"

typedef mt_status use_files(const struct mt_template *t, struct mt_json *doc,
                            const struct mt_own_data *own, struct mt_err *err);

static use_files use_table, use_images, use_folder, use_text, use_array,
    use_arrays;

#define MADE_CLASSES(INPUT)                                                    \
    "{\"type\": \"synthetic\", \"task\": \"classification\", "                 \
    "\"samples\": 1000, \"input\": " INPUT ", \"classes\": 10, "               \
    "\"noise\": 1, \"val_split\": 0.2, \"batch_size\": 32}"
#define MADE_NUMBERS(INPUT, OUTPUT)                                            \
    "{\"type\": \"synthetic\", \"task\": \"regression\", \"samples\": 1000, "  \
    "\"input\": " INPUT ", \"output\": " OUTPUT ", \"val_split\": 0.2, "       \
    "\"batch_size\": 32}"
#define MADE_TOKENS(LENGTH)                                                    \
    "{\"type\": \"synthetic\", \"task\": \"tokens\", \"samples\": 200, "       \
    "\"vocab\": 32, \"seq_len\": " LENGTH ", \"val_split\": 0.1, "             \
    "\"batch_size\": 8}"

#define OWN_TABLE "--data FILE.csv --target COLUMN"
#define OWN_IMAGES                                                             \
    "--data IMAGES --data LABELS (IDX files such as MNIST's, plain or "        \
    "gzipped, or .npy)"

const struct mt_template mt_templates[] = {
    { "csv", "a table; finds out whether its target is a class or a number",
      "table", MADE_CLASSES("8"), NULL, OWN_TABLE, .guess = true,
      .use = use_table },
    { "csv-classification", "a table whose target is a class", "table",
      MADE_CLASSES("8"), NULL, OWN_TABLE, .use = use_table },
    { "csv-regression", "a table whose target is a number", "table",
      MADE_NUMBERS("8", "1"), NULL, OWN_TABLE, .regression = true,
      .use = use_table },
    { "mlp", "dense layers on a table, as csv", "table", MADE_CLASSES("16"),
      NULL, OWN_TABLE, .guess = true, .use = use_table },
    { "digits", "small images in IDX files, dense layers", "digits",
      MADE_CLASSES("[28, 28]"), "[28, 28]", OWN_IMAGES, .use = use_images },
    { "idx", "the same as digits", "digits", MADE_CLASSES("[28, 28]"),
      "[28, 28]", OWN_IMAGES, .use = use_images },
    { "cnn", "images, a small convolutional network", "cnn",
      MADE_CLASSES("[1, 28, 28]"), "[1, 28, 28]", OWN_IMAGES,
      .use = use_images },
    { "images", "photographs in a folder for each class, a small convolutional "
      "network", "photos", MADE_CLASSES("[3, 32, 32]"), NULL,
      "--data FOLDER (with a folder of PNG or JPEG files for each class)",
      .use = use_folder },
    { "resnet20", "images of 3 x 32 x 32, ResNet-20 with BatchNorm", "resnet20",
      MADE_CLASSES("[3, 32, 32]"), NULL, OWN_IMAGES, .use = use_images },
    { "char-lstm", "text by characters, LSTM", "char-lstm", MADE_TOKENS("32"),
      NULL, "--data FILE.txt", .use = use_text },
    { "gpt", "text by characters, a small GPT", "gpt", MADE_TOKENS("64"), NULL,
      "--data FILE.txt", .use = use_text },
    { "autoencoder", "an autoencoder on an array", "autoencoder",
      MADE_NUMBERS("16", "16"), NULL, "--data X.npy", .use = use_array },
    { "arrays", "classes of the rows of a NumPy array", "arrays",
      MADE_CLASSES("16"), NULL, "--data X.npy --data Y.npy",
      .use = use_arrays },
    { "residual", "residual blocks, gates and branches by name", "residual",
      NULL, NULL, NULL },
    { "synthetic", "a regression on made data, OneCycleLR", "synthetic", NULL,
      NULL, NULL },
    { .name = NULL },
};

const struct mt_template *mt_template_find(const char *name)
{
    for (const struct mt_template *t = mt_templates; t->name; t++) {
        if (strcmp(t->name, name) == 0)
            return t;
    }
    return NULL;
}

/* --- pieces ------------------------------------------------------------- */

static void tell(const struct mt_own_data *own, const char *fmt, ...)
    MT_PRINTF(2, 3);

static void tell(const struct mt_own_data *own, const char *fmt, ...)
{
    struct mt_strbuf line = MT_STRBUF_INIT;
    va_list args;

    va_start(args, fmt);
    mt_strbuf_vprintf(&line, fmt, args);
    va_end(args);
    if (!line.failed)
        own->tell(own->ctx, line.text);
    mt_strbuf_free(&line);
}

/* Sets the value at path to JSON text that was put together. */
static mt_status set(struct mt_json *doc, const char *path,
                     struct mt_strbuf *value, struct mt_err *err)
{
    mt_status status = value->failed
                           ? mt_fail_memory(err)
                           : mt_json_set(doc, path, value->text, "--data", err);

    mt_strbuf_free(value);
    return status;
}

static mt_status set_text(struct mt_json *doc, const char *path,
                          const char *value, struct mt_err *err)
{
    return mt_json_set(doc, path, value, "--data", err);
}

static mt_status set_number(struct mt_json *doc, const char *path, double value,
                            struct mt_err *err)
{
    struct mt_strbuf text = MT_STRBUF_INIT;

    mt_json_add_number(&text, value);
    return set(doc, path, &text, err);
}

static void add_files(const struct mt_own_data *own, struct mt_strbuf *out)
{
    for (size_t i = 0; i < own->n; i++) {
        mt_strbuf_puts(out, i ? ", " : "[");
        mt_json_add_string(out, own->files[i]);
    }
    mt_strbuf_putc(out, ']');
}

static mt_status need_files(const struct mt_template *t,
                            const struct mt_own_data *own, size_t n,
                            struct mt_err *err)
{
    if (own->n == n)
        return MT_OK;
    return mt_fail(err, MT_INVALID, "%s takes %s, got %zu file%s", t->name,
                   t->own, own->n, own->n == 1 ? "" : "s");
}

/* --- tables ------------------------------------------------------------- */

static bool distinct_names(const struct mt_csv_columns *c)
{
    enum { MANY = 1000 };

    if (!c->names || c->n > MANY)
        return false;
    for (size_t i = 0; i < c->n; i++) {
        for (size_t k = 0; k < i; k++) {
            if (strcmp(c->names[i], c->names[k]) == 0)
                return false;
        }
    }
    return true;
}

/* By name, where names tell columns apart; else by index. */
static void add_column(const struct mt_csv_columns *c, size_t column,
                       struct mt_strbuf *out)
{
    if (distinct_names(c))
        mt_json_add_string(out, c->names[column]);
    else
        mt_strbuf_printf(out, "%zu", column);
}

/* "is no number in 3 of 120 rows, as \"NA\" in line 5" */
static void add_odd(const struct mt_csv_guess *g, size_t column,
                    enum mt_csv_use use, struct mt_strbuf *out)
{
    const struct mt_csv_odd *odd = &g->odd[column];
    unsigned long long line = odd->line;

    if (use == MT_CSV_COUNTER)
        mt_strbuf_puts(out, "only counts the rows");
    else if (use == MT_CSV_COMMA)
        mt_strbuf_printf(out, "has decimal commas, as \"%s\" in line %llu; "
                         "numbers need decimal points", odd->text, line);
    else if (!*odd->text)
        mt_strbuf_printf(out, "is empty in %zu of %zu rows, as in line %llu",
                         odd->n, g->rows, line);
    else
        mt_strbuf_printf(out, "is no number in %zu of %zu rows, as \"%s\" in "
                         "line %llu", odd->n, g->rows, odd->text, line);
}

static void tell_left_out(const struct mt_own_data *own,
                          const struct mt_csv_guess *g)
{
    enum { MANY = 10 };
    size_t n = 0;
    bool text = false;

    for (size_t i = 0; i < g->columns.n && n <= MANY; i++) {
        struct mt_csv_column_text name = mt_csv_column_text(&g->columns, i);
        struct mt_strbuf why = MT_STRBUF_INIT;

        if (g->use[i] <= MT_CSV_CATEGORY)
            continue;
        text |= g->use[i] == MT_CSV_TEXT;
        add_odd(g, i, g->use[i], &why);
        if (n++ == MANY)
            tell(own, "and other columns likewise");
        else
            tell(own, "left out: %s %s", name.text, why.text ? why.text : "");
        mt_strbuf_free(&why);
    }
    if (text)
        tell(own, "a text is a category if it has at most 100 values, each "
             "in two rows or more on the average");
}

/* What becomes of categories and of gaps. */
static void tell_columns(const struct mt_own_data *own,
                         const struct mt_csv_guess *g)
{
    for (size_t i = 0; i < g->columns.n; i++) {
        struct mt_csv_column_text name = mt_csv_column_text(&g->columns, i);
        unsigned long long line = g->gap_line[i];
        const char *rows = g->gaps[i] == 1 ? "row" : "rows";

        if (g->use[i] == MT_CSV_CATEGORY && g->gaps[i])
            tell(own, "%s: a category of %zu values; no value in %zu %s (line "
                 "%llu), which counts as one more", name.text, g->n_values[i],
                 g->gaps[i], rows, line);
        else if (g->use[i] == MT_CSV_CATEGORY)
            tell(own, "%s: a category of %zu values", name.text,
                 g->n_values[i]);
        else if (g->use[i] == MT_CSV_GAPS)
            tell(own, "%s: no value in %zu %s (line %llu): the median, and a "
                 "flag", name.text, g->gaps[i], rows, line);
        else if (g->use[i] == MT_CSV_TARGET && g->gaps[i])
            tell(own, "target %s: no value in %zu %s (line %llu): left out",
                 name.text, g->gaps[i], rows, line);
    }
}

static void tell_table(const struct mt_own_data *own,
                       const struct mt_csv_guess *g, bool regression)
{
    struct mt_strbuf names = MT_STRBUF_INIT;

    tell(own, "%s: %zu rows, %zu column%s to predict from", own->files[0],
         g->rows, g->columns.n_features, g->columns.n_features == 1 ? "" : "s");
    tell_columns(own, g);
    tell_left_out(own, g);
    for (size_t i = 0; i < g->classes && i < MT_CSV_GUESS_SHOWN; i++)
        mt_strbuf_printf(&names, "%s%s", i ? ", " : "",
                         mt_excerpt(g->class_names[i],
                                    strlen(g->class_names[i])).text);
    if (regression)
        tell(own, "target %s: numbers from %g to %g, so it is a regression "
             "(if they are classes: mtrain init csv-classification)",
             mt_csv_column_text(&g->columns, g->target).text, g->min, g->max);
    else
        tell(own, "target %s: %zu classes (%s%s), so it is a classification%s",
             mt_csv_column_text(&g->columns, g->target).text, g->classes,
             names.text ? names.text : "",
             g->classes > MT_CSV_GUESS_SHOWN ? ", ..." : "",
             g->numeric ? " (if it is a quantity: mtrain init csv-regression)"
                        : "");
    mt_strbuf_free(&names);
}

/* The target is no number in every row, and was to be one. */
static mt_status fail_numbers(const struct mt_own_data *own,
                              const struct mt_csv_guess *g, struct mt_err *err)
{
    struct mt_strbuf why = MT_STRBUF_INIT;

    add_odd(g, g->target, g->target_use, &why);
    if (g->target_use == MT_CSV_COMMA && g->delimiter != ',') {
        mt_strbuf_puts(&why, " (tr , . <");
        mt_shell_word(&why, own->files[0]);
        mt_strbuf_puts(&why, " >points.csv)");
    } else if (g->no_classes) {
        mt_strbuf_puts(&why, ", and has too many different values for "
                             "classes; mend these rows, or name another "
                             "column with --target");
    } else {
        mt_strbuf_puts(&why, "; for classes: mtrain init csv-classification");
    }
    mt_fail(err, MT_INVALID, "%s: %s %s", own->files[0],
            mt_csv_column_text(&g->columns, g->target).text,
            why.text ? why.text : "");
    mt_strbuf_free(&why);
    return err->status;
}

static mt_status check_target(const struct mt_template *t,
                              const struct mt_own_data *own,
                              const struct mt_csv_guess *g, bool regression,
                              struct mt_err *err)
{
    struct mt_csv_column_text name = mt_csv_column_text(&g->columns, g->target);

    if ((regression && !g->numeric) || (t->guess && g->no_classes))
        return fail_numbers(own, g, err);
    if (!regression && g->classes < 2)
        return mt_fail(err, MT_INVALID, "%s: %s has the same value in every "
                       "row; name another one with --target", own->files[0],
                       name.text);
    if (!regression && g->classes > MT_CSV_GUESS_CLASSES)
        return mt_fail(err, MT_INVALID, "%s: %s has more than %d different "
                       "values in %zu rows, which are no classes; name another "
                       "one with --target", own->files[0], name.text,
                       MT_CSV_GUESS_CLASSES, g->rows);
    return MT_OK;
}

/* The key of a column in an object. */
static void add_key(const struct mt_csv_columns *c, size_t column,
                    struct mt_strbuf *out)
{
    if (distinct_names(c))
        mt_json_add_string(out, c->names[column]);
    else
        mt_strbuf_printf(out, "\"%zu\"", column);
}

/* "types", "categories" and "missing", as far as there are any. */
static void add_rules(const struct mt_csv_guess *g, struct mt_strbuf *out)
{
    const struct mt_csv_columns *c = &g->columns;
    size_t types = 0, lists = 0, gaps = 0, flags = 0;

    for (size_t i = 0; i < c->n; i++) {
        if (g->use[i] != MT_CSV_CATEGORY)
            continue;
        mt_strbuf_puts(out, types++ ? ", " : ", \"types\": {");
        add_key(c, i, out);
        mt_strbuf_puts(out, ": \"category\"");
    }
    mt_strbuf_puts(out, types ? "}" : "");
    for (size_t i = 0; i < c->n; i++) {
        if (g->use[i] != MT_CSV_CATEGORY)
            continue;
        mt_strbuf_puts(out, lists++ ? ", " : ", \"categories\": {");
        add_key(c, i, out);
        for (size_t k = 0; k < g->n_values[i]; k++) {
            mt_strbuf_puts(out, k ? ", " : ": [");
            mt_json_add_string(out, g->values[i][k]);
        }
        mt_strbuf_putc(out, ']');
    }
    mt_strbuf_puts(out, lists ? "}" : "");
    for (size_t i = 0; i < c->n; i++) {
        bool target = i == g->target && g->gaps[i];

        if (g->use[i] != MT_CSV_GAPS && !target)
            continue;
        mt_strbuf_puts(out, gaps++ ? ", " : ", \"missing\": {");
        add_key(c, i, out);
        mt_strbuf_puts(out, target ? ": \"drop\"" : ": \"median\"");
        flags += !target;
    }
    mt_strbuf_puts(out, gaps ? "}" : "");
    mt_strbuf_puts(out, flags ? ", \"missing_flags\": true" : "");
}

static mt_status set_table(struct mt_json *doc, const struct mt_own_data *own,
                           const struct mt_csv_guess *g, struct mt_err *err)
{
    const struct mt_csv_columns *c = &g->columns;
    struct mt_strbuf data = MT_STRBUF_INIT;

    mt_strbuf_puts(&data, "{\"type\": \"csv\", \"train\": ");
    mt_json_add_string(&data, own->files[0]);
    if (g->delimiter != ',') {
        mt_strbuf_puts(&data, ", \"delimiter\": ");
        mt_json_add_string(&data, (char[]){ g->delimiter, '\0' });
    }
    mt_strbuf_puts(&data, ", \"target\": ");
    add_column(c, g->target, &data);
    for (size_t i = 0; c->n_features + 1 < c->n && i < c->n_features; i++) {
        mt_strbuf_puts(&data, i ? ", " : ", \"features\": [");
        add_column(c, c->features[i], &data);
        mt_strbuf_puts(&data, i + 1 == c->n_features ? "]" : "");
    }
    add_rules(g, &data);
    mt_strbuf_puts(&data, ", \"normalize\": \"standard\"");
    if (g->rows >= MT_RECIPE_VAL_ROWS)
        mt_strbuf_puts(&data, ", \"val_split\": 0.2");
    mt_strbuf_putc(&data, '}');
    return set(doc, "data", &data, err);
}

static mt_status set_task(struct mt_json *doc, bool regression,
                          struct mt_err *err)
{
    mt_status status;

    if (!regression)
        return MT_OK;
    if ((status = set_text(doc, "loss", "{\"type\": \"MSELoss\"}", err)) !=
        MT_OK)
        return status;
    return set_text(doc, "train.metrics", "[\"rmse\", \"r2\"]", err);
}

static mt_status use_table(const struct mt_template *t, struct mt_json *doc,
                           const struct mt_own_data *own, struct mt_err *err)
{
    struct mt_arena arena = MT_ARENA_INIT;
    struct mt_csv_guess g;
    bool regression = t->regression;
    mt_status status = need_files(t, own, 1, err);

    if (status == MT_OK)
        status = mt_csv_guess(own->files[0], own->target, &arena, &g, err);
    if (status == MT_OK && t->guess)
        regression = !g.classification;
    if (status == MT_OK)
        status = check_target(t, own, &g, regression, err);
    if (status == MT_OK)
        status = set_table(doc, own, &g, err);
    if (status == MT_OK)
        status = set_task(doc, regression, err);
    if (status == MT_OK)
        status = mt_recipe_set(doc, g.rows, regression, err);
    if (status == MT_OK)
        tell_table(own, &g, regression);
    mt_arena_free(&arena);
    return status;
}

/* --- images, text, arrays ----------------------------------------------- */

static bool ends_with(const char *text, const char *ending)
{
    size_t n = strlen(text), tail = strlen(ending);

    return n > tail && strcmp(text + n - tail, ending) == 0;
}

static mt_status set_files(struct mt_json *doc, const struct mt_own_data *own,
                           const char *type, const char *more,
                           struct mt_err *err)
{
    struct mt_strbuf data = MT_STRBUF_INIT;

    mt_strbuf_printf(&data, "{\"type\": \"%s\", \"train\": ", type);
    add_files(own, &data);
    mt_strbuf_printf(&data, ", %s}", more);
    return set(doc, "data", &data, err);
}

/* An image's size is in its file; a network of convolutions needs channels in
 * front of height and width. */
static mt_status set_input(struct mt_json *doc, bool planes,
                           const struct mt_dataset *data, struct mt_err *err)
{
    const struct mt_shape *shape = &data->train.x.shape;
    struct mt_strbuf input = MT_STRBUF_INIT;
    mt_status status;

    if (data->train.x.dtype == MT_U8 &&
        (status = set_number(doc, "data.scale", 1.0 / 255, err)) != MT_OK)
        return status;
    mt_strbuf_puts(&input, planes && shape->rank == 2 ? "[1" : "[");
    for (int i = 0; i < shape->rank; i++)
        mt_strbuf_printf(&input, "%s%zu", input.len > 1 ? ", " : "",
                         shape->dim[i]);
    mt_strbuf_putc(&input, ']');
    return set(doc, "model.input", &input, err);
}

/* AdamW decays at each step: the config's decay suits its 200 images, and would
 * be far too strong over the many steps that more images make. */
static mt_status set_decay(struct mt_json *doc, size_t images,
                           struct mt_err *err)
{
    return images < 1000 ? MT_OK
                         : set_text(doc, "optimizer.weight_decay", "0.1", err);
}

static mt_status use_images(const struct mt_template *t, struct mt_json *doc,
                            const struct mt_own_data *own, struct mt_err *err)
{
    struct mt_data_request request = { .doc = doc, .classification = true,
                                       .purpose = MT_DATA_CHECK };
    bool npy = own->n && ends_with(own->files[0], ".npy");
    bool dense = strcmp(t->config, "digits") == 0;
    struct mt_dataset *data;
    mt_status status;

    if ((status = need_files(t, own, 2, err)) != MT_OK ||
        (status = set_files(doc, own, npy ? "npy" : "idx",
                            "\"val_split\": 0.1, \"batch_size\": 64", err)) !=
            MT_OK)
        return status;
    request.spec = mt_json_get(mt_json_root(doc), "data");
    if ((status = mt_dataset_open(&request, &data, err)) != MT_OK)
        return status;
    status = set_input(doc, !dense, data, err);
    if (status == MT_OK && dense)
        status = set_decay(doc, data->train.samples, err);
    tell(own, "%zu images of %s, %zu classes", data->train.samples,
         mt_shape_text(&data->train.x.shape).text, data->fitted.classes);
    mt_dataset_close(data);
    return status;
}

/* The folder of validation pictures beside a folder "train". */
static const char *sibling(const char *folder, struct mt_arena *arena)
{
    static const char *const names[] = { "val", "valid", "validation", "test" };
    size_t n = strlen(folder);

    while (n && folder[n - 1] == '/')
        n--;
    if (n < 5 || strncmp(folder + n - 5, "train", 5) != 0 ||
        (n > 5 && folder[n - 6] != '/'))
        return NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = mt_arena_printf(arena, "%.*s%s", (int)(n - 5), folder,
                                     names[i]);

        if (path && access(path, F_OK) == 0)
            return path;
    }
    return NULL;
}

/* The keys of the template's own data, with these files. */
static mt_status set_folders(struct mt_json *doc, const char *train,
                             const char *val, struct mt_err *err)
{
    struct mt_strbuf text = MT_STRBUF_INIT;
    mt_status status;

    mt_json_add_string(&text, train);
    status = set(doc, "data.train", &text, err);
    if (status != MT_OK || !val)
        return status;
    mt_json_add_string(&text, val);
    status = text.failed ? mt_fail_memory(err)
                         : mt_json_replace(doc, "data", "val_split", "val",
                                           text.text, "--data", err);
    mt_strbuf_free(&text);
    return status;
}

static void tell_folders(const struct mt_own_data *own,
                         const struct mt_dataset *data, const char *val)
{
    enum { SHOWN = 12 };
    const int32_t *classes = data->train.y.data;

    for (size_t c = 0; c < data->fitted.classes && c < SHOWN; c++) {
        size_t n = 0;

        for (size_t i = 0; i < data->train.samples; i++)
            n += classes[i] == (int32_t)c;
        tell(own, "class %s: %zu pictures", data->fitted.class_names[c], n);
    }
    if (data->fitted.classes > SHOWN)
        tell(own, "and %zu more classes", data->fitted.classes - SHOWN);
    if (val)
        tell(own, "validation: %zu pictures of %s", data->val.samples, val);
    else
        tell(own, "validation: a fifth of them, held out (val_split)");
}

static mt_status use_folder(const struct mt_template *t, struct mt_json *doc,
                            const struct mt_own_data *own, struct mt_err *err)
{
    struct mt_data_request request = { .doc = doc, .classification = true,
                                       .purpose = MT_DATA_CHECK };
    struct mt_arena arena = MT_ARENA_INIT;
    struct mt_dataset *data = NULL;
    const char *val = own->n == 2 ? own->files[1]
                                  : sibling(own->files[0], &arena);
    mt_status status = own->n == 2 ? MT_OK : need_files(t, own, 1, err);

    if (status == MT_OK)
        status = set_folders(doc, own->files[0], val, err);
    if (status == MT_OK)
        status = set_text(doc, "data.size", "[64, 64]", err);
    if (status == MT_OK)
        status = set_text(doc, "data.augment.0.size", "64", err);
    if (status == MT_OK)
        status = set_text(doc, "data.augment.0.padding", "8", err);
    request.spec = mt_json_get(mt_json_root(doc), "data");
    if (status == MT_OK)
        status = mt_dataset_open(&request, &data, err);
    if (status == MT_OK && data->train.samples >= 160)
        status = set_text(doc, "data.batch_size", "32", err);
    if (status == MT_OK)
        tell_folders(own, data, val);
    mt_dataset_close(data);
    mt_arena_free(&arena);
    return status;
}

static mt_status use_text(const struct mt_template *t, struct mt_json *doc,
                          const struct mt_own_data *own, struct mt_err *err)
{
    bool gpt = strcmp(t->config, "gpt") == 0;
    mt_status status;

    if ((status = need_files(t, own, 1, err)) != MT_OK ||
        (status = set_files(doc, own, "text",
                            gpt ? "\"tokenizer\": \"char\", \"seq_len\": 64, "
                                  "\"val_split\": 0.1, \"batch_size\": 16"
                                : "\"tokenizer\": \"char\", \"seq_len\": 32, "
                                  "\"val_split\": 0.1, \"batch_size\": 16",
                            err)) != MT_OK)
        return status;
    /* the length of the config's schedule */
    return gpt ? set_text(doc, "train.steps", "2000", err) : MT_OK;
}

static mt_status use_arrays(const struct mt_template *t, struct mt_json *doc,
                            const struct mt_own_data *own, struct mt_err *err)
{
    mt_status status;

    if ((status = need_files(t, own, 2, err)) != MT_OK)
        return status;
    return set_files(doc, own, "npy", "\"val_split\": 0.2, \"batch_size\": 16",
                     err);
}

/* What goes in is what shall come out. */
static mt_status use_array(const struct mt_template *t, struct mt_json *doc,
                           const struct mt_own_data *own, struct mt_err *err)
{
    mt_status status;

    if ((status = need_files(t, own, 1, err)) != MT_OK)
        return status;

    const char *const twice[] = { own->files[0], own->files[0], NULL };
    struct mt_own_data both = { .files = twice, .n = 2 };

    return set_files(doc, &both, "npy",
                     "\"val_split\": 0.2, \"batch_size\": 16", err);
}

/* --- the spec ----------------------------------------------------------- */

/* Data from the seed. */
static mt_status make_data(const struct mt_template *t, struct mt_json *doc,
                           struct mt_err *err)
{
    mt_status status;

    if (t->data && (status = set_text(doc, "data", t->data, err)) != MT_OK)
        return status;
    if (t->input &&
        (status = set_text(doc, "model.input", t->input, err)) != MT_OK)
        return status;
    return set_task(doc, t->regression, err);
}

mt_status mt_template_spec(const struct mt_template *t,
                           const struct mt_own_data *own, struct mt_json **out,
                           struct mt_err *err)
{
    char path[64];
    const char *text;
    mt_status status;

    if (own->n && !t->use)
        return mt_fail(err, MT_INVALID, "%s has made data and takes no --data; "
                       "'mtrain init' lists the templates", t->name);
    if (own->target && t->use != use_table)
        return mt_fail(err, MT_INVALID, "%s is not for tables and takes no "
                       "--target", t->name);
    snprintf(path, sizeof path, "configs/%s.json", t->config);
    text = mt_text(path);
    status = mt_json_parse(t->name, text, strlen(text), out, err);
    if (status != MT_OK)
        return status;
    status = own->n ? t->use(t, *out, own, err) : make_data(t, *out, err);
    if (status != MT_OK)
        mt_json_free(*out);
    return status;
}
