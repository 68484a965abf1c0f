#include "ckpt/byteplanes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCK = 1024,      /* elements that are split at once */
    SAMPLE_PARTS = 16, /* a plane is judged by 16 parts of 1 KiB */
    SAMPLE_PART = 1024,
    SAMPLE_MIN = 1024, /* shorter planes are not judged, but tried */
    MIN_GAIN = 32,     /* deflate must save at least 1/32 (3 %) */
    RAW_DEFLATE = -15, /* windowBits */
};

struct mt_byte_planes mt_planes_of(enum mt_dtype dtype)
{
    return (struct mt_byte_planes){
        .n = mt_dtype_size(dtype),
        .rotate = dtype == MT_F32 || dtype == MT_F64,
    };
}

size_t mt_planes_stored(const struct mt_byte_planes *planes)
{
    size_t sum = 0;

    for (size_t p = 0; p < planes->n; p++)
        sum += planes->stored[p];
    return sum;
}

/*
 * Splitting and joining: plane p of element i is out[p * n + i]. The inner
 * functions are inlined with a constant count and rotation, so that the
 * compiler can vectorize them.
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

/* For elements of 4 bytes, or of 1 byte, which are the only plane. */
static void split(const struct mt_byte_planes *planes, const unsigned char *in,
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
        memcpy(out, in, n);
}

static void join(const struct mt_byte_planes *planes,
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
    p->packed = malloc(max_raw + MT_DEFLATE_SLACK);
    p->deflater = mt_deflater_new();
    if (p->packed && p->deflater)
        return MT_OK;
    mt_packer_free(p);
    return mt_fail_memory(err);
}

void mt_packer_free(struct mt_packer *p)
{
    free(p->packed);
    mt_deflater_free(p->deflater);
    memset(p, 0, sizeof *p);
}

/*
 * Decides how to pack a plane, from the counts c_b of the bytes in a sample of
 * m. For noise, sum c_b^2 is about m^2/256 + m; at 1/8 more than that the
 * entropy is some 2 % below 8 bits. Only integers are used: all machines decide
 * alike.
 *
 * Bytes of floating-point planes have no repeated strings: Huffman codes alone
 * save as much as a search for matches, and are many times faster; planes that
 * are mostly runs (of zeros) need those.
 */
static bool judge(const unsigned char *plane, size_t n,
                  enum mt_deflate_way *way)
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
    *way = repeats >= m / 2 ? MT_DEFLATE_RUNS : MT_DEFLATE_HUFFMAN;
    for (size_t b = 0; b < 256; b++)
        squares += (uint64_t)count[b] * count[b];
    return *way == MT_DEFLATE_RUNS || m < SAMPLE_MIN ||
           256 * squares >= m * m + m * m / 8 + 256 * m;
}

/* The most bytes that deflate may take for a plane of n bytes; less than n, as
 * the plane is stored otherwise. */
static size_t room_of(size_t n)
{
    return n - n / MIN_GAIN - (n < MIN_GAIN);
}

/* Packs the plane of n bytes to `out`, which is at or before it, and returns
 * the packed size. */
static size_t pack_plane(struct mt_packer *p, const unsigned char *plane,
                         size_t n, bool text, uint8_t *method,
                         unsigned char *out)
{
    enum mt_deflate_way way = MT_DEFLATE_TEXT;
    size_t size = 0;

    if (text || judge(plane, n, &way))
        size = mt_deflate(p->deflater, way, plane, n, p->packed, room_of(n));
    *method = size ? MT_PLANE_DEFLATE : MT_PLANE_STORED;
    if (size)
        memcpy(out, p->packed, size);
    else if (out != plane)
        memmove(out, plane, n);
    return size ? size : n;
}

/* --- planes in pieces ----------------------------------------------------- */

void mt_packed_planes_free(struct mt_packed_planes *packed)
{
    for (size_t i = 0; i < MT_PLANES_MAX; i++) {
        mt_strbuf_free(&packed->plane[i].bytes);
        mt_strbuf_free(&packed->plane[i].stream);
    }
    *packed = (struct mt_packed_planes){ 0 };
}

static void add_piece(struct mt_packer *p, struct mt_deflate_stream *s,
                      const unsigned char *piece, size_t n, bool last)
{
    enum mt_deflate_way way;

    if (!judge(piece, n, &way))
        way = MT_DEFLATE_STORED;
    mt_deflate_block(p->deflater, s, way, piece, n, last);
}

/* The bytes of all pieces except the last, which may still grow. */
static size_t whole_pieces(size_t n)
{
    return (n - 1) / MT_PLANES_PIECE * MT_PLANES_PIECE;
}

/* Makes the stream of a plane in p->packed: what k has of it, then `rest`, the
 * n bytes of the plane that k lacks. Returns its size. */
static size_t pack_pieces(struct mt_packer *p, struct mt_packed_plane *k,
                          const unsigned char *rest, size_t n, bool learn)
{
    size_t whole = whole_pieces(n), known = k->stream.len;
    struct mt_deflate_stream s = k->end;

    s.out = p->packed + known;
    if (known)
        memcpy(p->packed, k->stream.text, known);
    for (size_t i = 0; i < whole; i += MT_PLANES_PIECE)
        add_piece(p, &s, rest + i, MT_PLANES_PIECE, false);
    if (learn && whole) {
        k->end = s;
        mt_strbuf_add(&k->stream, p->packed + known,
                      (size_t)(s.out - p->packed) - known);
        mt_strbuf_add(&k->bytes, rest, whole);
    }
    add_piece(p, &s, rest + whole, n - whole, true);
    return (size_t)(s.out - p->packed);
}

/* As pack_plane, for a plane of n bytes, of which k has the first `done` and
 * the rest is at `plane`. */
static size_t pack_growing(struct mt_packer *p, struct mt_packed_plane *k,
                           const unsigned char *plane, size_t n, size_t done,
                           bool learn, uint8_t *method, unsigned char *out)
{
    const unsigned char *rest = plane + done;
    size_t size = pack_pieces(p, k, rest, n - done, learn);

    *method = size <= room_of(n) ? MT_PLANE_DEFLATE : MT_PLANE_STORED;
    if (*method == MT_PLANE_DEFLATE) {
        memcpy(out, p->packed, size);
        return size;
    }
    if (out + done != rest)
        memmove(out + done, rest, n - done);
    if (done)
        memcpy(out, k->bytes.text, done);
    return n;
}

/* Eight planes, in pieces. */
static void pack_long(struct mt_packer *p, const unsigned char *elements,
                      size_t n, struct mt_packed_planes *packed,
                      struct mt_byte_planes *planes, unsigned char *payload)
{
    struct mt_packed_plane none = { 0 };
    size_t done = packed ? packed->done : 0;
    unsigned char *out = payload;
    bool failed = false;

    assert(done < n);
    split8(elements + 8 * done, payload + done, n, n - done, planes->rotate);
    for (size_t i = 0; i < planes->n; i++) {
        struct mt_packed_plane *k = packed ? &packed->plane[i] : &none;

        planes->stored[i] = (uint32_t)pack_growing(
            p, k, payload + i * n, n, done, packed, &planes->method[i], out);
        out += planes->stored[i];
        failed |= k->bytes.failed || k->stream.failed;
    }
    if (failed)
        mt_packed_planes_free(packed);
    else if (packed)
        packed->done = whole_pieces(n);
}

void mt_pack(struct mt_packer *p, enum mt_dtype dtype, const void *elements,
             size_t n, struct mt_packed_planes *packed,
             struct mt_byte_planes *planes, unsigned char *payload)
{
    unsigned char *out = payload;

    *planes = mt_planes_of(dtype);
    if (planes->n == 8) {
        pack_long(p, elements, n, packed, planes, payload);
        return;
    }
    split(planes, elements, n, payload);
    for (size_t i = 0; i < planes->n; i++) {
        size_t size = pack_plane(p, payload + i * n, n, planes->n == 1,
                                 &planes->method[i], out);

        planes->stored[i] = (uint32_t)size;
        out += size;
    }
}

mt_status mt_unpacker_init(struct mt_unpacker *u, size_t max_raw,
                           struct mt_err *err)
{
    memset(u, 0, sizeof *u);
    u->scratch = malloc(max_raw ? max_raw : 1);
    u->ready = u->scratch && inflateInit2(&u->zlib, RAW_DEFLATE) == Z_OK;
    return u->ready ? MT_OK : mt_fail_memory(err);
}

void mt_unpacker_free(struct mt_unpacker *u)
{
    if (u->ready)
        inflateEnd(&u->zlib);
    free(u->scratch);
    memset(u, 0, sizeof *u);
}

const char *mt_planes_fault(const struct mt_byte_planes *planes, enum mt_dtype dtype,
                            size_t n)
{
    struct mt_byte_planes expect = mt_planes_of(dtype);

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

/* Fails unless all input is used and exactly n bytes are made. */
static mt_status unpack_plane(struct mt_unpacker *u, const unsigned char *in,
                              size_t stored, unsigned char *out, size_t n,
                              size_t plane, struct mt_err *err)
{
    z_stream *z = &u->zlib;

    if (mt_inflate(&u->inflater, in, stored, out, n))
        return MT_OK;
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

mt_status mt_unpack(struct mt_unpacker *u, const struct mt_byte_planes *planes,
                    const unsigned char *payload, size_t n, void *elements,
                    struct mt_err *err)
{
    const unsigned char *plane[MT_PLANES_MAX];

    for (size_t p = 0; p < planes->n; p++) {
        size_t stored = planes->stored[p];

        plane[p] = payload;
        if (planes->method[p] == MT_PLANE_DEFLATE) {
            mt_status status =
                unpack_plane(u, payload, stored, u->scratch + p * n, n, p, err);

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
