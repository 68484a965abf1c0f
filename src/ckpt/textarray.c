#include "ckpt/textarray.h"

#include <stdlib.h>
#include <string.h>

#include "base/endian.h"

bool mt_text_array_is(const char *name)
{
    return strncmp(name, MT_TEXT_ARRAY_PREFIX,
                   sizeof MT_TEXT_ARRAY_PREFIX - 1) == 0;
}

bool mt_text_array_fits(const struct mt_array *array, size_t *all)
{
    size_t bytes = mt_array_bytes(array);

    if (!mt_text_array_is(array->name))
        return false;
    if (array->shape.rank == 0)
        return true;
    if (bytes > MT_TEXT_ARRAY_MOST || bytes > MT_TEXT_ARRAY_ALL - *all)
        return false;
    *all += bytes;
    return true;
}

void mt_text_array_encode(const struct mt_array *array, struct mt_strbuf *out)
{
    const unsigned char *p = array->data;
    size_t size = mt_dtype_size(array->dtype);
    size_t n = mt_shape_elements(&array->shape);

    mt_strbuf_printf(out, "%s ", mt_dtype_name(array->dtype));
    mt_shape_print(&array->shape, out);
    mt_strbuf_putc(out, ' ');
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < size; k++) {
            size_t at = i * size + (MT_BIG_ENDIAN ? size - 1 - k : k);

            mt_strbuf_printf(out, "%02x", p[at]);
        }
    }
}

/* "[2, 3]" or "[]"; moves *text past it. */
static bool decode_shape(const char **text, struct mt_shape *shape)
{
    const char *p = *text;

    *shape = (struct mt_shape){ 0 };
    if (*p++ != '[')
        return false;
    while (*p != ']') {
        char *end;

        if (shape->rank == MT_MAX_RANK || *p < '0' || *p > '9')
            return false;
        shape->dim[shape->rank++] = strtoull(p, &end, 10);
        p = end;
        if (strncmp(p, ", ", 2) == 0 && p[2] != ']')
            p += 2;
        else if (*p != ']')
            return false;
    }
    *text = p + 1;
    return true;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool decode_bytes(const char *hex, size_t n, unsigned char *out)
{
    for (size_t i = 0; i < n; i++) {
        int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        out[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

mt_status mt_text_array_decode(const char *text, struct mt_arena *arena,
                               struct mt_array *array)
{
    char dtype[16] = "";
    size_t head = strcspn(text, " "), count, size;

    if (head >= sizeof dtype || text[head] != ' ')
        return MT_INVALID;
    memcpy(dtype, text, head);
    text += head + 1;
    if (!mt_dtype_from_name(dtype, &array->dtype) ||
        !decode_shape(&text, &array->shape) || *text++ != ' ' ||
        !mt_shape_count(&array->shape, &count))
        return MT_INVALID;
    size = mt_dtype_size(array->dtype);
    if (strlen(text) % (2 * size) || strlen(text) / (2 * size) != count)
        return MT_INVALID;
    array->data = mt_arena_alloc(arena, count * size + 1);
    if (!array->data)
        return MT_NO_MEMORY;
    if (!decode_bytes(text, count * size, array->data))
        return MT_INVALID;
    if (MT_BIG_ENDIAN)
        mt_swap_bytes(array->data, count, size);
    return MT_OK;
}
