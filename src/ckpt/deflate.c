#include "ckpt/deflate.h"

#include <stdlib.h>
#include <string.h>

#include "base/endian.h"
#include "ckpt/huffman.h"
#include "ckpt/match.h"

enum {
    BLOCK_BYTES = 64 * 1024,         /* of a block without matches */
    BLOCK_TOKENS = MT_DEFLATE_BLOCK, /* of a block with matches */
    LITERALS = 286,                  /* symbols of bytes, the end, lengths */
    DISTANCES = 30,
    END = 256,
    LENGTH_CODES = 19, /* symbols for the lengths of the other codes */
    LENGTH_BITS = 7,
    STORED = 0,  /* type of an uncompressed block, */
    DYNAMIC = 2, /* and of one with its own codes */
};

struct code {
    uint32_t count[MT_HUFFMAN_SYMBOLS];
    uint8_t length[MT_HUFFMAN_SYMBOLS];
    uint16_t code[MT_HUFFMAN_SYMBOLS];
    size_t n; /* symbols up to the last one with a length */
};

/* How the lengths of both codes are written: symbols, some with extra bits. */
struct lengths {
    struct code code;
    uint8_t symbol[LITERALS + DISTANCES], extra[LITERALS + DISTANCES];
    size_t n;
};

struct mt_deflater {
    struct code literal, distance;
    struct lengths lengths;
    mt_token token[BLOCK_TOKENS];
    struct mt_matcher matcher;
};

struct mt_deflater *mt_deflater_new(void)
{
    return malloc(sizeof(struct mt_deflater));
}

void mt_deflater_free(struct mt_deflater *d)
{
    free(d);
}

/* --- bits, lowest first --------------------------------------------------- */

/* Writes 8 bytes, but advances only by the full ones. */
static inline void flush(struct mt_deflate_stream *b)
{
    uint64_t v = MT_BIG_ENDIAN ? __builtin_bswap64(b->bits) : b->bits;

    memcpy(b->out, &v, sizeof v);
    b->out += b->count >> 3;
    b->bits >>= b->count & ~7u;
    b->count &= 7;
}

/* At most 56 bits before a flush. */
static inline void add(struct mt_deflate_stream *b, uint64_t value, unsigned n)
{
    b->bits |= value << b->count;
    b->count += n;
}

static inline void put(struct mt_deflate_stream *b, uint64_t value, unsigned n)
{
    add(b, value, n);
    flush(b);
}

/* --- symbols of matches -------------------------------------------------- */

/* RFC 1951, 3.2.5: a symbol encodes the first bits of the value, like a float
 * with a short mantissa, and `bits` extra bits the rest. */
struct symbol {
    unsigned symbol, bits, extra;
};

static unsigned log2_of(unsigned x)
{
    return 31 - (unsigned)__builtin_clz(x);
}

static struct symbol length_symbol(size_t length)
{
    unsigned x = (unsigned)length - MT_MATCH_LEAST;
    unsigned bits = x < 8 ? 0 : log2_of(x) - 2;

    if (length == MT_MATCH_MOST)
        return (struct symbol){ LITERALS - 1, 0, 0 };
    return (struct symbol){ END + 1 + 4 * bits + (x >> bits), bits,
                            x & ((1u << bits) - 1) };
}

static struct symbol distance_symbol(size_t distance)
{
    unsigned x = (unsigned)distance - 1;
    unsigned bits = x < 4 ? 0 : log2_of(x) - 1;

    return (struct symbol){ 2 * bits + (x >> bits), bits,
                            x & ((1u << bits) - 1) };
}

/* --- codes --------------------------------------------------------------- */

static void make_code(struct code *c, size_t n, unsigned limit)
{
    mt_huffman_lengths(c->count, n, limit, c->length);
    mt_huffman_codes(c->length, n, c->code);
    c->n = n;
    while (c->n > 1 && !c->length[c->n - 1])
        c->n--;
}

static void say_length(struct lengths *l, unsigned symbol, size_t extra)
{
    l->symbol[l->n] = (uint8_t)symbol;
    l->extra[l->n++] = (uint8_t)extra;
    l->code.count[symbol]++;
}

/* Encodes a run of equal lengths: 16 repeats the one before 3 to 6 times, 17
 * and 18 are 3 to 10 and 11 to 138 zeros. */
static void say_run(struct lengths *l, uint8_t length, size_t run)
{
    if (length && run) {
        say_length(l, length, 0);
        run--;
    }
    while (run) {
        size_t most = length ? 6 : run < 11 ? 10 : 138;
        size_t part = run < most ? run : most;

        if (part < 3) {
            say_length(l, length, 0);
            part = 1;
        } else if (length) {
            say_length(l, 16, part - 3);
        } else {
            say_length(l, run < 11 ? 17 : 18, part - (run < 11 ? 3 : 11));
        }
        run -= part;
    }
}

static void tell_lengths(struct mt_deflater *d)
{
    uint8_t all[LITERALS + DISTANCES];
    size_t n = d->literal.n + d->distance.n;
    struct lengths *l = &d->lengths;

    memcpy(all, d->literal.length, d->literal.n);
    memcpy(all + d->literal.n, d->distance.length, d->distance.n);
    memset(l->code.count, 0, sizeof l->code.count);
    l->n = 0;
    for (size_t i = 0, run; i < n; i += run) {
        for (run = 1; i + run < n && all[i + run] == all[i];)
            run++;
        say_run(l, all[i], run);
    }
    make_code(&l->code, LENGTH_CODES, LENGTH_BITS);
}

static const uint8_t length_order[LENGTH_CODES] = { 16, 17, 18, 0,  8, 7,  9,
                                                    6,  10, 5,  11, 4, 12, 3,
                                                    13, 2,  14, 1,  15 };

static unsigned length_extra_bits(unsigned symbol)
{
    return symbol < 16 ? 0 : symbol == 16 ? 2 : symbol == 17 ? 3 : 7;
}

static size_t lengths_sent(const struct lengths *l)
{
    size_t n = LENGTH_CODES;

    while (n > 4 && !l->code.length[length_order[n - 1]])
        n--;
    return n;
}

static uint64_t code_bits(const struct code *c)
{
    uint64_t bits = 0;

    for (size_t s = 0; s < c->n; s++)
        bits += (uint64_t)c->count[s] * c->length[s];
    return bits;
}

/* The bits of the block, without the extra bits of its matches. */
static uint64_t block_bits(const struct mt_deflater *d)
{
    uint64_t bits = 3 + 5 + 5 + 4 + 3 * lengths_sent(&d->lengths);

    for (size_t i = 0; i < d->lengths.n; i++)
        bits += length_extra_bits(d->lengths.symbol[i]);
    return bits + code_bits(&d->lengths.code) + code_bits(&d->literal) +
           code_bits(&d->distance);
}

static void put_header(struct mt_deflate_stream *b, const struct mt_deflater *d,
                       bool last)
{
    const struct lengths *l = &d->lengths;
    size_t sent = lengths_sent(l);

    put(b, last, 1);
    put(b, DYNAMIC, 2);
    put(b, d->literal.n - (END + 1), 5);
    put(b, d->distance.n - 1, 5);
    put(b, sent - 4, 4);
    for (size_t i = 0; i < sent; i++)
        put(b, l->code.length[length_order[i]], 3);
    for (size_t i = 0; i < l->n; i++) {
        unsigned s = l->symbol[i];

        put(b, l->code.code[s], l->code.length[s]);
        put(b, l->extra[i], length_extra_bits(s));
    }
}

/* --- blocks without matches ---------------------------------------------- */

/* Four tables, so that increments for equal bytes do not wait for each
 * other. */
static void count_bytes(const unsigned char *in, size_t n, uint32_t *count)
{
    static const uint32_t zero[256];
    uint32_t table[4][256];
    size_t i = 0;

    for (size_t t = 0; t < 4; t++)
        memcpy(table[t], zero, sizeof zero);
    for (; i + 4 <= n; i += 4) {
        table[0][in[i]]++;
        table[1][in[i + 1]]++;
        table[2][in[i + 2]]++;
        table[3][in[i + 3]]++;
    }
    for (; i < n; i++)
        table[0][in[i]]++;
    for (size_t s = 0; s < 256; s++)
        count[s] = table[0][s] + table[1][s] + table[2][s] + table[3][s];
}

/* Four codes of at most 11 bits, and at most 7 bits from before: 51 of 64. */
static void put_bytes(struct mt_deflate_stream *out, const struct code *c,
                      const unsigned char *in, size_t n)
{
    uint32_t entry[256]; /* length << 16 | code */
    struct mt_deflate_stream b = *out;
    size_t i = 0;

    for (size_t s = 0; s < 256; s++)
        entry[s] = (uint32_t)c->length[s] << 16 | c->code[s];
    for (; i + 4 <= n; i += 4) {
        uint32_t e0 = entry[in[i]], e1 = entry[in[i + 1]];
        uint32_t e2 = entry[in[i + 2]], e3 = entry[in[i + 3]];
        unsigned low = (e0 >> 16) + (e1 >> 16);
        uint64_t first = (e0 & 0xffff) | (uint64_t)(e1 & 0xffff) << (e0 >> 16);
        uint64_t next = (e2 & 0xffff) | (uint64_t)(e3 & 0xffff) << (e2 >> 16);

        add(&b, first | next << low, low + (e2 >> 16) + (e3 >> 16));
        flush(&b);
    }
    for (; i < n; i++)
        put(&b, entry[in[i]] & 0xffff, entry[in[i]] >> 16);
    *out = b;
}

static bool has_room(const struct mt_deflate_stream *b,
                     const unsigned char *end, uint64_t bits)
{
    return (b->count + bits + 7) / 8 <= (uint64_t)(end - b->out);
}

static bool bytes_block(struct mt_deflater *d, struct mt_deflate_stream *b,
                        const unsigned char *in, size_t n, bool last,
                        const unsigned char *end)
{
    count_bytes(in, n, d->literal.count);
    d->literal.count[END] = 1;
    make_code(&d->literal, END + 1, MT_DEFLATE_SHORT);
    d->distance.count[0] = 0; /* "one distance code of zero bits" means */
    d->distance.length[0] = 0;
    d->distance.n = 1; /* that there are no distances */
    tell_lengths(d);
    if (!has_room(b, end, block_bits(d)))
        return false;
    put_header(b, d, last);
    put_bytes(b, &d->literal, in, n);
    put(b, d->literal.code[END], d->literal.length[END]);
    return true;
}

/* --- blocks of tokens ---------------------------------------------------- */

/* Returns the extra bits of all matches. */
static uint64_t count_tokens(struct mt_deflater *d, size_t n)
{
    uint64_t extra = 0;

    memset(d->literal.count, 0, sizeof d->literal.count);
    memset(d->distance.count, 0, sizeof d->distance.count);
    for (size_t i = 0; i < n; i++) {
        mt_token t = d->token[i];

        if (mt_token_length(t)) {
            struct symbol l = length_symbol(mt_token_length(t));
            struct symbol s = distance_symbol(mt_token_distance(t));

            d->literal.count[l.symbol]++;
            d->distance.count[s.symbol]++;
            extra += l.bits + s.bits;
        } else {
            d->literal.count[t]++;
        }
    }
    d->literal.count[END] = 1;
    return extra;
}

static void put_symbol(struct mt_deflate_stream *b, const struct code *c,
                       struct symbol s)
{
    add(b, c->code[s.symbol], c->length[s.symbol]);
    put(b, s.extra, s.bits);
}

static bool tokens_block(struct mt_deflater *d, struct mt_deflate_stream *b,
                         size_t n, bool last, const unsigned char *end)
{
    uint64_t extra = count_tokens(d, n);

    make_code(&d->literal, LITERALS, MT_HUFFMAN_BITS);
    make_code(&d->distance, DISTANCES, MT_HUFFMAN_BITS);
    tell_lengths(d);
    if (!has_room(b, end, block_bits(d) + extra))
        return false;
    put_header(b, d, last);
    for (size_t i = 0; i < n; i++) {
        mt_token t = d->token[i];

        if (mt_token_length(t)) {
            put_symbol(b, &d->literal, length_symbol(mt_token_length(t)));
            put_symbol(b, &d->distance, distance_symbol(mt_token_distance(t)));
        } else {
            put(b, d->literal.code[t], d->literal.length[t]);
        }
    }
    put(b, d->literal.code[END], d->literal.length[END]);
    return true;
}

/* Fills the last byte with zeros. */
static void end_byte(struct mt_deflate_stream *b)
{
    if (b->count)
        *b->out++ = (unsigned char)b->bits;
    b->bits = b->count = 0;
}

size_t mt_deflate(struct mt_deflater *d, enum mt_deflate_way way,
                  const unsigned char *in, size_t n, unsigned char *out,
                  size_t room)
{
    struct mt_deflate_stream b = { .out = out };
    const unsigned char *end = out + room;
    bool fits = true;

    for (size_t i = 0; way == MT_DEFLATE_HUFFMAN && fits && i < n;) {
        size_t part = n - i < BLOCK_BYTES ? n - i : BLOCK_BYTES;

        fits = bytes_block(d, &b, in + i, part, i + part == n, end);
        i += part;
    }
    if (way != MT_DEFLATE_HUFFMAN)
        mt_matcher_start(&d->matcher, in, n,
                         way == MT_DEFLATE_TEXT ? MT_MATCH_TEXT
                                                : MT_MATCH_RUNS);
    while (way != MT_DEFLATE_HUFFMAN && fits && d->matcher.at < n) {
        size_t tokens = mt_matcher_next(&d->matcher, d->token, BLOCK_TOKENS);

        fits = tokens_block(d, &b, tokens, d->matcher.at == n, end);
    }
    if (!fits)
        return 0;
    end_byte(&b);
    return (size_t)(b.out - out);
}

/* At a byte boundary: the length, its complement, and the bytes. */
static void stored_block(struct mt_deflate_stream *b, const unsigned char *in,
                         size_t n, bool last)
{
    put(b, last, 1);
    put(b, STORED, 2);
    end_byte(b);
    put_u16(b->out, (uint16_t)n);
    put_u16(b->out + 2, (uint16_t)~n);
    memcpy(b->out + 4, in, n);
    b->out += 4 + n;
}

static bool packed_block(struct mt_deflater *d, struct mt_deflate_stream *b,
                         enum mt_deflate_way way, const unsigned char *in,
                         size_t n, bool last)
{
    const unsigned char *end = b->out + n + MT_DEFLATE_OVERHEAD;

    if (way == MT_DEFLATE_STORED)
        return false;
    if (way == MT_DEFLATE_HUFFMAN)
        return bytes_block(d, b, in, n, last, end);
    mt_matcher_start(&d->matcher, in, n,
                     way == MT_DEFLATE_TEXT ? MT_MATCH_TEXT : MT_MATCH_RUNS);
    return tokens_block(d, b, mt_matcher_next(&d->matcher, d->token, n), last,
                        end);
}

void mt_deflate_block(struct mt_deflater *d, struct mt_deflate_stream *s,
                      enum mt_deflate_way way, const unsigned char *in,
                      size_t n, bool last)
{
    if (!packed_block(d, s, way, in, n, last))
        stored_block(s, in, n, last);
    if (last)
        end_byte(s);
}
