#include "ckpt/inflate.h"

#include <string.h>

#include "base/endian.h"
#include "ckpt/huffman.h"

enum {
    LITERALS = 286,
    DISTANCES = 30,
    END = 256,
    LENGTH_CODES = 19,
    LENGTH_BITS = 7,
    DYNAMIC = 2,
    LOOKS = 5,          /* 55 bits, of the at least 56 after a refill */
    LEAST_BLOCK = 4096, /* bytes from which making a table pays off */
};

/* --- bits, lowest first --------------------------------------------------- */

/* Bits above `count` are 0 or those of the bytes at `in`. */
struct bits {
    const unsigned char *in, *end;
    uint64_t bits;
    unsigned count;
};

/* Refills to at least 56 bits; reads 8 bytes at `in`. */
static inline void refill(struct bits *b)
{
    uint64_t v;

    memcpy(&v, b->in, sizeof v);
    b->bits |= (MT_BIG_ENDIAN ? __builtin_bswap64(v) : v) << b->count;
    b->in += (63 - b->count) >> 3;
    b->count |= 56;
}

/* Refills as far as there are bytes. */
static void refill_slowly(struct bits *b)
{
    for (; b->count <= 56 && b->in < b->end; b->count += 8)
        b->bits |= (uint64_t)*b->in++ << b->count;
}

static inline void skip(struct bits *b, unsigned n)
{
    b->bits >>= n;
    b->count -= n;
}

/* The next n <= 16 bits; false if there are fewer. */
static bool take(struct bits *b, unsigned n, unsigned *out)
{
    refill_slowly(b);
    if (b->count < n)
        return false;
    *out = (unsigned)(b->bits & ((1u << n) - 1));
    skip(b, n);
    return true;
}

/* --- the header of a block ----------------------------------------------- */

/* Do these lengths make a complete code? */
static bool is_complete(const uint8_t *length, size_t n, unsigned limit)
{
    uint32_t places = 0;

    for (size_t s = 0; s < n; s++) {
        if (length[s] > limit)
            return false;
        if (length[s])
            places += 1u << (limit - length[s]);
    }
    return places == 1u << limit;
}

/* The code for the lengths of the other codes: for each value of the next 7
 * bits, symbol << 3 | length. */
static bool read_length_code(struct bits *b, size_t sent,
                             uint8_t table[1 << LENGTH_BITS])
{
    static const uint8_t order[LENGTH_CODES] = { 16, 17, 18, 0,  8, 7,  9,
                                                 6,  10, 5,  11, 4, 12, 3,
                                                 13, 2,  14, 1,  15 };
    uint8_t length[LENGTH_CODES] = { 0 };
    uint16_t code[LENGTH_CODES];

    for (size_t i = 0; i < sent; i++) {
        unsigned bits;

        if (!take(b, 3, &bits))
            return false;
        length[order[i]] = (uint8_t)bits;
    }
    if (!is_complete(length, LENGTH_CODES, LENGTH_BITS))
        return false;
    mt_huffman_codes(length, LENGTH_CODES, code);
    for (size_t s = 0; s < LENGTH_CODES; s++) {
        for (size_t i = code[s]; length[s] && i < 1 << LENGTH_BITS;
             i += (size_t)1 << length[s])
            table[i] = (uint8_t)(s << 3 | length[s]);
    }
    return true;
}

/* How a symbol repeats a length: the one before, or 0. */
static const struct {
    uint8_t bits, least;
} repeats[] = { { 2, 3 }, { 3, 3 }, { 7, 11 } };

static bool read_lengths(struct bits *b, const uint8_t *table, uint8_t *length,
                         size_t n)
{
    for (size_t i = 0; i < n;) {
        unsigned symbol, more, value = 0;

        refill_slowly(b);
        symbol = table[b->bits & ((1 << LENGTH_BITS) - 1)] >> 3;
        if (!take(b, table[b->bits & ((1 << LENGTH_BITS) - 1)] & 7, &more))
            return false;
        if (symbol < 16) {
            length[i++] = (uint8_t)symbol;
            continue;
        }
        if (!take(b, repeats[symbol - 16].bits, &more))
            return false;
        more += repeats[symbol - 16].least;
        if (more > n - i || (symbol == 16 && i == 0))
            return false;
        if (symbol == 16)
            value = length[i - 1];
        memset(length + i, (int)value, more);
        i += more;
    }
    return true;
}

/* --- the table ----------------------------------------------------------- */

/* Sets the first symbol for each value of the next 11 bits. Symbols of matches
 * stay unknown. */
static void fill_singles(struct mt_inflater *t, const uint8_t *length,
                         size_t literals)
{
    uint16_t code[LITERALS];

    mt_huffman_codes(length, literals, code);
    memset(t->entry, 0, sizeof t->entry);
    for (size_t s = 0; s <= END; s++) {
        struct mt_inflate_entry e = { .first = length[s] };

        if (!length[s])
            continue;
        if (s < END) {
            e.byte[0] = (unsigned char)s;
            e.bytes = 1;
            e.bits = length[s];
        } else {
            e.end = length[s];
        }
        for (size_t i = code[s]; i < 1 << MT_INFLATE_BITS;
             i += (size_t)1 << length[s])
            t->entry[i] = e;
    }
}

/* Adds further bytes whose codes are completely in the bits that follow. */
static void join_singles(struct mt_inflater *t)
{
    for (size_t i = 0; i < 1 << MT_INFLATE_BITS; i++) {
        struct mt_inflate_entry *e = &t->entry[i];

        while (e->bytes && e->bytes < MT_INFLATE_AT_ONCE) {
            const struct mt_inflate_entry *next = &t->entry[i >> e->bits];

            if (!next->bytes || e->bits + next->first > MT_INFLATE_BITS)
                break;
            e->byte[e->bytes++] = next->byte[0];
            e->bits = (uint8_t)(e->bits + next->first);
        }
    }
}

static bool read_codes(struct mt_inflater *t, struct bits *b)
{
    uint8_t length[LITERALS + DISTANCES + 2], table[1 << LENGTH_BITS];
    unsigned literals, distances, sent;

    if (!take(b, 5, &literals) || !take(b, 5, &distances) || !take(b, 4, &sent))
        return false;
    literals += END + 1;
    distances += 1;
    if (literals > LITERALS || distances > 1 ||
        !read_length_code(b, sent + 4, table) ||
        !read_lengths(b, table, length, literals + distances) ||
        !is_complete(length, literals, MT_INFLATE_BITS) || !length[END] ||
        length[literals])
        return false;
    fill_singles(t, length, literals);
    join_singles(t);
    return true;
}

/* --- the bytes ----------------------------------------------------------- */

static inline const struct mt_inflate_entry *look(const struct mt_inflater *t,
                                                  const struct bits *b)
{
    return &t->entry[b->bits & ((1 << MT_INFLATE_BITS) - 1)];
}

/* Reads until the end of the block, or close to the end of the input or the
 * output. An entry without bytes ends the loop; the other looks of its round
 * find it again. */
static unsigned char *read_fast(const struct mt_inflater *t, struct bits *from,
                                unsigned char *out, const unsigned char *end)
{
    struct bits b = *from;
    const struct mt_inflate_entry *e = NULL;

    while ((!e || e->bytes) && b.end - b.in >= 8 &&
           end - out >= LOOKS * MT_INFLATE_AT_ONCE) {
        refill(&b);
        for (int i = 0; i < LOOKS; i++) {
            e = look(t, &b);
            memcpy(out, e->byte, sizeof e->byte);
            out += e->bytes;
            skip(&b, e->bits);
        }
    }
    *from = b;
    return out;
}

/* Reads byte by byte to the end of the block; NULL if that is not reached. */
static unsigned char *read_slowly(const struct mt_inflater *t, struct bits *b,
                                  unsigned char *out, const unsigned char *end)
{
    for (;;) {
        refill_slowly(b);
        const struct mt_inflate_entry *e = look(t, b);

        if (e->end && e->end <= b->count) {
            skip(b, e->end);
            return out;
        }
        if (!e->bytes || e->first > b->count || out == end)
            return NULL;
        *out++ = e->byte[0];
        skip(b, e->first);
    }
}

bool mt_inflate(struct mt_inflater *t, const unsigned char *in, size_t size,
                unsigned char *out, size_t n)
{
    struct bits b = { .in = in, .end = in + size };
    const unsigned char *end = out + n;
    unsigned last = 0, type;

    while (!last) {
        const unsigned char *block = out;

        if (!take(&b, 1, &last) || !take(&b, 2, &type) || type != DYNAMIC ||
            !read_codes(t, &b))
            return false;
        out = read_fast(t, &b, out, end);
        out = read_slowly(t, &b, out, end);
        if (!out || (!last && out - block < LEAST_BLOCK))
            return false;
    }
    return out == end && b.in == b.end && b.count < 8;
}
