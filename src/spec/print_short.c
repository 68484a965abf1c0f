/* JSON for people: whatever fits on one line is put on one. */
#include <string.h>

#include "spec/tree.h"

enum { INDENT = 2, LINE_WIDTH = 76 };

static bool is_container(const struct mt_item *item)
{
    return mt_is_object(item) || mt_is_list(item);
}

static void add_key(struct mt_strbuf *out, const struct mt_item *object,
                    const struct mt_item *member)
{
    if (!mt_is_object(object))
        return;
    mt_json_add_string(out, member->key);
    mt_strbuf_puts(out, ": ");
}

/* Appends item on one line; false, with part of it appended, if the line
 * becomes too long. */
static bool add_flat(struct mt_strbuf *out, const struct mt_item *item,
                     size_t line_start)
{
    bool object = mt_is_object(item);

    if (!is_container(item)) {
        mt_json_print_compact(item, out);
        return out->len - line_start <= LINE_WIDTH;
    }
    mt_strbuf_putc(out, object ? '{' : '[');
    for (const struct mt_item *m = item->child; m; m = m->next) {
        mt_strbuf_puts(out, m == item->child ? "" : ", ");
        add_key(out, item, m);
        if (!add_flat(out, m, line_start))
            return false;
    }
    mt_strbuf_putc(out, object ? '}' : ']');
    return out->len - line_start <= LINE_WIDTH;
}

static void add_item(struct mt_strbuf *out, const struct mt_item *item, size_t level,
                     size_t line_start)
{
    bool object = mt_is_object(item);
    size_t mark = out->len;

    if (!is_container(item) || !item->child ||
        (level > 0 && add_flat(out, item, line_start))) {
        if (out->len == mark)
            mt_json_print_compact(item, out);
        return;
    }
    if (out->failed)
        return;
    out->len = mark;
    mt_strbuf_putc(out, object ? '{' : '[');
    for (const struct mt_item *m = item->child; m; m = m->next) {
        mt_strbuf_printf(out, "%s\n", m == item->child ? "" : ",");
        size_t start = out->len;

        mt_strbuf_printf(out, "%*s", (int)(level + 1) * INDENT, "");
        add_key(out, item, m);
        add_item(out, m, level + 1, start);
    }
    mt_strbuf_printf(out, "\n%*s%c", (int)level * INDENT, "",
                     object ? '}' : ']');
}

void mt_json_print_short(const struct mt_item *item, struct mt_strbuf *out)
{
    add_item(out, item, 0, out->len);
    mt_strbuf_putc(out, '\n');
}
