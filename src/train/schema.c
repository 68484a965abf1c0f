#include "train/schema.h"

#include <string.h>

#include "data/format.h"
#include "nn/model.h"
#include "optim/optimizer.h"
#include "optim/scheduler.h"
#include "train/metrics.h"
#include "train/settings.h"

/* One type of a kind: what an object with this "type" may have. */
struct alternative {
    const char *name, *doc;
    const struct mt_key *tables[4];
    size_t n_tables, n_needed;
};

static const struct mt_key no_keys[] = { { .name = NULL } };

static void add_table(struct alternative *a, const struct mt_key *keys)
{
    a->tables[a->n_tables++] = keys ? keys : no_keys;
    a->n_needed = a->n_tables;
}

/* --- the kinds ---------------------------------------------------------- */

static void add_strings(struct mt_strbuf *out, const char *const *list)
{
    for (size_t i = 0; list[i]; i++) {
        mt_strbuf_puts(out, i ? "," : "");
        mt_json_add_string(out, list[i]);
    }
}

static bool layer_at(size_t i, struct alternative *a)
{
    const struct mt_layer_type *type = mt_layer_types[i];

    if (!type)
        return false;
    *a = (struct alternative){ .name = type->name, .doc = type->doc };
    add_table(a, mt_layer_common_keys);
    add_table(a, type->keys);
    if (type->flags & MT_LAYER_CONTAINER)
        add_table(a, mt_layer_container_keys);
    return true;
}

static void layer_more(size_t i, struct mt_strbuf *out)
{
    bool many = mt_layer_types[i]->flags & MT_LAYER_MANY_INPUTS;

    if (many)
        mt_strbuf_printf(out, ",\"allOf\":[{\"required\":[\"inputs\"],"
                         "\"properties\":{\"inputs\":{\"type\":\"array\","
                         "\"minItems\":2,\"maxItems\":%d}}}]", MT_LAYER_INPUTS);
    else
        mt_strbuf_puts(out, ",\"allOf\":[{\"properties\":{\"inputs\":"
                            "{\"minItems\":1,\"maxItems\":1}}}]");
}

static bool loss_at(size_t i, struct alternative *a)
{
    const struct mt_loss_type *type = mt_loss_types[i];

    if (!type)
        return false;
    *a = (struct alternative){ .name = type->name, .doc = type->doc };
    add_table(a, mt_loss_common_keys);
    add_table(a, type->keys);
    return true;
}

static bool optimizer_at(size_t i, struct alternative *a)
{
    const struct mt_optimizer_type *type = mt_optimizer_types[i];

    if (!type)
        return false;
    *a = (struct alternative){ .name = type->name, .doc = type->doc };
    add_table(a, mt_optimizer_keys);
    add_table(a, type->keys);
    return true;
}

static void optimizer_more(size_t i, struct mt_strbuf *out)
{
    mt_strbuf_printf(out, ",\"allOf\":[{\"properties\":{\"groups\":{\"items\":"
                     "{\"$ref\":\"#/$defs/group.%s\"}}}}]",
                     mt_optimizer_types[i]->name);
}

/* A group may have its optimizer's options, and must have none of them. */
static bool group_at(size_t i, struct alternative *a)
{
    if (!optimizer_at(i, a))
        return false;
    a->doc = "other options for the parameters that match";
    a->tables[0] = mt_optimizer_group_keys;
    a->n_needed = 1;
    return true;
}

static bool scheduler_at(size_t i, struct alternative *a)
{
    const struct mt_scheduler_type *type = mt_scheduler_types[i];

    if (!type)
        return false;
    *a = (struct alternative){ .name = type->name, .doc = type->doc };
    add_table(a, mt_scheduler_keys);
    add_table(a, type->keys);
    add_table(a, mt_scheduler_interval_keys);
    if (type->observe)
        add_table(a, mt_scheduler_monitor_keys);
    return true;
}

/* The schedulers that a SequentialLR may have. */
static bool stage_at(size_t i, struct alternative *a)
{
    for (size_t k = 0; scheduler_at(k, a); k++) {
        if (mt_scheduler_is_stage(mt_scheduler_types[k]) && i-- == 0) {
            a->n_tables = a->n_needed = 2;
            return true;
        }
    }
    return false;
}

static bool data_at(size_t i, struct alternative *a)
{
    const struct mt_format *format = mt_formats[i];

    if (!format)
        return false;
    *a = (struct alternative){ .name = format->name, .doc = format->doc };
    add_table(a, mt_data_common_keys);
    add_table(a, format->keys);
    return true;
}

static void data_more(size_t i, struct mt_strbuf *out)
{
    size_t n = mt_formats[i]->files;
    const char *one = n == 1 ? "{\"type\":\"string\"}," : "";

    if (n)
        mt_strbuf_printf(out, ",\"allOf\":[{\"required\":[\"train\"],"
                         "\"properties\":{\"train\":{\"anyOf\":[%s{\"type\":"
                         "\"array\",\"minItems\":%zu,\"maxItems\":%zu}]},"
                         "\"val\":{\"anyOf\":[%s{\"type\":\"array\",\"minItems\""
                         ":%zu,\"maxItems\":%zu}]}}}]", one, n, n, one, n, n);
    else
        mt_strbuf_puts(out, ",\"allOf\":[{\"properties\":{\"train\":false,"
                            "\"val\":false}}]");
}

static bool init_at(size_t i, struct alternative *a)
{
    const struct mt_init_type *type = &mt_init_types[i];

    if (!type->name)
        return false;
    *a = (struct alternative){ .name = type->name, .doc = type->doc };
    add_table(a, mt_init_common_keys);
    add_table(a, type->keys);
    return true;
}

static const struct kind {
    const char *name;
    bool (*at)(size_t i, struct alternative *a); /* false: no more */
    void (*more)(size_t i, struct mt_strbuf *out); /* members, or NULL */
    bool untyped; /* it has no "type": something else says which */
} kinds[] = {
    { "layer", layer_at, layer_more, false },
    { "loss", loss_at, NULL, false },
    { "optimizer", optimizer_at, optimizer_more, false },
    { "group", group_at, NULL, true },
    { "scheduler", scheduler_at, NULL, false },
    { "stage", stage_at, NULL, false },
    { "data", data_at, data_more, false },
    { "init", init_at, NULL, false },
};

enum { N_KINDS = sizeof kinds / sizeof *kinds };

/* --- writing ------------------------------------------------------------ */

/* "layer": which alternative, by the type. */
static void add_choice(const struct kind *kind, struct mt_strbuf *out)
{
    struct alternative a;

    mt_strbuf_printf(out, "\"%s\":{\"type\":\"object\",\"required\":"
                     "[\"type\"],\"properties\":{\"type\":{"
                     "\"description\":\"which %s\",\"enum\":[",
                     kind->name, kind->name);
    for (size_t i = 0; kind->at(i, &a); i++)
        mt_strbuf_printf(out, "%s\"%s\"", i ? "," : "", a.name);
    mt_strbuf_puts(out, "]}},\"allOf\":[");
    for (size_t i = 0; kind->at(i, &a); i++)
        mt_strbuf_printf(out, "%s{\"if\":{\"properties\":{\"type\":{\"const\":"
                         "\"%s\"}},\"required\":[\"type\"]},\"then\":{\"$ref\":"
                         "\"#/$defs/%s.%s\"}}", i ? "," : "", a.name,
                         kind->name, a.name);
    mt_strbuf_puts(out, "]},");
}

/* "layer.Linear": its keys. */
static void add_alternatives(const struct kind *kind, struct mt_strbuf *out)
{
    struct alternative a;

    for (size_t i = 0; kind->at(i, &a); i++) {
        mt_strbuf_printf(out, "\"%s.%s\":{\"description\":", kind->name,
                         a.name);
        mt_json_add_string(out, a.doc);
        mt_strbuf_putc(out, ',');
        mt_keys_schema_object(a.tables, a.n_tables, a.n_needed, out);
        if (kind->more)
            kind->more(i, out);
        mt_strbuf_puts(out, "},");
    }
}

/* An object of one table, with more members behind. */
static void add_section(const char *name, const struct mt_key *keys,
                        const char *more, struct mt_strbuf *out)
{
    mt_strbuf_printf(out, "\"%s\":{", name);
    mt_keys_schema_object(&keys, 1, 1, out);
    mt_strbuf_printf(out, "%s},", more);
}

static void add_train(struct mt_strbuf *out)
{
    const char *names[MT_MAX_METRICS * 4] = { NULL };
    struct mt_strbuf more = MT_STRBUF_INIT;

    for (size_t i = 0; mt_metrics[i].name; i++)
        names[i] = mt_metrics[i].name;
    mt_strbuf_puts(&more, ",\"$defs\":{\"metric\":{\"enum\":[");
    add_strings(&more, names);
    mt_strbuf_puts(&more, "]}},\"allOf\":[{\"properties\":{\"metrics\":"
                   "{\"anyOf\":[{\"$ref\":\"#/$defs/train/$defs/metric\"},"
                   "{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/train/$defs/metric\"}}]}}},"
                   "{\"oneOf\":[{\"required\":[\"epochs\"]},"
                   "{\"required\":[\"steps\"]}]}]");
    add_section("train", mt_train_keys, more.text ? more.text : "", out);
    out->failed |= more.failed;
    mt_strbuf_free(&more);
}

mt_status mt_spec_schema(struct mt_json **doc, struct mt_err *err)
{
    const struct mt_key *const top = mt_spec_keys;
    struct mt_strbuf out = MT_STRBUF_INIT;

    mt_strbuf_puts(&out, "{\"$schema\":"
                   "\"https://json-schema.org/draft/2020-12/schema\","
                   "\"title\":\"A spec of mtrain " MT_VERSION "\",");
    mt_keys_schema_object(&top, 1, 1, &out);
    mt_strbuf_puts(&out, ",\"$defs\":{");
    add_section("model", mt_model_keys, "", &out);
    add_section("checkpoint", mt_checkpoint_keys, "", &out);
    add_section("early_stopping", mt_early_stopping_keys, "", &out);
    for (size_t i = 0; i < N_KINDS; i++) {
        if (!kinds[i].untyped)
            add_choice(&kinds[i], &out);
        add_alternatives(&kinds[i], &out);
    }
    add_train(&out);
    if (out.len)
        out.len--; /* the last comma */
    mt_strbuf_puts(&out, "}}");
    mt_status status = out.failed ? mt_fail_memory(err)
                                  : mt_json_parse("the schema", out.text,
                                                  out.len, doc, err);

    mt_strbuf_free(&out);
    return status;
}
