#include "cmd/confusion.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "spec/tree.h"

mt_status mt_confusion_want(const struct mt_call *call, struct mt_session *s,
                            struct mt_confusion *out, struct mt_err *err)
{
    *out = (struct mt_confusion){ .by_class = mt_option(call, "by-class"),
                                  .matrix = mt_option(call, "confusion") };
    if ((out->by_class || out->matrix) &&
        mt_session_count_confusion(s, err) != MT_OK)
        return mt_context(err, "--%s", out->matrix ? "confusion" : "by-class");
    return MT_OK;
}

void mt_confusion_take(struct mt_confusion *c, const struct mt_session *s)
{
    const struct mt_fitted *fitted = &mt_session_data(s)->fitted;

    c->counts = mt_session_confusion(s, &c->classes);
    if (fitted->classes == c->classes)
        c->names = fitted->class_names;
}

/* --- of one class ----------------------------------------------------------- */

struct judged {
    double precision, recall, f1, support;
};

/* As the metrics of these names: an output that is not finite counts against
 * the precision of its own class. */
static struct judged judge(const struct mt_confusion *c, size_t class)
{
    const double *row = c->counts + class * (c->classes + 1);
    double hits = row[class], taken = row[c->classes];
    struct judged j = { 0 };

    for (size_t i = 0; i <= c->classes; i++)
        j.support += row[i];
    for (size_t i = 0; i < c->classes; i++)
        taken += c->counts[i * (c->classes + 1) + class];
    j.precision = taken > 0 ? hits / taken : 0;
    j.recall = j.support > 0 ? hits / j.support : 0;
    j.f1 = taken + j.support > 0 ? 2 * hits / (taken + j.support) : 0;
    return j;
}

static bool any_not_finite(const struct mt_confusion *c)
{
    for (size_t i = 0; i < c->classes; i++) {
        if (c->counts[i * (c->classes + 1) + c->classes] > 0)
            return true;
    }
    return false;
}

/* --- text ------------------------------------------------------------------- */

static void name_of(const struct mt_confusion *c, size_t class, char out[64])
{
    if (c->names)
        snprintf(out, 64, "%s",
                 mt_excerpt(c->names[class], strlen(c->names[class])).text);
    else
        snprintf(out, 64, "%zu", class);
}

static void print_by_class(const struct mt_confusion *c)
{
    char name[64];

    printf("%-23s %9s %9s %9s %9s\n", "class", "precision", "recall", "f1",
           "support");
    for (size_t i = 0; i < c->classes; i++) {
        struct judged j = judge(c, i);

        name_of(c, i, name);
        printf("%-23s %9.6g %9.6g %9.6g %9.0f\n", name, j.precision, j.recall,
               j.f1, j.support);
    }
}

static void print_matrix(const struct mt_confusion *c)
{
    char name[64];
    size_t columns = c->classes + any_not_finite(c);

    printf("%-23s", "class \\ taken for");
    for (size_t i = 0; i < c->classes; i++) {
        name_of(c, i, name);
        printf(" %9s", name);
    }
    printf("%s\n", columns > c->classes ? " not finite" : "");
    for (size_t i = 0; i < c->classes; i++) {
        name_of(c, i, name);
        printf("%-23s", name);
        for (size_t k = 0; k < columns; k++)
            printf(" %9.0f", c->counts[i * (c->classes + 1) + k]);
        printf("\n");
    }
}

void mt_confusion_print(const struct mt_confusion *c)
{
    if (c->counts && c->by_class)
        print_by_class(c);
    if (c->counts && c->matrix)
        print_matrix(c);
}

/* --- JSON ------------------------------------------------------------------- */

static void add_name(const struct mt_confusion *c, size_t class,
                     struct mt_strbuf *line)
{
    char number[24];

    snprintf(number, sizeof number, "%zu", class);
    mt_json_add_string(line, c->names ? c->names[class] : number);
}

static void add_by_class(const struct mt_confusion *c, struct mt_strbuf *line)
{
    mt_strbuf_puts(line, ",\"by_class\":[");
    for (size_t i = 0; i < c->classes; i++) {
        struct judged j = judge(c, i);

        mt_strbuf_puts(line, i ? ",{\"class\":" : "{\"class\":");
        add_name(c, i, line);
        mt_strbuf_printf(line, ",\"precision\":%.17g,\"recall\":%.17g,"
                         "\"f1\":%.17g,\"support\":%.0f}", j.precision,
                         j.recall, j.f1, j.support);
    }
    mt_strbuf_puts(line, "]");
}

static void add_matrix(const struct mt_confusion *c, struct mt_strbuf *line)
{
    mt_strbuf_puts(line, ",\"confusion\":{\"classes\":[");
    for (size_t i = 0; i < c->classes; i++) {
        mt_strbuf_puts(line, i ? "," : "");
        add_name(c, i, line);
    }
    mt_strbuf_puts(line, "],\"matrix\":[");
    for (size_t i = 0; i < c->classes; i++) {
        mt_strbuf_puts(line, i ? ",[" : "[");
        for (size_t k = 0; k < c->classes; k++)
            mt_strbuf_printf(line, "%s%.0f", k ? "," : "",
                             c->counts[i * (c->classes + 1) + k]);
        mt_strbuf_puts(line, "]");
    }
    mt_strbuf_puts(line, "]}");
}

void mt_confusion_json(const struct mt_confusion *c, struct mt_strbuf *line)
{
    if (c->counts && c->by_class)
        add_by_class(c, line);
    if (c->counts && c->matrix)
        add_matrix(c, line);
}
