/*
 * The table of data formats, in the order of the manual.
 */
#include "data/format.h"

extern const struct mt_format mt_format_csv, mt_format_idx, mt_format_npy,
    mt_format_npz,
    mt_format_text, mt_format_images, mt_format_cifar, mt_format_synthetic;

static const struct mt_format *const formats[] = {
    &mt_format_csv,       &mt_format_idx,    &mt_format_npy,
    &mt_format_npz,
    &mt_format_text,      &mt_format_images, &mt_format_cifar,
    &mt_format_synthetic, NULL,
};

static const struct mt_type *type_at(size_t i)
{
    return formats[i] ? &formats[i]->type : NULL;
}

/* Adds how many files "train" and "val" name. */
static void add_schema(const struct mt_type *type, struct mt_strbuf *out)
{
    size_t n = ((const struct mt_format *)type)->files;
    const char *one = n == 1 ? "{\"type\":\"string\"}," : "";

    if (n == MT_FILES_ANY)
        mt_strbuf_puts(out, ",\"allOf\":[{\"required\":[\"train\"]}]");
    else if (n)
        mt_strbuf_printf(out, ",\"allOf\":[{\"required\":[\"train\"],"
                         "\"properties\":{\"train\":{\"anyOf\":[%s{\"type\":"
                         "\"array\",\"minItems\":%zu,\"maxItems\":%zu}]},"
                         "\"val\":{\"anyOf\":[%s{\"type\":\"array\",\"minItems\""
                         ":%zu,\"maxItems\":%zu}]}}}]", one, n, n, one, n, n);
    else
        mt_strbuf_puts(out, ",\"allOf\":[{\"properties\":{\"train\":false,"
                            "\"val\":false}}]");
}

const struct mt_kind mt_data_kind = {
    .name = "data",
    .what = "data format",
    .at = type_at,
    .common = mt_data_common_keys,
    .schema = add_schema,
};

const struct mt_format *mt_format_find(const char *name)
{
    return (const struct mt_format *)mt_kind_find(&mt_data_kind, name);
}
