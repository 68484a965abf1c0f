#include "spec/keys.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"

/* Beyond it a double cannot hold every whole number. */
#define MAX_WHOLE 0x1p53

/* Reading one key: the row, and the document that has its value. */
struct reader {
    const struct mt_json *doc;
    const struct mt_key *key;
    struct mt_arena *arena;
    struct mt_err *err;
};

typedef mt_status read_value(const struct reader *r, const struct mt_item *item,
                             void *out);

/* What a type needs; the rows are in the order of enum mt_key_type. */
struct type_row {
    const char *expected;
    read_value *read;
    const void *absent; /* what an absent key is stored as, */
    size_t size;        /* and its size */
    const char *schema; /* the JSON Schema type of a value; NULL: any */
    bool list;          /* a list of values is accepted, too */
};

static const struct type_row *type_of(const struct mt_key *key);

/* The range of a key's numbers, as described in keys.h. */
struct range {
    bool has_min, has_max, open_min, open_max;
    double min, max;
};

static struct range range_of(const struct mt_key *key)
{
    struct range range = {
        .open_min = key->flags & MT_KEY_OPEN_MIN,
        .open_max = key->flags & MT_KEY_OPEN_MAX,
        .min = key->min,
        .max = key->max,
    };

    range.has_max = (key->flags & (MT_KEY_MAX | MT_KEY_OPEN_MAX)) || key->max;
    range.has_min = (key->flags & (MT_KEY_MIN | MT_KEY_OPEN_MIN)) || key->min ||
                    (range.has_max && key->max > 0);
    range.has_min = range.has_min && !isinf(key->min);
    range.has_max = range.has_max && !isinf(key->max);
    if ((key->type == MT_KEY_SIZE || key->type == MT_KEY_SIZES) &&
        !range.has_min) {
        range.has_min = true;
        range.min = 0;
    }
    return range;
}

static struct mt_json_text number_text(double value)
{
    struct mt_item number = { .kind = MT_ITEM_NUMBER, .number = value };

    return mt_json_text(&number);
}

static mt_status fail_range(const struct reader *r, const struct mt_item *item,
                            const struct range *range)
{
    struct mt_json_text got = mt_json_text(item);
    struct mt_json_text min = number_text(range->min);
    struct mt_json_text max = number_text(range->max);

    if (range->has_min && range->has_max)
        return mt_json_fail(r->doc, item, r->err,
                            "expected %s %s %s %s %s, got %s", min.text,
                            range->open_min ? "<" : "<=", r->key->name,
                            range->open_max ? "<" : "<=", max.text, got.text);
    if (range->has_min)
        return mt_json_fail(r->doc, item, r->err, "must be %s %s, got %s",
                            range->open_min ? "greater than" : "at least",
                            min.text, got.text);
    return mt_json_fail(r->doc, item, r->err, "must be %s %s, got %s",
                        range->open_max ? "less than" : "at most", max.text,
                        got.text);
}

static mt_status check_range(const struct reader *r, const struct mt_item *item)
{
    struct range range = range_of(r->key);
    double v = item->number;

    if (range.has_min && (range.open_min ? v <= range.min : v < range.min))
        return fail_range(r, item, &range);
    if (range.has_max && (range.open_max ? v >= range.max : v > range.max))
        return fail_range(r, item, &range);
    return MT_OK;
}

static mt_status fail_type(const struct reader *r, const struct mt_item *item)
{
    return mt_json_fail(r->doc, item, r->err, "expected %s%s%s, got %s",
                        type_of(r->key)->expected,
                        r->key->flags & MT_KEY_AUTO ? " or \"auto\"" : "",
                        r->key->flags & MT_KEY_NULL ? " or null" : "",
                        mt_json_text(item).text);
}

static mt_status read_bool(const struct reader *r, const struct mt_item *item, void *out)
{
    bool value = mt_is_true(item);

    if (!mt_is_bool(item))
        return fail_type(r, item);
    memcpy(out, &value, sizeof value);
    return MT_OK;
}

static mt_status read_real(const struct reader *r, const struct mt_item *item, void *out)
{
    if (!mt_is_number(item))
        return fail_type(r, item);
    memcpy(out, &item->number, sizeof(double));
    return check_range(r, item);
}

static mt_status read_whole(const struct reader *r, const struct mt_item *item,
                            double *value)
{
    mt_status status;

    if (!mt_is_number(item) || item->number != trunc(item->number))
        return fail_type(r, item);
    status = read_real(r, item, value);
    if (status == MT_OK && fabs(*value) > MAX_WHOLE)
        return mt_json_fail(r->doc, item, r->err, "must be %s %s, got %s",
                            *value > 0 ? "at most" : "at least",
                            number_text(copysign(MAX_WHOLE, *value)).text,
                            mt_json_text(item).text);
    return status;
}

static mt_status read_int(const struct reader *r, const struct mt_item *item, void *out)
{
    double value;
    mt_status status = read_whole(r, item, &value);

    if (status == MT_OK)
        memcpy(out, &(int64_t){ (int64_t)value }, sizeof(int64_t));
    return status;
}

static mt_status read_size(const struct reader *r, const struct mt_item *item, void *out)
{
    size_t size = MT_SIZE_AUTO;
    double value;

    if (!(r->key->flags & MT_KEY_AUTO) || !mt_is_string(item) ||
        strcmp(item->text, "auto")) {
        mt_status status = read_whole(r, item, &value);

        if (status != MT_OK)
            return status;
        size = (size_t)value;
    }
    memcpy(out, &size, sizeof size);
    return MT_OK;
}

/* Appends `"a", "b", "c"`. */
static void add_names(struct mt_strbuf *out, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i)
            mt_strbuf_puts(out, ", ");
        mt_json_add_string(out, names[i]);
    }
}

/* Finds text among the choices; an error is reported at item. */
static mt_status find_choice(const struct reader *r, const struct mt_item *item,
                             int *out)
{
    const char *const *choices = r->key->choices;
    const char *near;
    struct mt_strbuf list = MT_STRBUF_INIT;
    size_t n = 0;

    for (; choices[n]; n++) {
        if (!strcmp(choices[n], item->text)) {
            *out = (int)n;
            return MT_OK;
        }
    }
    add_names(&list, choices, n);
    near = mt_nearest(item->text, choices, n);
    mt_json_fail(r->doc, item, r->err, "expected %sone of %s%s, got %s%s%s%s",
                 r->key->type == MT_KEY_REALS ? "numbers or " : "",
                 list.failed ? "the known names" : list.text,
                 r->key->flags & MT_KEY_NULL ? " or null" : "",
                 mt_json_text(item).text, near ? "; did you mean " : "",
                 near ? mt_json_quoted(near).text : "", near ? "?" : "");
    mt_strbuf_free(&list);
    return MT_INVALID;
}

static mt_status read_enum(const struct reader *r, const struct mt_item *item,
                           void *out)
{
    int value;
    mt_status status = mt_is_string(item) ? find_choice(r, item, &value)
                                          : fail_type(r, item);

    if (status == MT_OK)
        memcpy(out, &value, sizeof value);
    return status;
}

static mt_status read_string(const struct reader *r, const struct mt_item *item,
                             void *out)
{
    const char *text;

    if (!mt_is_string(item))
        return fail_type(r, item);
    if (r->key->choices && find_choice(r, item, &(int){ 0 }) != MT_OK)
        return MT_INVALID;
    text = mt_arena_strdup(r->arena, item->text);
    if (!text)
        return mt_fail_memory(r->err);
    memcpy(out, &text, sizeof text);
    return MT_OK;
}

/* Reads one value, or each of a list, into the elements at values. */
static mt_status read_members(const struct reader *r, const struct mt_item *item,
                              read_value *read, void *values, size_t size)
{
    const struct mt_item *member = mt_is_list(item) ? item->child : item;
    char *at = values;

    while (member) {
        mt_status status = read(r, member, at);

        if (status != MT_OK)
            return status;
        at += size;
        member = member == item ? NULL : member->next;
    }
    return MT_OK;
}

static size_t count_members(const struct mt_item *item)
{
    return mt_is_list(item) ? mt_item_count(item) : 1;
}

static mt_status read_sizes(const struct reader *r, const struct mt_item *item,
                            void *out)
{
    struct mt_sizes sizes = { .n = count_members(item),
                              .list = mt_is_list(item) };
    const size_t max = sizeof sizes.v / sizeof *sizes.v;

    if (!sizes.n || sizes.n > max)
        return mt_json_fail(r->doc, item, r->err,
                            "expected a list of 1 to %zu whole numbers, got "
                            "%zu",
                            max, sizes.n);
    mt_status status =
        read_members(r, item, read_size, sizes.v, sizeof *sizes.v);

    if (status == MT_OK)
        memcpy(out, &sizes, sizeof sizes);
    return status;
}

static mt_status read_reals(const struct reader *r, const struct mt_item *item,
                            void *out)
{
    struct mt_reals reals = { .n = count_members(item),
                              .list = mt_is_list(item) };

    if (r->key->choices && mt_is_string(item)) {
        mt_status status = find_choice(r, item, &reals.word);

        reals.n = 0;
        reals.word++;
        if (status == MT_OK)
            memcpy(out, &reals, sizeof reals);
        return status;
    }
    double *values = mt_arena_calloc(r->arena, reals.n, sizeof *values);

    if (!values)
        return mt_fail_memory(r->err);
    mt_status status = read_members(r, item, read_real, values, sizeof *values);

    reals.v = values;
    if (status == MT_OK)
        memcpy(out, &reals, sizeof reals);
    return status;
}

static mt_status read_strings(const struct reader *r, const struct mt_item *item,
                              void *out)
{
    struct mt_strings strings = { .n = count_members(item),
                                  .list = mt_is_list(item) };
    const char **values = mt_arena_calloc(r->arena, strings.n, sizeof *values);

    if (!values)
        return mt_fail_memory(r->err);
    mt_status status =
        read_members(r, item, read_string, values, sizeof *values);

    strings.v = values;
    if (status == MT_OK)
        memcpy(out, &strings, sizeof strings);
    return status;
}

static mt_status read_json(const struct reader *r, const struct mt_item *item, void *out)
{
    (void)r;
    memcpy(out, &item, sizeof item);
    return MT_OK;
}

/* What absent keys are stored as. */
static const bool no_bool = false;
static const size_t no_size = MT_SIZE_ABSENT;
static const int64_t no_int = INT64_MIN;
static const double no_real = NAN;
static const char *const no_string = NULL;
static const int no_enum = -1;
static const struct mt_sizes no_sizes = { .n = 0 };
static const struct mt_reals no_reals = { .n = 0 };
static const struct mt_strings no_strings = { .n = 0 };
static const struct mt_item *const no_json = NULL;

#define ABSENT(value) .absent = &(value), .size = sizeof(value)

static const struct type_row types[] = {
    [MT_KEY_BOOL] = { "true or false", read_bool, ABSENT(no_bool),
                      .schema = "boolean" },
    [MT_KEY_SIZE] = { "a whole number", read_size, ABSENT(no_size),
                      .schema = "integer" },
    [MT_KEY_INT] = { "a whole number", read_int, ABSENT(no_int),
                     .schema = "integer" },
    [MT_KEY_REAL] = { "a number", read_real, ABSENT(no_real),
                      .schema = "number" },
    [MT_KEY_STRING] = { "a string", read_string, ABSENT(no_string),
                        .schema = "string" },
    [MT_KEY_ENUM] = { "a string", read_enum, ABSENT(no_enum),
                      .schema = "string" },
    [MT_KEY_SIZES] = { "a whole number or a list of them", read_sizes,
                       ABSENT(no_sizes), .schema = "integer", .list = true },
    [MT_KEY_REALS] = { "a number or a list of them", read_reals,
                       ABSENT(no_reals), .schema = "number", .list = true },
    [MT_KEY_STRINGS] = { "a string or a list of them", read_strings,
                         ABSENT(no_strings), .schema = "string", .list = true },
    [MT_KEY_JSON] = { "a value", read_json, ABSENT(no_json) },
};

static const struct type_row *type_of(const struct mt_key *key)
{
    assert((size_t)key->type < sizeof types / sizeof *types);
    return &types[key->type];
}

static void set_absent(const struct mt_key *key, void *member)
{
    memcpy(member, type_of(key)->absent, type_of(key)->size);
}

static mt_status read_item(const struct reader *r, const struct mt_item *item,
                           void *member)
{
    if (mt_is_null(item) && (r->key->flags & MT_KEY_NULL)) {
        set_absent(r->key, member);
        return MT_OK;
    }
    return type_of(r->key)->read(r, item, member);
}

/* The default is checked like any value, so the first test that reads a wrong
 * row finds it. */
static mt_status read_default(const struct mt_key *key, void *member,
                              struct mt_arena *arena, struct mt_err *err)
{
    struct mt_json *doc;
    mt_status status =
        mt_json_parse(key->name, key->def, strlen(key->def), &doc, err);
    struct reader r = { doc, key, arena, err };

    if (status == MT_OK) {
        if (mt_is_null(mt_json_root(doc)))
            set_absent(key, member);
        else
            status = read_item(&r, mt_json_root(doc), member);
        mt_json_free(doc);
    }
    if (status == MT_INVALID)
        return mt_context(err, "the default of a key");
    return status;
}

static mt_status read_absent(const struct mt_json *doc, const struct mt_item *object,
                             const struct mt_key *key, void *member,
                             struct mt_arena *arena, struct mt_err *err)
{
    bool has_doc = key->doc && *key->doc;

    if (key->flags & MT_KEY_REQUIRED)
        return mt_json_fail(doc, object, err, "missing %s%s%s%s",
                            mt_json_quoted(key->name).text, has_doc ? " (" : "",
                            has_doc ? key->doc : "", has_doc ? ")" : "");
    /* A JSON default would not outlive the document it is parsed into. */
    if (key->def && key->type != MT_KEY_JSON)
        return read_default(key, member, arena, err);
    set_absent(key, member);
    return MT_OK;
}

static mt_status check_object(const struct mt_json *doc, const struct mt_item *object,
                              struct mt_err *err)
{
    if (mt_is_object(object))
        return MT_OK;
    return mt_json_fail(doc, object, err, "expected an object, got %s",
                        mt_json_text(object).text);
}

mt_status mt_keys_read(const struct mt_json *doc, const struct mt_item *object,
                       const struct mt_key *keys, void *out,
                       struct mt_arena *arena, struct mt_err *err)
{
    mt_status status = check_object(doc, object, err);

    for (; status == MT_OK && keys->name; keys++) {
        const struct mt_item *item = mt_json_get(object, keys->name);
        char *member = (char *)out + keys->offset;
        struct reader r = { doc, keys, arena, err };

        status = item ? read_item(&r, item, member)
                      : read_absent(doc, object, keys, member, arena, err);
    }
    return status;
}

mt_status mt_keys_override(const struct mt_json *doc, const struct mt_item *object,
                           const struct mt_key *keys, void *out,
                           struct mt_arena *arena, struct mt_err *err)
{
    mt_status status = check_object(doc, object, err);

    for (; status == MT_OK && keys->name; keys++) {
        const struct mt_item *item = mt_json_get(object, keys->name);
        struct reader r = { doc, keys, arena, err };

        if (item)
            status = read_item(&r, item, (char *)out + keys->offset);
    }
    return status;
}

/* Returns how many names the tables have; fills names if it is not NULL. */
static size_t collect_names(const struct mt_key *const *tables, size_t n_tables,
                            const char **names)
{
    size_t n = 0;

    for (size_t i = 0; i < n_tables; i++) {
        for (const struct mt_key *key = tables[i]; key->name; key++) {
            if (names)
                names[n] = key->name;
            n++;
        }
    }
    return n;
}

mt_status mt_keys_fail_unknown(const struct mt_json *doc,
                               const struct mt_item *item, const char *what,
                               const char *name, const char *const *names,
                               size_t n, struct mt_err *err)
{
    struct mt_strbuf list = MT_STRBUF_INIT;
    const char *near = mt_nearest(name, names, n);
    struct mt_json_text text = mt_json_quoted(name);

    if (near)
        return mt_json_fail(doc, item, err, "unknown %s %s; did you mean %s?",
                            what, text.text, mt_json_quoted(near).text);
    if (!n)
        return mt_json_fail(doc, item, err, "unknown %s %s; expected none",
                            what, text.text);
    add_names(&list, names, n);
    mt_json_fail(doc, item, err, "unknown %s %s; expected one of %s", what,
                 text.text, list.failed ? "the known names" : list.text);
    mt_strbuf_free(&list);
    return MT_INVALID;
}

static bool is_known(const char *name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

mt_status mt_keys_check(const struct mt_json *doc, const struct mt_item *object,
                        const struct mt_key *const *tables, size_t n_tables,
                        struct mt_err *err)
{
    size_t n = collect_names(tables, n_tables, NULL);
    const char **names;
    mt_status status = check_object(doc, object, err);

    if (status != MT_OK)
        return status;
    names = calloc(n + 1, sizeof *names);
    if (!names)
        return mt_fail_memory(err);
    collect_names(tables, n_tables, names);
    for (const struct mt_item *item = object->child; item && status == MT_OK;
         item = item->next)
        if (!is_known(item->key, names, n))
            status = mt_keys_fail_unknown(doc, item, "key", item->key, names,
                                          n, err);
    free(names);
    return status;
}

static void add_bound(struct mt_strbuf *out, const char *name, bool has,
                      double value)
{
    if (!has)
        return;
    mt_strbuf_printf(out, ",\"%s\":", name);
    mt_json_add_number(out, value);
}

/* Appends the schema of one value, without braces. */
static void add_value_schema(const struct mt_key *key, struct mt_strbuf *out)
{
    const struct type_row *type = type_of(key);
    struct range range = range_of(key);

    mt_strbuf_printf(out, "\"type\":\"%s\"", type->schema);
    if (type->schema && !strcmp(type->schema, "string")) {
        for (size_t i = 0; key->choices && key->choices[i]; i++) {
            mt_strbuf_puts(out, i ? "," : ",\"enum\":[");
            mt_json_add_string(out, key->choices[i]);
        }
        mt_strbuf_puts(out, key->choices ? "]" : "");
    } else if (type->read != read_bool) {
        add_bound(out, range.open_min ? "exclusiveMinimum" : "minimum",
                  range.has_min, range.min);
        add_bound(out, range.open_max ? "exclusiveMaximum" : "maximum",
                  range.has_max, range.max);
    }
}

/* Appends what a key may hold: one schema, or anyOf several. */
static void add_type_schema(const struct mt_key *key, struct mt_strbuf *out)
{
    const struct type_row *type = type_of(key);
    bool automatic = key->flags & MT_KEY_AUTO, null = key->flags & MT_KEY_NULL;
    bool words = key->type == MT_KEY_REALS && key->choices;
    bool several = type->list || automatic || null;

    if (!type->schema)
        return;
    mt_strbuf_puts(out, several ? "\"anyOf\":[{" : "");
    add_value_schema(key, out);
    if (type->list) {
        mt_strbuf_puts(out, "},{\"type\":\"array\",\"items\":{");
        add_value_schema(key, out);
        mt_strbuf_putc(out, '}');
        if (key->type == MT_KEY_SIZES)
            mt_strbuf_puts(out, ",\"minItems\":1,\"maxItems\":8");
    }
    mt_strbuf_puts(out, automatic ? "},{\"const\":\"auto\"" : "");
    for (size_t i = 0; words && key->choices[i]; i++) {
        mt_strbuf_puts(out, "},{\"const\":");
        mt_json_add_string(out, key->choices[i]);
    }
    mt_strbuf_puts(out, null ? "},{\"type\":\"null\"" : "");
    mt_strbuf_puts(out, several ? "}]," : ",");
}

void mt_keys_schema(const struct mt_key *keys, struct mt_strbuf *out)
{
    for (const struct mt_key *key = keys; key->name; key++) {
        mt_strbuf_puts(out, key == keys ? "" : ",");
        mt_json_add_string(out, key->name);
        mt_strbuf_puts(out, ":{");
        if (key->type == MT_KEY_JSON) /* the manual says more */
            mt_strbuf_puts(out, "\"$comment\":\"JSON\",");
        add_type_schema(key, out);
        if (key->schema)
            mt_strbuf_printf(out, "%s,", key->schema);
        if (key->def)
            mt_strbuf_printf(out, "\"default\":%s,", key->def);
        mt_strbuf_puts(out, "\"description\":");
        mt_json_add_string(out, key->doc ? key->doc : "");
        mt_strbuf_putc(out, '}');
    }
}

/* Appends the names of required keys to a list that has n of them. */
static size_t add_required(const struct mt_key *keys, size_t n,
                           struct mt_strbuf *out)
{
    for (; keys->name; keys++) {
        if (!(keys->flags & MT_KEY_REQUIRED))
            continue;
        mt_strbuf_puts(out, n++ ? "," : ",\"required\":[");
        mt_json_add_string(out, keys->name);
    }
    return n;
}

void mt_keys_schema_object(const struct mt_key *const *tables, size_t n_tables,
                           size_t n_needed, struct mt_strbuf *out)
{
    size_t n = 0;

    mt_strbuf_puts(out, "\"type\":\"object\",\"properties\":{");
    for (size_t i = 0; i < n_tables; i++) {
        if (tables[i]->name)
            mt_strbuf_puts(out, n++ ? "," : "");
        mt_keys_schema(tables[i], out);
    }
    n = 0;
    mt_strbuf_putc(out, '}');
    for (size_t i = 0; i < n_needed; i++)
        n = add_required(tables[i], n, out);
    mt_strbuf_puts(out, n ? "]" : "");
    mt_strbuf_puts(out, ",\"additionalProperties\":false");
}
