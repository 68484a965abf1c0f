#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/file.h"
#include "ckpt/ckpt_reader.h"
#include "ckpt/foreign.h"

/* The fields of the footer. */
struct footer {
    uint64_t index_at, index_size, file_size, arrays;
    struct mt_sha256 digest;
    uint32_t index_crc;
};

/* An open file whose index is still to be read. */
struct opening {
    struct mt_ckpt *ckpt;
    struct footer footer;
    struct mt_err *err;
};

bool mt_ckpt_is(const void *head, size_t n)
{
    /* "\x89MTC" identifies it; the rest shows how it was damaged */
    return n >= 4 && memcmp(head, mt_ckpt_magic, 4) == 0;
}

static mt_status check_magic(const char *path, const unsigned char *p, size_t n,
                             struct mt_err *err)
{
    size_t have = n < CKPT_MAGIC ? n : CKPT_MAGIC;

    if (!mt_ckpt_is(p, n)) {
        const char *other = n ? mt_foreign_file(p, n) : NULL;

        return mt_fail(err, MT_INVALID, "%s: not an mtrain checkpoint%s%s",
                       path, other ? ", but " : "", other ? other : "");
    }
    if (memcmp(p, mt_ckpt_magic, have) != 0)
        return mt_fail(err, MT_DAMAGED,
                       "%s: damaged: the first bytes are changed, as by a "
                       "transfer in text mode",
                       path);
    if (n < CKPT_HEADER)
        return mt_fail(err, MT_DAMAGED,
                       "%s: damaged: cut short: %zu bytes, the header alone "
                       "has %d",
                       path, n, CKPT_HEADER);
    return MT_OK;
}

static mt_status check_header(const char *path, const unsigned char *p,
                              struct mt_err *err)
{
    uint32_t crc = (uint32_t)crc32(0, p, HEADER_CRC);
    uint32_t should = get_u32(p + HEADER_CRC);
    unsigned major = get_u16(p + HEADER_MAJOR);
    unsigned minor = get_u16(p + HEADER_MINOR);
    uint32_t flags = get_u32(p + HEADER_FLAGS);

    if (crc != should)
        return mt_fail(err, MT_DAMAGED,
                       "%s: damaged: header at offset 0: CRC-32 is %08x, "
                       "should be %08x",
                       path, crc, should);
    if (major > CKPT_MAJOR)
        return mt_fail(err, MT_INVALID,
                       "%s: format version %u.%u is newer than this program "
                       "understands (%d.%d)",
                       path, major, minor, CKPT_MAJOR, CKPT_MINOR);
    if (major < CKPT_MAJOR)
        return mt_fail(err, MT_INVALID,
                       "%s: format version %u.%u is unknown, expected %d.%d",
                       path, major, minor, CKPT_MAJOR, CKPT_MINOR);
    if (flags)
        return mt_fail(err, MT_INVALID,
                       "%s: uses features that this program does not know "
                       "(header flags %08x)",
                       path, flags);
    if (!mt_ckpt_all_zero(p + HEADER_FLAGS + 4, HEADER_CRC - HEADER_FLAGS - 4))
        return mt_fail(err, MT_DAMAGED,
                       "%s: damaged: header at offset 0: reserved bytes are "
                       "not zero",
                       path);
    return MT_OK;
}

static mt_status read_header(struct opening *o)
{
    struct mt_ckpt *c = o->ckpt;
    unsigned char p[CKPT_HEADER];
    size_t n = c->info.bytes < sizeof p ? (size_t)c->info.bytes : sizeof p;
    mt_status status = mt_file_pread(c->fd, c->path, 0, p, n, o->err);

    if (status == MT_OK)
        status = check_magic(c->path, p, n, o->err);
    return status == MT_OK ? check_header(c->path, p, o->err) : status;
}

static mt_status footer_damaged(struct opening *o, const char *what)
{
    return mt_fail(o->err, MT_DAMAGED, "%s: damaged: footer at offset %llu: %s",
                   o->ckpt->path,
                   (unsigned long long)(o->ckpt->info.bytes - CKPT_FOOTER),
                   what);
}

/* header, (chunks), index, footer: do they tile the file? */
static mt_status check_footer(struct opening *o)
{
    const struct footer *f = &o->footer;

    if (f->file_size != o->ckpt->info.bytes)
        return mt_fail(o->err, MT_DAMAGED,
                       "%s: damaged: the file has %llu bytes, its footer says "
                       "%llu",
                       o->ckpt->path, (unsigned long long)o->ckpt->info.bytes,
                       (unsigned long long)f->file_size);
    if (f->index_size > CKPT_MAX_INDEX || f->index_size < 8)
        return footer_damaged(o, "the size of the index is impossible");
    if (f->index_at % CKPT_ALIGN || f->index_at < CKPT_HEADER ||
        f->index_at > f->file_size ||
        f->file_size - f->index_at !=
            mt_ckpt_align(f->index_size) + CKPT_FOOTER)
        return footer_damaged(o, "the index does not end where it begins");
    if (f->arrays > MT_CKPT_MAX_ARRAYS ||
        f->arrays > (f->index_size - 8) / ENTRY_MIN)
        return footer_damaged(o, "the number of arrays is impossible");
    return MT_OK;
}

static mt_status read_footer(struct opening *o)
{
    struct mt_ckpt *c = o->ckpt;
    struct footer *f = &o->footer;
    unsigned char p[CKPT_FOOTER];
    uint64_t least = CKPT_HEADER + CKPT_ALIGN + CKPT_FOOTER;

    if (c->info.bytes < least)
        return mt_fail(o->err, MT_DAMAGED,
                       "%s: damaged: cut short: %llu bytes, the smallest "
                       "checkpoint has %llu",
                       c->path, (unsigned long long)c->info.bytes,
                       (unsigned long long)least);
    mt_status status = mt_file_pread(c->fd, c->path, c->info.bytes - sizeof p,
                                     p, sizeof p, o->err);

    if (status != MT_OK)
        return status;
    if (memcmp(p, mt_ckpt_footer_magic, CKPT_MAGIC) != 0)
        return mt_fail(o->err, MT_DAMAGED,
                       "%s: damaged: cut short: it ends at byte %llu without "
                       "a footer",
                       c->path, (unsigned long long)c->info.bytes);
    if ((uint32_t)crc32(0, p, FOOTER_CRC) != get_u32(p + FOOTER_CRC))
        return footer_damaged(o, "the CRC-32 does not match");
    if (!mt_ckpt_all_zero(p + FOOTER_INDEX_CRC + 4,
                          FOOTER_CRC - FOOTER_INDEX_CRC - 4))
        return footer_damaged(o, "reserved bytes are not zero");
    f->index_at = get_u64(p + FOOTER_INDEX_AT);
    f->index_size = get_u64(p + FOOTER_INDEX_SIZE);
    f->file_size = get_u64(p + FOOTER_FILE_SIZE);
    f->arrays = get_u64(p + FOOTER_ARRAYS);
    f->index_crc = get_u32(p + FOOTER_INDEX_CRC);
    memcpy(f->digest.byte, p + FOOTER_DIGEST, sizeof f->digest.byte);
    return check_footer(o);
}

static mt_status index_damaged(struct opening *o, const char *what)
{
    return mt_fail(o->err, MT_DAMAGED, "%s: damaged: index at offset %llu: %s",
                   o->ckpt->path, (unsigned long long)o->footer.index_at, what);
}

static mt_status entry_damaged(struct opening *o, size_t i, const char *what)
{
    return mt_fail(
        o->err, MT_DAMAGED, "%s: damaged: index at offset %llu: array %zu: %s",
        o->ckpt->path, (unsigned long long)o->footer.index_at, i, what);
}

/* The part of the index that is not parsed yet. */
struct cursor {
    const unsigned char *p;
    size_t left;
};

/* The next n bytes, or NULL if there are fewer. */
static const unsigned char *take(struct cursor *c, size_t n)
{
    const unsigned char *p = c->p;

    if (n > c->left)
        return NULL;
    c->p += n;
    c->left -= n;
    return p;
}

static mt_status parse_name(struct opening *o, size_t i, struct cursor *c)
{
    const unsigned char *p = take(c, 2);
    size_t n = p ? get_u16(p) : 0;
    const char *name = p ? (const char *)take(c, n) : NULL;

    if (!name)
        return entry_damaged(o, i, "the entry is cut short");
    const char *fault = mt_ckpt_name_fault(name, n);

    if (fault)
        return mt_fail(o->err, MT_DAMAGED,
                       "%s: damaged: index at offset %llu: array %zu: its "
                       "name %s",
                       o->ckpt->path, (unsigned long long)o->footer.index_at, i,
                       fault);
    o->ckpt->arrays[i].name = mt_arena_strndup(&o->ckpt->arena, name, n);
    return o->ckpt->arrays[i].name ? MT_OK : mt_fail_memory(o->err);
}

static mt_status parse_type(struct opening *o, size_t i, struct cursor *c)
{
    struct mt_array *a = &o->ckpt->arrays[i];
    const unsigned char *p = take(c, 1);
    size_t n = p ? *p : 0;
    const unsigned char *type = p ? take(c, n) : NULL;
    char text[16] = { 0 };

    if (!type)
        return entry_damaged(o, i, "the entry is cut short");
    if (n < sizeof text)
        memcpy(text, type, n);
    /* The lengths differ if the name contains a NUL. */
    if (!mt_dtype_from_name(text, &a->dtype) || strlen(text) != n ||
        !mt_ckpt_dtype_allowed(a->dtype))
        return entry_damaged(o, i, "the type is unknown");
    return MT_OK;
}

static mt_status parse_shape(struct opening *o, size_t i, struct cursor *c)
{
    struct mt_array *a = &o->ckpt->arrays[i];
    const unsigned char *p = take(c, 1);
    size_t rank = p ? *p : 0;
    const unsigned char *dims = p ? take(c, 8 * rank) : NULL;
    uint64_t bytes;

    if (!dims)
        return entry_damaged(o, i, "the entry is cut short");
    if (rank > MT_MAX_RANK)
        return entry_damaged(o, i, "it has more than 8 dimensions");
    a->shape.rank = (int)rank;
    for (size_t d = 0; d < rank; d++) {
        uint64_t dim = get_u64(dims + 8 * d);

        if (dim > INT64_MAX || dim > SIZE_MAX)
            return entry_damaged(o, i, "its shape is too large");
        a->shape.dim[d] = (size_t)dim;
    }
    if (!mt_ckpt_array_bytes(a, &bytes) ||
        bytes > INT64_MAX - o->ckpt->info.raw_bytes)
        return entry_damaged(o, i, "its shape is too large");
    o->ckpt->info.raw_bytes += bytes;
    return MT_OK;
}

static mt_status parse_place(struct opening *o, size_t i, struct cursor *c)
{
    struct ckpt_place *place = &o->ckpt->place[i];
    const unsigned char *p = take(c, ENTRY_TAIL);

    if (!p)
        return entry_damaged(o, i, "the entry is cut short");
    memcpy(place->sha256.byte, p + ENTRY_SHA256, sizeof place->sha256.byte);
    place->offset = get_u64(p + ENTRY_OFFSET);
    place->stored = get_u64(p + ENTRY_STORED);
    if (p[ENTRY_FLAGS] & CKPT_ARRAY_CRITICAL)
        return mt_fail(o->err, MT_INVALID,
                       "%s: the array \"%s\" is of a kind that this program "
                       "does not know; it needs a newer mtrain",
                       o->ckpt->path, o->ckpt->arrays[i].name);
    return MT_OK;
}

/* Can the chunks of array i fill its place? The bound on the compression ratio
 * keeps memory in proportion to the size of the file. */
static mt_status check_place(struct opening *o, size_t i, uint64_t expect)
{
    const struct mt_array *a = &o->ckpt->arrays[i];
    const struct ckpt_place *place = &o->ckpt->place[i];
    uint64_t chunks = mt_ckpt_chunk_count(a), bytes = mt_array_bytes(a);

    if (place->offset != expect)
        return entry_damaged(o, i,
                             "it does not begin where the one before "
                             "ends");
    if (place->stored % CKPT_ALIGN ||
        place->stored > o->footer.index_at - place->offset)
        return entry_damaged(o, i, "its place reaches beyond the index");
    if (chunks > place->stored / (2 * CKPT_ALIGN) ||
        bytes / CKPT_MAX_RATIO > place->stored || chunks > UINT32_MAX)
        return entry_damaged(o, i, "its place is too small for its shape");
    if (place->stored > mt_ckpt_align(bytes) + chunks * CKPT_CHUNK_HEADER)
        return entry_damaged(o, i, "its place is too large for its shape");
    return MT_OK;
}

static mt_status parse_entries(struct opening *o, struct cursor *c)
{
    static mt_status (*const steps[])(
        struct opening *, size_t,
        struct cursor *) = { parse_name, parse_type, parse_shape, parse_place };
    uint64_t offset = CKPT_HEADER;

    for (size_t i = 0; i < o->ckpt->n; i++) {
        for (size_t s = 0; s < sizeof steps / sizeof *steps; s++) {
            mt_status status = steps[s](o, i, c);

            if (status != MT_OK)
                return status;
        }
        mt_status status = check_place(o, i, offset);

        if (status != MT_OK)
            return status;
        offset += o->ckpt->place[i].stored;
    }
    if (c->left)
        return index_damaged(o, "bytes follow the last entry");
    if (offset != o->footer.index_at)
        return index_damaged(o, "the arrays do not end where it begins");
    return MT_OK;
}

static int compare_by_name(const void *a, const void *b, void *arrays)
{
    const struct mt_array *list = arrays;

    return strcmp(list[*(const uint32_t *)a].name,
                  list[*(const uint32_t *)b].name);
}

static mt_status sort_names(struct opening *o)
{
    struct mt_ckpt *c = o->ckpt;

    for (size_t i = 0; i < c->n; i++)
        c->by_name[i] = (uint32_t)i;
    qsort_r(c->by_name, c->n, sizeof *c->by_name, compare_by_name, c->arrays);
    for (size_t i = 1; i < c->n; i++) {
        const char *name = c->arrays[c->by_name[i]].name;

        if (strcmp(c->arrays[c->by_name[i - 1]].name, name) == 0)
            return mt_fail(o->err, MT_DAMAGED,
                           "%s: damaged: index at offset %llu: the array "
                           "\"%s\" is there twice",
                           c->path, (unsigned long long)o->footer.index_at,
                           name);
    }
    return MT_OK;
}

static mt_status check_digest(struct opening *o)
{
    struct mt_ckpt *c = o->ckpt;
    struct mt_digest_state d;
    struct mt_sha256 digest;

    mt_digest_state_init(&d, c->n);
    for (size_t i = 0; i < c->n; i++)
        mt_digest_state_add(&d, &c->arrays[i], &c->place[i].sha256);
    mt_digest_state_end(&d, &digest);
    mt_digest_text(&digest, c->info.digest);
    if (memcmp(digest.byte, o->footer.digest.byte, sizeof digest.byte) != 0)
        return footer_damaged(o, "the digest is not that of the index");
    return MT_OK;
}

static mt_status parse_index(struct opening *o, const unsigned char *index)
{
    struct mt_ckpt *c = o->ckpt;
    struct cursor cursor = { index, (size_t)o->footer.index_size };
    const unsigned char *count = take(&cursor, 8);

    if (!count || get_u64(count) != o->footer.arrays)
        return index_damaged(o, "its count is not the footer's");
    size_t n = (size_t)o->footer.arrays;

    c->arrays = mt_arena_calloc(&c->arena, n, sizeof *c->arrays);
    c->place = mt_arena_calloc(&c->arena, n, sizeof *c->place);
    c->by_name = mt_arena_calloc(&c->arena, n, sizeof *c->by_name);
    if (!c->arrays || !c->place || !c->by_name)
        return mt_fail_memory(o->err);
    c->n = n;
    mt_status status = parse_entries(o, &cursor);

    if (status == MT_OK)
        status = sort_names(o);
    return status == MT_OK ? check_digest(o) : status;
}

static mt_status read_index(struct opening *o)
{
    struct mt_ckpt *c = o->ckpt;
    const struct footer *f = &o->footer;
    size_t size = (size_t)f->index_size, padded = (size_t)mt_ckpt_align(size);
    unsigned char *index = malloc(padded);
    mt_status status;

    if (!index)
        return mt_fail_memory(o->err);
    status = mt_file_pread(c->fd, c->path, f->index_at, index, padded, o->err);
    if (status != MT_OK)
        goto out;
    uint32_t crc = (uint32_t)crc32(0, index, (uInt)size);

    if (crc != f->index_crc)
        status = mt_fail(o->err, MT_DAMAGED,
                         "%s: damaged: index at offset %llu: CRC-32 is %08x, "
                         "should be %08x",
                         c->path, (unsigned long long)f->index_at, crc,
                         f->index_crc);
    else if (!mt_ckpt_all_zero(index + size, padded - size))
        status = index_damaged(o, "the padding is not zero");
    else
        status = parse_index(o, index);
out:
    free(index);
    return status;
}

mt_status mt_ckpt_open(const char *path, struct mt_ckpt **out,
                       struct mt_err *err)
{
    uint64_t size;
    int fd;
    mt_status status = mt_file_open(path, &fd, &size, err);

    return status == MT_OK ? mt_ckpt_take(path, fd, size, out, err) : status;
}

mt_status mt_ckpt_take(const char *path, int fd, uint64_t size,
                       struct mt_ckpt **out, struct mt_err *err)
{
    struct mt_ckpt *c = calloc(1, sizeof *c);
    struct opening o = { .ckpt = c, .err = err };
    mt_status status;

    if (!c) {
        close(fd);
        return mt_fail_memory(err);
    }
    c->fd = fd;
    c->info.bytes = size;
    c->path = strdup(path);
    status = c->path ? read_header(&o) : mt_fail_memory(err);
    if (status == MT_OK)
        status = read_footer(&o);
    if (status == MT_OK)
        status = read_index(&o);
    if (status != MT_OK) {
        mt_ckpt_close(c);
        return status;
    }
    *out = c;
    return MT_OK;
}

void mt_ckpt_close(struct mt_ckpt *ckpt)
{
    if (!ckpt)
        return;
    close(ckpt->fd);
    mt_arena_free(&ckpt->arena);
    free(ckpt->path);
    free(ckpt);
}

const char *mt_ckpt_path(const struct mt_ckpt *ckpt)
{
    return ckpt->path;
}

struct mt_ckpt_info mt_ckpt_info(const struct mt_ckpt *ckpt)
{
    return ckpt->info;
}

size_t mt_ckpt_count(const struct mt_ckpt *ckpt)
{
    return ckpt->n;
}

const struct mt_array *mt_ckpt_array(const struct mt_ckpt *ckpt, size_t i)
{
    return &ckpt->arrays[i];
}

const struct mt_array *mt_ckpt_find(const struct mt_ckpt *ckpt,
                                    const char *name)
{
    size_t low = 0, high = ckpt->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const struct mt_array *a = &ckpt->arrays[ckpt->by_name[mid]];
        int order = strcmp(name, a->name);

        if (order == 0)
            return a;
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}
