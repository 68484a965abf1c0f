#include "ckpt/planes.h"

#include <stdlib.h>
#include <string.h>

enum {
    BLOCK = 1024,      /* elements that are split at once */
    SAMPLE_PARTS = 16, /* a plane is judged by 16 parts of 1 KiB */
    SAMPLE_PART = 1024,
    SAMPLE_MIN = 1024, /* shorter planes are simply tried */
    MIN_GAIN = 32,     /* deflate must save at least 1/32 (3 %) */
    RAW_DEFLATE = -15, /* windowBits */
    MEM_LEVEL = 8,
};

/* Bytes of floating-point planes hold no strings to be found: Huffman codes
 * alone get as much as level 6 does, ten times faster; planes that are mostly
 * runs (zeros) want RLE. Arrays of bytes are text, or as good as. */
enum pack_way { WAY_HUFFMAN, WAY_RLE, WAY_TEXT, WAY_NONE };

static const struct {
    int level, strategy;
} ways[MT_PACK_WAYS] = {
    [WAY_HUFFMAN] = { 1, Z_HUFFMAN_ONLY },
    [WAY_RLE] = { 1, Z_RLE },
    [WAY_TEXT] = { 6, Z_DEFAULT_STRATEGY },
};

struct mt_planes mt_planes_of(enum mt_dtype dtype)
{
    return (struct mt_planes){
        .n = mt_dtype_size(dtype),
        .rotate = dtype == MT_F32 || dtype == MT_F64,
    };
}

size_t mt_planes_stored(const struct mt_planes *planes)
{
    size_t sum = 0;

    for (size_t p = 0; p < planes->n; p++)
        sum += planes->stored[p];
    return sum;
}

/*
 * Splitting and joining: plane p of element i is out[p * n + i]. The inner
 * functions are inlined with a constant count and rotation, which is what lets
 * the compiler use vectors.
 */

static inline void split4(const unsigned char *in, unsigned char *out, size_t n,
                          size_t count, int rotate)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t w;

        memcpy(&w, in + 4 * i, 4);
        if (rotate)
            w = w << 1 | w >> 31;
        out[i] = (unsigned char)w;
        out[n + i] = (unsigned char)(w >> 8);
        out[2 * n + i] = (unsigned char)(w >> 16);
        out[3 * n + i] = (unsigned char)(w >> 24);
    }
}

static inline void split8(const unsigned char *in, unsigned char *out, size_t n,
                          size_t count, int rotate)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t w;

        memcpy(&w, in + 8 * i, 8);
        if (rotate)
            w = w << 1 | w >> 63;
        for (size_t p = 0; p < 8; p++)
            out[p * n + i] = (unsigned char)(w >> 8 * p);
    }
}

static inline void join4(const unsigned char *const plane[], size_t at,
                         unsigned char *out, size_t count, int rotate)
{
    for (size_t i = at; i < at + count; i++) {
        uint32_t w = plane[0][i] | (uint32_t)plane[1][i] << 8 |
                     (uint32_t)plane[2][i] << 16 | (uint32_t)plane[3][i] << 24;

        if (rotate)
            w = w >> 1 | w << 31;
        memcpy(out + 4 * i, &w, 4);
    }
}

static inline void join8(const unsigned char *const plane[], size_t at,
                         unsigned char *out, size_t count, int rotate)
{
    for (size_t i = at; i < at + count; i++) {
        uint64_t w = 0;

        for (size_t p = 0; p < 8; p++)
            w |= (uint64_t)plane[p][i] << 8 * p;
        if (rotate)
            w = w >> 1 | w << 63;
        memcpy(out + 8 * i, &w, 8);
    }
}

static void split(const struct mt_planes *planes, const unsigned char *in,
                  size_t n, unsigned char *out)
{
    size_t i = 0;

    for (; planes->n == 4 && planes->rotate && i + BLOCK <= n; i += BLOCK)
        split4(in + 4 * i, out + i, n, BLOCK, 1);
    for (; planes->n == 4 && !planes->rotate && i + BLOCK <= n; i += BLOCK)
        split4(in + 4 * i, out + i, n, BLOCK, 0);
    if (planes->n == 4)
        split4(in + 4 * i, out + i, n, n - i, planes->rotate);
    else
        split8(in, out, n, n, planes->rotate);
}

static void join(const struct mt_planes *planes,
                 const unsigned char *const plane[], size_t n,
                 unsigned char *out)
{
    size_t i = 0;

    for (; planes->n == 4 && planes->rotate && i + BLOCK <= n; i += BLOCK)
        join4(plane, i, out, BLOCK, 1);
    for (; planes->n == 4 && !planes->rotate && i + BLOCK <= n; i += BLOCK)
        join4(plane, i, out, BLOCK, 0);
    if (planes->n == 4)
        join4(plane, i, out, n - i, planes->rotate);
    else
        join8(plane, 0, out, n, planes->rotate);
}

mt_status mt_packer_init(struct mt_packer *p, size_t max_raw,
                         struct mt_err *err)
{
    memset(p, 0, sizeof *p);
    p->scratch = malloc(max_raw ? max_raw : 1);
    return p->scratch ? MT_OK : mt_fail_memory(err);
}

void mt_packer_free(struct mt_packer *p)
{
    for (size_t i = 0; i < MT_PACK_WAYS; i++) {
        if (p->ready[i])
            deflateEnd(&p->deflate[i]);
    }
    free(p->scratch);
    memset(p, 0, sizeof *p);
}

static bool packer_ready(struct mt_packer *p, enum pack_way way)
{
    z_stream *z = &p->deflate[way];

    if (p->ready[way])
        return deflateReset(z) == Z_OK;
    p->ready[way] = deflateInit2(z, ways[way].level, Z_DEFLATED, RAW_DEFLATE,
                                 MEM_LEVEL, ways[way].strategy) == Z_OK;
    return p->ready[way];
}

/*
 * How to pack a plane, from the counts c_b of the bytes in a sample of m. Of
 * noise, sum c_b^2 is about m^2/256 + m; at 1/8 more than that the entropy is
 * some 2 % below 8 bits. Integers only: every machine decides alike.
 */
static enum pack_way judge(const unsigned char *plane, size_t n)
{
    uint32_t count[256] = { 0 };
    uint64_t m = 0, repeats = 0, squares = 0;
    size_t parts = n > (size_t)SAMPLE_PARTS * SAMPLE_PART ? SAMPLE_PARTS : 1;
    size_t part = parts > 1 ? SAMPLE_PART : n;

    for (size_t k = 0; k < parts; k++) {
        const unsigned char *p = plane + k * (n / parts);

        count[p[0]]++;
        for (size_t i = 1; i < part; i++) {
            count[p[i]]++;
            repeats += p[i] == p[i - 1];
        }
        m += part;
    }
    if (repeats >= m / 2)
        return WAY_RLE;
    for (size_t b = 0; b < 256; b++)
        squares += (uint64_t)count[b] * count[b];
    if (m >= SAMPLE_MIN && 256 * squares < m * m + m * m / 8 + 256 * m)
        return WAY_NONE;
    return WAY_HUFFMAN;
}

/* Packs one plane of n bytes into out, which has room for n. */
static mt_status pack_plane(struct mt_packer *p, const unsigned char *plane,
                            size_t n, bool text, uint8_t *method,
                            uint32_t *stored, unsigned char *out)
{
    enum pack_way way = text ? WAY_TEXT : judge(plane, n);

    if (way != WAY_NONE) {
        z_stream *z = &p->deflate[way];

        if (!packer_ready(p, way))
            return MT_NO_MEMORY;
        z->next_in = (Bytef *)(uintptr_t)plane; /* zlib's type lacks const */
        z->avail_in = (uInt)n;
        z->next_out = out;
        z->avail_out = (uInt)(n - n / MIN_GAIN - (n < MIN_GAIN));
        if (deflate(z, Z_FINISH) == Z_STREAM_END) {
            *method = MT_PLANE_DEFLATE;
            *stored = (uint32_t)z->total_out;
            return MT_OK;
        }
    }
    memcpy(out, plane, n);
    *method = MT_PLANE_STORED;
    *stored = (uint32_t)n;
    return MT_OK;
}

mt_status mt_pack(struct mt_packer *p, enum mt_dtype dtype,
                  const void *elements, size_t n, struct mt_planes *planes,
                  unsigned char *payload)
{
    const unsigned char *from = elements;
    mt_status status = MT_OK;

    *planes = mt_planes_of(dtype);
    if (planes->n > 1) {
        split(planes, elements, n, p->scratch);
        from = p->scratch;
    }
    for (size_t i = 0; i < planes->n && status == MT_OK; i++) {
        status = pack_plane(p, from + i * n, n, planes->n == 1,
                            &planes->method[i], &planes->stored[i], payload);
        payload += planes->stored[i];
    }
    return status;
}

mt_status mt_unpacker_init(struct mt_unpacker *u, size_t max_raw,
                           struct mt_err *err)
{
    memset(u, 0, sizeof *u);
    u->scratch = malloc(max_raw ? max_raw : 1);
    u->ready = u->scratch && inflateInit2(&u->inflate, RAW_DEFLATE) == Z_OK;
    return u->ready ? MT_OK : mt_fail_memory(err);
}

void mt_unpacker_free(struct mt_unpacker *u)
{
    if (u->ready)
        inflateEnd(&u->inflate);
    free(u->scratch);
    memset(u, 0, sizeof *u);
}

const char *mt_planes_fault(const struct mt_planes *planes, enum mt_dtype dtype,
                            size_t n)
{
    struct mt_planes expect = mt_planes_of(dtype);

    if (planes->n != expect.n)
        return "the number of planes does not fit the array's type";
    if (planes->rotate != expect.rotate)
        return "the transform does not fit the array's type";
    for (size_t p = 0; p < MT_PLANES_MAX; p++) {
        size_t stored = planes->stored[p];
        bool whole = planes->method[p] == MT_PLANE_STORED;

        if (planes->method[p] > MT_PLANE_DEFLATE)
            return "a plane's method is unknown";
        if (p >= planes->n && (!whole || stored))
            return "a plane that does not exist has a size";
        if (p < planes->n && (whole ? stored != n : !stored || stored >= n))
            return "a plane's size is impossible";
    }
    return NULL;
}

/* Both ends must meet: all input used, exactly n bytes made. */
static mt_status unpack_plane(z_stream *z, const unsigned char *in,
                              size_t stored, unsigned char *out, size_t n,
                              size_t plane, struct mt_err *err)
{
    if (inflateReset(z) != Z_OK)
        return mt_fail_memory(err);
    z->next_in = (Bytef *)(uintptr_t)in;
    z->avail_in = (uInt)stored;
    z->next_out = out;
    z->avail_out = (uInt)n;

    int result = inflate(z, Z_FINISH);

    if (result == Z_MEM_ERROR)
        return mt_fail_memory(err);
    if (result == Z_STREAM_END && !z->avail_in && !z->avail_out)
        return MT_OK;
    if (result == Z_STREAM_END && z->avail_in)
        return mt_fail(err, MT_DAMAGED,
                       "plane %zu: %u bytes follow its deflate stream", plane,
                       z->avail_in);
    if (result != Z_DATA_ERROR)
        return mt_fail(err, MT_DAMAGED,
                       "plane %zu: does not unpack to exactly %zu bytes", plane,
                       n);
    return mt_fail(err, MT_DAMAGED, "plane %zu: not a valid deflate stream",
                   plane);
}

mt_status mt_unpack(struct mt_unpacker *u, const struct mt_planes *planes,
                    const unsigned char *payload, size_t n, void *elements,
                    struct mt_err *err)
{
    const unsigned char *plane[MT_PLANES_MAX];

    for (size_t p = 0; p < planes->n; p++) {
        size_t stored = planes->stored[p];

        plane[p] = payload;
        if (planes->method[p] == MT_PLANE_DEFLATE) {
            mt_status status = unpack_plane(&u->inflate, payload, stored,
                                            u->scratch + p * n, n, p, err);

            if (status != MT_OK)
                return status;
            plane[p] = u->scratch + p * n;
        }
        payload += stored;
    }
    if (planes->n == 1)
        memcpy(elements, plane[0], n);
    else
        join(planes, plane, n, elements);
    return MT_OK;
}
