#include "spec/schema.h"

/* Row *i of the kind, or the next one whose type can be used. */
static const struct mt_type *usable(const struct mt_kind *kind, size_t *i)
{
    const struct mt_type *type;

    while ((type = kind->at(*i)) && kind->refuse && kind->refuse(type))
        ++*i;
    return type;
}

/* "layer": chooses the alternative by the type. */
static void add_choice(const struct mt_kind *kind, struct mt_strbuf *out)
{
    const struct mt_type *type;

    mt_strbuf_printf(out, "\"%s\":{\"type\":\"object\",\"required\":"
                     "[\"type\"],\"properties\":{\"type\":{"
                     "\"description\":\"which %s\",\"enum\":[",
                     kind->name, kind->what);
    for (size_t i = 0, n = 0; (type = usable(kind, &i)); i++)
        mt_strbuf_printf(out, "%s\"%s\"", n++ ? "," : "", type->name);
    mt_strbuf_puts(out, "]}},\"allOf\":[");
    for (size_t i = 0, n = 0; (type = usable(kind, &i)); i++)
        mt_strbuf_printf(out, "%s{\"if\":{\"properties\":{\"type\":{\"const\":"
                         "\"%s\"}},\"required\":[\"type\"]},\"then\":{\"$ref\":"
                         "\"#/$defs/%s.%s\"}}", n++ ? "," : "", type->name,
                         kind->name, type->name);
    mt_strbuf_puts(out, "]},");
}

/* "layer.Linear": its keys. */
static void add_types(const struct mt_kind *kind, struct mt_strbuf *out)
{
    const struct mt_type *type;
    struct mt_kind_tables tables;

    for (size_t i = 0; (type = usable(kind, &i)); i++) {
        mt_strbuf_printf(out, "\"%s.%s\":{\"description\":", kind->name,
                         type->name);
        mt_json_add_string(out, type->doc);
        mt_strbuf_putc(out, ',');
        mt_kind_tables(kind, type, &tables);
        mt_keys_schema_object(tables.table, tables.n, tables.n_needed, out);
        if (kind->schema)
            kind->schema(type, out);
        mt_strbuf_puts(out, "},");
    }
}

/* "metric": types that are only named. */
static void add_names(const struct mt_kind *kind, struct mt_strbuf *out)
{
    const struct mt_type *type;

    mt_strbuf_printf(out, "\"%s\":{\"anyOf\":[", kind->name);
    for (size_t i = 0; (type = kind->at(i)); i++) {
        mt_strbuf_printf(out, "%s{\"const\":\"%s\",\"description\":",
                         i ? "," : "", type->name);
        mt_json_add_string(out, type->doc);
        mt_strbuf_putc(out, '}');
    }
    mt_strbuf_puts(out, "]},");
}

static void add_kind(const struct mt_kind *kind, struct mt_strbuf *out)
{
    if (kind->named) {
        add_names(kind, out);
        return;
    }
    if (!kind->untyped)
        add_choice(kind, out);
    add_types(kind, out);
}

mt_status mt_schema_make(const struct mt_grammar *grammar, struct mt_json **doc,
                         struct mt_err *err)
{
    struct mt_strbuf out = MT_STRBUF_INIT;
    mt_status status;

    mt_strbuf_printf(&out, "{\"$schema\":"
                     "\"https://json-schema.org/draft/2020-12/schema\","
                     "\"title\":\"%s\",", grammar->title);
    mt_keys_schema_object(&grammar->top, 1, 1, &out);
    mt_strbuf_puts(&out, ",\"$defs\":{");
    for (size_t i = 0; grammar->kinds[i]; i++)
        add_kind(grammar->kinds[i], &out);
    for (const struct mt_section *s = grammar->sections; s->name; s++) {
        mt_strbuf_printf(&out, "\"%s\":{", s->name);
        mt_keys_schema_object(&s->keys, 1, 1, &out);
        mt_strbuf_printf(&out, "%s}%s", s->schema ? s->schema : "",
                         s[1].name ? "," : "");
    }
    mt_strbuf_puts(&out, "}}");
    status = out.failed ? mt_fail_memory(err)
                        : mt_json_parse("the schema", out.text, out.len, doc,
                                        err);
    mt_strbuf_free(&out);
    return status;
}
