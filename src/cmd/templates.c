/* The table of templates, and how the spec of a row is made. */
#include "cmd/templates.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "cmd/recipe.h"
#include "cmd/templateseries.h"
#include "cmd/templatetable.h"
#include "cmd/texts.h"
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

static mt_status set_table(struct mt_json *doc, const struct mt_own_data *own,
                           const struct mt_csv_guess *g, bool regression,
                           struct mt_err *err)
{
    size_t samples = own->window ? mt_series_windows(own, g) : g->rows;
    struct mt_strbuf data = MT_STRBUF_INIT;

    mt_table_add_columns(own, g, regression, &data);
    if (own->window)
        mt_strbuf_printf(&data,
                         ", \"window\": {\"steps\": %zu, \"horizon\": 1}",
                         own->window);
    mt_strbuf_puts(&data, ", \"normalize\": \"standard\"");
    if (samples >= MT_RECIPE_VAL_ROWS)
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
    return set_text(doc, "train.metrics", "[\"mae\", \"rmse\", \"r2\"]", err);
}

static mt_status read_sign(const char *key, const char *text, char *out,
                           struct mt_err *err)
{
    const char *expected = text ? mt_csv_sign(key, text, out) : NULL;

    return expected ? mt_fail(err, MT_INVALID, "--%s: expected %s, got \"%s\"",
                              key, expected, text)
                    : MT_OK;
}

/* What the options say about the table. */
static mt_status read_hints(const struct mt_own_data *own,
                            struct mt_csv_hints *out, struct mt_err *err)
{
    struct mt_csv_dialect *d = &out->dialect;
    mt_status status;

    *out = (struct mt_csv_hints){ own->targets, own->n_targets, own->header,
                                  { 0 } };
    status = read_sign("delimiter", own->delimiter, &d->delimiter, err);
    if (status == MT_OK)
        status = read_sign("decimal", own->decimal, &d->decimal, err);
    if (status == MT_OK)
        status = read_sign("thousands", own->thousands, &d->thousands, err);
    if (status == MT_OK && d->thousands &&
        d->thousands == (d->decimal ? d->decimal : '.'))
        status = mt_fail(err, MT_INVALID,
                         "--thousands: is the decimal sign as well; expected "
                         "another one, or --decimal");
    return status;
}

/* The dense layers of a table read all rows of a window at once. */
static mt_status set_series(struct mt_json *doc, bool regression,
                            struct mt_err *err)
{
    const struct mt_item *model = mt_json_get(mt_json_root(doc), "model");
    struct mt_strbuf layers = MT_STRBUF_INIT, text = MT_STRBUF_INIT;
    mt_status status;

    mt_json_print(mt_json_get(model, "layers"), &layers);
    mt_strbuf_printf(&text, "[{\"type\": \"Flatten\"},%s",
                     layers.text ? layers.text + 1 : "");
    mt_strbuf_free(&layers);
    status = set(doc, "model.layers", &text, err);
    if (status != MT_OK || !regression)
        return status;
    return set_text(doc, "train.metrics", "[\"mae\", \"rmse\", \"r2\"]", err);
}

static mt_status use_table(const struct mt_template *t, struct mt_json *doc,
                           const struct mt_own_data *own, struct mt_err *err)
{
    struct mt_arena arena = MT_ARENA_INIT;
    struct mt_csv_hints hints;
    struct mt_csv_guess g = { 0 };
    bool regression = t->regression;
    mt_status status = need_files(t, own, 1, err);

    if (status == MT_OK)
        status = read_hints(own, &hints, err);
    if (status == MT_OK)
        status = mt_csv_guess(own->files[0], &hints, &arena, &g, err);
    if (status == MT_OK && t->guess)
        regression = g.columns.n_targets > 1 ||
                     g.targets[0] == MT_TARGET_NUMBERS;
    if (status == MT_OK && own->window)
        mt_series_choose(&g, regression);
    if (status == MT_OK) {
        mt_table_print_columns(own, &g);
        status = mt_table_check(t->guess, own, &g, regression, err);
    }
    if (status == MT_OK && own->window)
        status = mt_series_check(own, &g, err);
    if (status == MT_OK)
        status = mt_table_print_targets(own, &g, regression, &arena, err);
    if (status == MT_OK)
        status = set_table(doc, own, &g, regression, err);
    if (status == MT_OK)
        status = set_task(doc, regression, err);
    if (status == MT_OK)
        status = mt_recipe_set(
            doc, own->window ? mt_series_windows(own, &g) : g.rows, regression,
            err);
    if (status == MT_OK && own->window)
        status = set_series(doc, regression, err);
    mt_csv_guess_free(&g);
    mt_arena_free(&arena);
    return status;
}

/* --- images, text, arrays ----------------------------------------------- */

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

/* AdamW decays at each step: the config's decay is chosen for its 200 images,
 * and would be far too strong over the many steps that more images make. */
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
    bool npy = own->n && mt_ends_with(own->files[0], ".npy");
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
    mt_own_say(own, "%zu images of %s, %zu classes", data->train.samples,
               mt_shape_text(&data->train.x.shape).text, data->fitted.classes);
    mt_dataset_close(data);
    return status;
}

/* The folder of validation pictures next to a folder "train". */
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

static void report_folders(const struct mt_own_data *own,
                           const struct mt_dataset *data, const char *val)
{
    enum { SHOWN = 12 };
    const int32_t *classes = data->train.y.data;

    for (size_t c = 0; c < data->fitted.classes && c < SHOWN; c++) {
        size_t n = 0;

        for (size_t i = 0; i < data->train.samples; i++)
            n += classes[i] == (int32_t)c;
        mt_own_say(own, "class %s: %zu pictures", data->fitted.class_names[c],
                   n);
    }
    if (data->fitted.classes > SHOWN)
        mt_own_say(own, "and %zu more classes", data->fitted.classes - SHOWN);
    if (val)
        mt_own_say(own, "validation: %zu pictures of %s", data->val.samples,
                   val);
    else
        mt_own_say(own, "validation: a fifth of them, held out (val_split)");
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
        report_folders(own, data, val);
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

/* The targets are the inputs. */
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
    if ((own->n_targets || own->header || own->window) && t->use != use_table)
        return mt_fail(err, MT_INVALID,
                       "%s is not for tables and takes no "
                       "--%s",
                       t->name,
                       own->n_targets ? "target"
                       : own->header  ? "header"
                                      : "window");
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
