/* Members of a zip file whose directory is lost. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/utf8.h"
#include "archive/zip_format.h"

enum { ZIP_SIZES_FOLLOW = 1 << 3 }; /* flag: sizes come after the data */

struct finding {
    struct mt_zip *z;
    struct mt_zip_salvage *salvage;
    size_t size; /* room for members */
    uint64_t at; /* where the next header may be */
};

static void note(const struct finding *f, const char *what)
{
    if (f->salvage->note)
        f->salvage->note(f->salvage->ctx, what);
}

static void lose(const struct finding *f, const struct mt_zip_member *m,
                 const char *why)
{
    char text[MT_ZIP_MAX_NAME + 256];

    snprintf(text, sizeof text, "%s: damaged: member \"%s\" at offset %llu: %s",
             f->z->path, mt_excerpt(m->name, strlen(m->name)).text,
             (unsigned long long)m->header, why);
    note(f, text);
    f->salvage->lost++;
}

/* Reads the header at f->at; *found is false if there is none. */
static mt_status read_header(struct finding *f, struct mt_zip_member *m,
                             unsigned *flags, unsigned *method, bool *found,
                             struct mt_err *err)
{
    enum { EXTRA = 0xffff };
    unsigned char h[ZIP_LOCAL_SIZE + MT_ZIP_MAX_NAME], extra[EXTRA];
    struct mt_zip *z = f->z;
    uint64_t left = z->size - f->at;
    size_t n = left < sizeof h ? (size_t)left : sizeof h;
    mt_status status = mt_file_pread(z->fd, z->path, f->at, h, n, err);
    size_t name, more;

    *found = false;
    if (status != MT_OK || n < ZIP_LOCAL_SIZE || get_u32(h) != ZIP_LOCAL)
        return status;
    name = get_u16(h + LOCAL_NAME);
    more = get_u16(h + LOCAL_EXTRA);
    if (!name || name > n - ZIP_LOCAL_SIZE ||
        memchr(h + ZIP_LOCAL_SIZE, 0, name) ||
        more > left - ZIP_LOCAL_SIZE - name)
        return MT_OK;
    status = mt_file_pread(z->fd, z->path, f->at + ZIP_LOCAL_SIZE + name, extra,
                           more, err);
    if (status != MT_OK)
        return status;
    *m = (struct mt_zip_member){
        .name =
            mt_arena_strndup(&z->arena, (const char *)h + ZIP_LOCAL_SIZE, name),
        .size = get_u32(h + LOCAL_SIZE),
        .stored = get_u32(h + LOCAL_STORED),
        .crc = get_u32(h + LOCAL_CRC),
        .deflated = get_u16(h + LOCAL_METHOD) == ZIP_DEFLATED,
    };
    *flags = get_u16(h + LOCAL_FLAGS);
    *method = get_u16(h + LOCAL_METHOD);
    *found = m->name && mt_zip_take_extra64(extra, more, m);
    m->header = f->at;
    m->data = f->at + ZIP_LOCAL_SIZE + name + more;
    return m->name ? MT_OK : mt_fail_memory(err);
}

static bool add(struct finding *f, const struct mt_zip_member *m)
{
    struct mt_zip *z = f->z;

    if (z->n == f->size) {
        size_t size = f->size ? 2 * f->size : 64;
        struct mt_zip_member *grown =
            mt_arena_calloc(&z->arena, size, sizeof *grown);

        if (!grown)
            return false;
        if (z->n)
            memcpy(grown, z->members, z->n * sizeof *grown);
        z->members = grown;
        f->size = size;
    }
    z->members[z->n++] = *m;
    return true;
}

/* Finds one member; *more is false if none can be found after it. */
static mt_status find_one(struct finding *f, bool *more, struct mt_err *err)
{
    struct mt_zip_member m;
    struct mt_err fault = MT_ERR_INIT;
    unsigned flags = 0, method = 0;
    mt_status status = read_header(f, &m, &flags, &method, more, err);

    if (status != MT_OK || !*more)
        return status;
    if (flags & ZIP_SIZES_FOLLOW && !m.stored) {
        lose(f, &m, "its size is in the directory, which is lost");
        *more = false;
    } else if (m.stored > f->z->size - m.data) {
        lose(f, &m, "it is cut off");
        *more = false;
    } else if (mt_zip_check_features(f->z, &m, flags, method, &fault) !=
                   MT_OK ||
               mt_zip_check_sizes(f->z, &m, &fault) != MT_OK) {
        note(f, fault.text);
        f->salvage->lost++;
    } else if (!add(f, &m)) {
        return mt_fail_memory(err);
    }
    f->at = m.data + m.stored;
    return MT_OK;
}

mt_status mt_zip_find_members(struct mt_zip *z, struct mt_zip_salvage *salvage,
                              struct mt_err *err)
{
    struct finding f = { .z = z, .salvage = salvage };
    struct mt_err why = *err;
    mt_status status = MT_OK;
    bool more = true;

    z->n = 0;
    while (status == MT_OK && more && z->n < MT_ZIP_MAX_MEMBERS) {
        *err = (struct mt_err)MT_ERR_INIT;
        status = find_one(&f, &more, err);
    }
    if (status != MT_OK)
        return status;
    if (!z->n) {
        *err = why;
        return MT_INVALID;
    }
    note(&f, why.text);
    return MT_OK;
}
