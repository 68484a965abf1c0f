#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/utf8.h"
#include "archive/zip_format.h"

/* The directory: where it is and what it should hold. */
struct directory {
    uint64_t offset, size, count;
    uint64_t end; /* offset of what follows it */
};

bool mt_zip_is(const void *head, size_t n)
{
    return n >= 4 && (get_u32(head) == ZIP_LOCAL || get_u32(head) == ZIP_END);
}

static mt_status fail(const struct mt_zip *z, const char *what,
                      struct mt_err *err)
{
    return mt_fail(err, MT_INVALID, "%s: not a whole zip file: %s", z->path,
                   what);
}

/* --- the end of the directory ------------------------------------------- */

/* The last record whose comment ends exactly at the end of the file. */
static const unsigned char *find_end(const unsigned char *tail, size_t n)
{
    for (size_t i = n < ZIP_END_SIZE ? 0 : n - ZIP_END_SIZE + 1; i-- > 0;) {
        if (get_u32(tail + i) == ZIP_END &&
            get_u16(tail + i + END_COMMENT) == n - i - ZIP_END_SIZE)
            return tail + i;
    }
    return NULL;
}

static mt_status read_end64(const struct mt_zip *z, uint64_t locator_at,
                            struct directory *d, struct mt_err *err)
{
    unsigned char l[ZIP_LOCATOR64_SIZE], e[ZIP_END64_SIZE];
    mt_status status =
        mt_file_pread(z->fd, z->path, locator_at, l, sizeof l, err);

    if (status != MT_OK)
        return status;
    d->end = get_u64(l + 8);
    if (get_u32(l) != ZIP_LOCATOR64 || get_u32(l + 4) || get_u32(l + 16) > 1 ||
        locator_at < sizeof e || d->end > locator_at - sizeof e)
        return fail(z, "there is no end of a 64-bit directory", err);
    status = mt_file_pread(z->fd, z->path, d->end, e, sizeof e, err);
    if (status != MT_OK)
        return status;
    if (get_u32(e) != ZIP_END64 ||
        get_u64(e + END64_LENGTH) != locator_at - d->end - 12 ||
        get_u32(e + END64_DISK) || get_u32(e + END64_START_DISK) ||
        get_u64(e + END64_HERE) != get_u64(e + END64_COUNT))
        return fail(z, "the end of its 64-bit directory is wrong", err);
    /* Values that the 32-bit record holds as well must be equal there. */
    if ((d->count != ZIP_FULL16 && d->count != get_u64(e + END64_COUNT)) ||
        (d->size != ZIP_FULL32 && d->size != get_u64(e + END64_SIZE)) ||
        (d->offset != ZIP_FULL32 && d->offset != get_u64(e + END64_OFFSET)))
        return fail(z, "the two ends of its directory do not agree", err);
    d->count = get_u64(e + END64_COUNT);
    d->size = get_u64(e + END64_SIZE);
    d->offset = get_u64(e + END64_OFFSET);
    return MT_OK;
}

static mt_status parse_end(const struct mt_zip *z, const unsigned char *end,
                           uint64_t at, struct directory *d, struct mt_err *err)
{
    d->count = get_u16(end + END_COUNT);
    d->size = get_u32(end + END_SIZE);
    d->offset = get_u32(end + END_OFFSET);
    d->end = at;
    if (get_u16(end + END_DISK) != get_u16(end + END_START_DISK) ||
        get_u16(end + END_HERE) != d->count)
        return fail(z, "it is split over several files", err);
    /* Some writers add the 64-bit record even if it is not needed. */
    if (d->offset + d->size != at && at >= ZIP_LOCATOR64_SIZE) {
        unsigned char signature[4];
        mt_status status =
            mt_file_pread(z->fd, z->path, at - ZIP_LOCATOR64_SIZE, signature,
                          sizeof signature, err);

        if (status != MT_OK)
            return status;
        if (get_u32(signature) == ZIP_LOCATOR64)
            return read_end64(z, at - ZIP_LOCATOR64_SIZE, d, err);
    }
    return MT_OK;
}

static mt_status find_directory(const struct mt_zip *z, struct directory *d,
                                struct mt_err *err)
{
    size_t most = ZIP_END_SIZE + ZIP_MAX_COMMENT;
    size_t n = z->size < most ? (size_t)z->size : most;
    unsigned char *tail = malloc(n + 1);
    mt_status status;

    if (!tail)
        return mt_fail_memory(err);
    status = mt_file_pread(z->fd, z->path, z->size - n, tail, n, err);
    const unsigned char *end = status == MT_OK ? find_end(tail, n) : NULL;

    if (end)
        status = parse_end(z, end, z->size - n + (size_t)(end - tail), d, err);
    else if (status == MT_OK)
        status =
            fail(z, "it has no directory at its end, as if cut short", err);
    free(tail);
    if (status != MT_OK)
        return status;
    if (d->offset > d->end || d->size != d->end - d->offset)
        return fail(z, "the directory does not end where it should", err);
    if (d->count > MT_ZIP_MAX_MEMBERS || d->size > MT_ZIP_MAX_DIRECTORY ||
        d->count > d->size / ZIP_ENTRY_SIZE)
        return fail(z, "the number of its members is impossible", err);
    return MT_OK;
}

/* --- directory entries -------------------------------------------------- */

/* Parses the entry at *p and moves *p past it. */
static mt_status parse_entry(struct mt_zip *z, const struct directory *d,
                             const unsigned char **p, size_t left,
                             struct mt_zip_member *m, struct mt_err *err)
{
    const unsigned char *e = *p;

    if (left < ZIP_ENTRY_SIZE || get_u32(e) != ZIP_ENTRY)
        return fail(z, "an entry of its directory is wrong", err);
    size_t name = get_u16(e + DIR_NAME), extra = get_u16(e + DIR_EXTRA);
    size_t comment = get_u16(e + DIR_COMMENT);

    if (name + extra + comment > left - ZIP_ENTRY_SIZE)
        return fail(z, "an entry of its directory is cut short", err);
    if (!name || name > MT_ZIP_MAX_NAME || memchr(e + ZIP_ENTRY_SIZE, 0, name))
        return fail(z, "the name of a member is empty, too long or has a NUL",
                    err);
    m->name =
        mt_arena_strndup(&z->arena, (const char *)e + ZIP_ENTRY_SIZE, name);
    if (!m->name)
        return mt_fail_memory(err);
    m->crc = get_u32(e + DIR_CRC);
    m->stored = get_u32(e + DIR_STORED);
    m->size = get_u32(e + DIR_SIZE);
    m->header = get_u32(e + DIR_HEADER);
    m->deflated = get_u16(e + DIR_METHOD) == ZIP_DEFLATED;
    if (!mt_zip_take_extra64(e + ZIP_ENTRY_SIZE + name, extra, m))
        return mt_zip_fail_member(z, m, "its extra field is wrong", err);
    *p = e + ZIP_ENTRY_SIZE + name + extra + comment;
    mt_status status = mt_zip_check_features(z, m, get_u16(e + DIR_FLAGS),
                                      get_u16(e + DIR_METHOD), err);

    if (status == MT_OK &&
        (m->header > d->offset || m->stored > d->offset - m->header ||
         d->offset - m->header - m->stored < ZIP_LOCAL_SIZE))
        status =
            mt_zip_fail_member(z, m, "it reaches beyond the directory", err);
    return status == MT_OK ? mt_zip_check_sizes(z, m, err) : status;
}

static mt_status parse_directory(struct mt_zip *z, const struct directory *d,
                                 const unsigned char *bytes, struct mt_err *err)
{
    const unsigned char *p = bytes, *end = bytes + d->size;

    z->members =
        mt_arena_calloc(&z->arena, (size_t)d->count, sizeof *z->members);
    if (!z->members)
        return mt_fail_memory(err);
    for (; z->n < d->count; z->n++) {
        mt_status status =
            parse_entry(z, d, &p, (size_t)(end - p), &z->members[z->n], err);

        if (status != MT_OK)
            return status;
    }
    return p == end ? MT_OK : fail(z, "bytes follow its directory", err);
}

static mt_status read_directory(struct mt_zip *z, const struct directory *d,
                                struct mt_err *err)
{
    unsigned char *bytes = malloc((size_t)d->size + 1);
    mt_status status;

    if (!bytes)
        return mt_fail_memory(err);
    status =
        mt_file_pread(z->fd, z->path, d->offset, bytes, (size_t)d->size, err);
    if (status == MT_OK)
        status = parse_directory(z, d, bytes, err);
    free(bytes);
    return status;
}

/* --- local headers ------------------------------------------------------ */

/* Checks that the header at the member's offset is its own, and finds where its
 * data begin. */
static mt_status read_local(const struct mt_zip *z, struct mt_zip_member *m,
                            struct mt_err *err)
{
    unsigned char h[ZIP_LOCAL_SIZE + MT_ZIP_MAX_NAME];
    size_t name = strlen(m->name), n = ZIP_LOCAL_SIZE + name;

    if (n > z->size - m->header)
        return mt_zip_fail_member(z, m, "its header reaches beyond the file",
                                  err);
    mt_status status = mt_file_pread(z->fd, z->path, m->header, h, n, err);

    if (status != MT_OK)
        return status;
    if (get_u32(h) != ZIP_LOCAL || get_u16(h + LOCAL_NAME) != name ||
        memcmp(h + ZIP_LOCAL_SIZE, m->name, name) != 0 ||
        (get_u16(h + LOCAL_METHOD) == ZIP_DEFLATED) != m->deflated)
        return mt_zip_fail_member(
            z, m, "its header is not what the directory says", err);
    m->data = m->header + n + get_u16(h + LOCAL_EXTRA);
    return mt_zip_check_features(z, m, get_u16(h + LOCAL_FLAGS),
                          get_u16(h + LOCAL_METHOD), err);
}

static int compare_places(const void *a, const void *b)
{
    const struct mt_zip_member *x = *(const struct mt_zip_member *const *)a;
    const struct mt_zip_member *y = *(const struct mt_zip_member *const *)b;

    return x->header < y->header ? -1 : x->header > y->header;
}

/* Members may be in any order, but must not overlap. */
static mt_status check_places(const struct mt_zip *z, uint64_t end,
                              struct mt_err *err)
{
    const struct mt_zip_member **order = calloc(z->n + 1, sizeof *order);
    mt_status status = MT_OK;

    if (!order)
        return mt_fail_memory(err);
    for (size_t i = 0; i < z->n; i++)
        order[i] = &z->members[i];
    qsort(order, z->n, sizeof *order, compare_places);
    for (size_t i = 0; i < z->n && status == MT_OK; i++) {
        const struct mt_zip_member *m = order[i];
        uint64_t next = i + 1 < z->n ? order[i + 1]->header : end;

        if (m->data > next || m->stored > next - m->data)
            status =
                mt_zip_fail_member(z, m, "it overlaps what follows it", err);
    }
    free(order);
    return status;
}

/* --- opening ------------------------------------------------------------ */

static mt_status read_places(struct mt_zip *z, struct mt_err *err)
{
    struct directory d = { 0 };
    mt_status status = find_directory(z, &d, err);

    if (status == MT_OK)
        status = read_directory(z, &d, err);
    for (size_t i = 0; i < z->n && status == MT_OK; i++)
        status = read_local(z, &z->members[i], err);
    return status == MT_OK ? check_places(z, d.offset, err) : status;
}

mt_status mt_zip_open(const char *path, int fd, uint64_t size,
                      struct mt_zip_salvage *salvage, struct mt_zip **out,
                      struct mt_err *err)
{
    struct mt_zip *z = calloc(1, sizeof *z);
    mt_status status;

    if (!z) {
        close(fd);
        return mt_fail_memory(err);
    }
    z->fd = fd;
    z->size = size;
    z->path = strdup(path);
    status = z->path ? read_places(z, err) : mt_fail_memory(err);
    if (status == MT_INVALID && salvage)
        status = mt_zip_find_members(z, salvage, err);
    if (status != MT_OK) {
        mt_zip_close(z);
        return status;
    }
    *out = z;
    return MT_OK;
}

void mt_zip_close(struct mt_zip *zip)
{
    if (!zip)
        return;
    close(zip->fd);
    mt_arena_free(&zip->arena);
    free(zip->path);
    free(zip);
}

size_t mt_zip_count(const struct mt_zip *zip)
{
    return zip->n;
}

const struct mt_zip_member *mt_zip_member(const struct mt_zip *zip, size_t i)
{
    return &zip->members[i];
}

const char *mt_zip_path(const struct mt_zip *zip)
{
    return zip->path;
}
