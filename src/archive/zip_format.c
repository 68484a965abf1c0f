/* Fields of members, as the directory and the members' own headers have them.
 */
#include "archive/zip_format.h"

#include <string.h>

#include "base/utf8.h"

mt_status mt_zip_fail_member(const struct mt_zip *z,
                             const struct mt_zip_member *m, const char *what,
                             struct mt_err *err)
{
    return mt_fail(err, MT_INVALID, "%s: member \"%s\": %s", z->path,
                   mt_excerpt(m->name, strlen(m->name)).text, what);
}

bool mt_zip_take_extra64(const unsigned char *p, size_t n,
                         struct mt_zip_member *m)
{
    uint64_t *const values[] = { &m->size, &m->stored, &m->header };

    while (n >= 4) {
        size_t length = get_u16(p + 2);
        const unsigned char *at = p + 4;

        if (length > n - 4)
            return false;
        for (size_t i = 0; get_u16(p) == ZIP_EXTRA64 && i < 3; i++) {
            if (*values[i] != ZIP_FULL32)
                continue;
            if ((size_t)(p + 4 + length - at) < 8)
                return false;
            *values[i] = get_u64(at);
            at += 8;
        }
        if (get_u16(p) == ZIP_EXTRA64)
            return true;
        p += 4 + length;
        n -= 4 + length;
    }
    return m->size != ZIP_FULL32 && m->stored != ZIP_FULL32 &&
           m->header != ZIP_FULL32;
}

mt_status mt_zip_check_features(const struct mt_zip *z,
                                const struct mt_zip_member *m, unsigned flags,
                                unsigned method, struct mt_err *err)
{
    if (flags & (ZIP_ENCRYPTED | ZIP_STRONGLY_ENCRYPTED | ZIP_MASKED))
        return mt_zip_fail_member(z, m, "it is encrypted", err);
    if (flags & ZIP_PATCHED)
        return mt_zip_fail_member(z, m, "it is patch data", err);
    if (method != ZIP_STORED && method != ZIP_DEFLATED)
        return mt_fail(err, MT_INVALID,
                       "%s: member \"%s\": compression method %u; expected 0 "
                       "(stored) or 8 (deflated), as np.savez and "
                       "np.savez_compressed write",
                       z->path, mt_excerpt(m->name, strlen(m->name)).text,
                       method);
    return MT_OK;
}

mt_status mt_zip_check_sizes(const struct mt_zip *z,
                             const struct mt_zip_member *m, struct mt_err *err)
{
    if (!m->deflated && m->size != m->stored)
        return mt_zip_fail_member(
            z, m, "it is stored, but its two sizes differ", err);
    if (m->deflated && m->size / ZIP_MAX_RATIO > m->stored)
        return mt_zip_fail_member(
            z, m,
            "it claims more bytes than can come of what is "
            "stored",
            err);
    return MT_OK;
}
