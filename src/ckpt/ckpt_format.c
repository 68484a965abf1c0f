#include "ckpt/ckpt_format.h"

#include <string.h>

#include "base/size.h"

/* As in PNG: a byte that is not ASCII, and line ends that a transfer in text
 * mode would change. */
const unsigned char mt_ckpt_magic[CKPT_MAGIC] = { 0x89, 'M',  'T',  'C',
                                                  '\r', '\n', 0x1a, '\n' };
const unsigned char mt_ckpt_footer_magic[CKPT_MAGIC] = { 0x89, 'M', 'T', 'C',
                                                         'E',  'N', 'D', '\n' };
const unsigned char mt_ckpt_chunk_magic[CKPT_CHUNK_MAGIC] = { 0x89, 'M', 'T',
                                                              'K' };

bool mt_ckpt_all_zero(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i])
            return false;
    }
    return true;
}

bool mt_ckpt_dtype_allowed(enum mt_dtype dtype)
{
    static const bool allowed[] = {
        [MT_F32] = true, [MT_F64] = true, [MT_I32] = true,
        [MT_I64] = true, [MT_U8] = true,
    };

    return (size_t)dtype < sizeof allowed && allowed[dtype];
}

/* The length of the UTF-8 character at p, its code in *code; 0 if it is invalid
 * (overlong, a surrogate, beyond U+10FFFF, truncated). */
static size_t utf8_length(const unsigned char *p, size_t n, uint32_t *code)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t length;

    if (p[0] < 0x80) {
        *code = p[0];
        return 1;
    }
    length = p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : p[0] >> 3 == 30 ? 4 : 0;
    if (!length || length > n)
        return 0;
    *code = p[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (p[i] & 0x3f);
    }
    if (*code < least[length] || *code > 0x10ffff ||
        (*code >= 0xd800 && *code < 0xe000))
        return 0;
    return length;
}

const char *mt_ckpt_text_fault(const char *name, size_t n)
{
    const unsigned char *p = (const unsigned char *)name;

    if (!n)
        return "is empty";
    if (n > MT_CKPT_MAX_NAME)
        return "is longer than 1024 bytes";
    for (size_t i = 0; i < n;) {
        uint32_t code = 0;
        size_t length = utf8_length(p + i, n - i, &code);

        if (!length)
            return "is not valid UTF-8";
        if (code < 0x20 || (code >= 0x7f && code < 0xa0))
            return "has a control character";
        i += length;
    }
    return NULL;
}

const char *mt_ckpt_name_fault(const char *name, size_t n)
{
    const char *fault = mt_ckpt_text_fault(name, n);

    if (fault)
        return fault;
    for (size_t i = 0; i <= n;) {
        const char *slash = memchr(name + i, '/', n - i);
        size_t part = slash ? (size_t)(slash - name) - i : n - i;

        if (!part)
            return "has an empty part between slashes";
        if ((part == 1 && name[i] == '.') ||
            (part == 2 && name[i] == '.' && name[i + 1] == '.'))
            return "has a part that is \".\" or \"..\"";
        i += part + 1;
    }
    return NULL;
}

bool mt_ckpt_array_bytes(const struct mt_array *array, uint64_t *bytes)
{
    size_t size = mt_dtype_size(array->dtype), product = size ? size : 1;
    bool empty = false;

    /* All dimensions are multiplied, even if one is 0: code that multiplies
     * some of them must not overflow either. */
    for (int i = 0; i < array->shape.rank; i++) {
        size_t dim = array->shape.dim[i];

        empty |= dim == 0;
        if (!mt_size_mul(product, dim ? dim : 1, &product))
            return false;
    }
    *bytes = empty ? 0 : product;
    return product <= INT64_MAX;
}

size_t mt_ckpt_chunk_count(const struct mt_array *array)
{
    size_t n = mt_shape_elements(&array->shape);

    return n / CKPT_CHUNK_ELEMENTS + (n % CKPT_CHUNK_ELEMENTS != 0);
}

size_t mt_ckpt_chunk_elements(const struct mt_array *array, size_t k)
{
    size_t left =
        mt_shape_elements(&array->shape) - k * (size_t)CKPT_CHUNK_ELEMENTS;

    return left < CKPT_CHUNK_ELEMENTS ? left : CKPT_CHUNK_ELEMENTS;
}

size_t mt_ckpt_chunk_max(const struct mt_array *array)
{
    size_t n = mt_shape_elements(&array->shape);

    return (n < CKPT_CHUNK_ELEMENTS ? n : CKPT_CHUNK_ELEMENTS) *
           mt_dtype_size(array->dtype);
}
