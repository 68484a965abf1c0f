#include "ckpt/torchfile.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/utf8.h"
#include "ckpt/ckpt_format.h"

struct mt_torch_place {
    char *key;
    const struct mt_torch_type *type;
    uint64_t bytes;                     /* that exist */
    uint64_t offset;                    /* in a file of the old form */
    const struct mt_zip_member *member; /* in a zip file; or NULL */
    atomic_bool checked;
};

static const char *key_of(const void *file, size_t i)
{
    return ((const struct mt_torch_file *)file)->places[i].key;
}

/* --- which file it is ---------------------------------------------------- */

static const unsigned char magic[] = { 0x6c, 0xfc, 0x9c, 0x46, 0xf9,
                                       0x20, 0x6a, 0xa8, 0x50, 0x19 };

/* Its first member, which differs between versions, is in a folder and not an
 * array. */
static bool is_zip(const unsigned char *p, size_t n)
{
    size_t name = n > 30 && mt_zip_is(p, n) ? get_u16(p + 26) : 0;

    return name > 4 && name <= n - 30 && memchr(p + 30, '/', name) &&
           memcmp(p + 30 + name - 4, ".npy", 4) != 0;
}

bool mt_torch_file_is(const void *head, size_t n)
{
    const unsigned char *p = head;

    return (n > 2 && p[0] == 0x80 && p[1] >= 2 && p[1] <= 5) || is_zip(p, n);
}

/* --- the zip file -------------------------------------------------------- */

static mt_status read_member(const struct mt_zip *zip,
                             const struct mt_zip_member *m, void *out, size_t n,
                             struct mt_err *err)
{
    struct mt_zip_stream *s = NULL;
    mt_status status = mt_zip_stream_open(zip, m, &s, err);

    if (status == MT_OK)
        status = mt_zip_stream_read(s, out, n, err);
    mt_zip_stream_close(s);
    return status;
}

static const char *member_name(const void *zip, size_t i)
{
    return mt_zip_member(zip, i)->name;
}

static mt_status find_pickle(const struct mt_torch_file *f,
                             const struct mt_zip_member **out,
                             struct mt_err *err)
{
    *out = NULL;
    for (size_t i = 0; i < mt_zip_count(f->zip); i++) {
        const struct mt_zip_member *m = mt_zip_member(f->zip, i);

        if (mt_ends_with(m->name, "/constants.pkl"))
            return mt_fail(err, MT_INVALID,
                           "%s: a TorchScript file, a program with its "
                           "weights; save these alone in Python: "
                           "torch.save(torch.jit.load(...).state_dict(), "
                           "\"state.pt\")",
                           f->path);
        if (!mt_ends_with(m->name, "/data.pkl"))
            continue;
        if (*out)
            return mt_fail(err, MT_INVALID,
                           "%s: a zip file with two members data.pkl; expected "
                           "a file of torch.save",
                           f->path);
        *out = m;
    }
    if (*out && (*out)->size <= MT_PICKLE_MAX_BYTES)
        return MT_OK;
    return *out ? mt_fail(err, MT_INVALID,
                          "%s: data.pkl has %llu bytes; expected at most %d",
                          f->path, (unsigned long long)(*out)->size,
                          MT_PICKLE_MAX_BYTES)
                : mt_fail(err, MT_INVALID,
                          "%s: a zip file without data.pkl; expected a file "
                          "of torch.save, or arrays (.npy)",
                          f->path);
}

/* "NAME/byteorder" contains "big" or "little"; older files lack it. */
static mt_status read_order(struct mt_torch_file *f,
                            const struct mt_zip_member *m, struct mt_err *err)
{
    char text[8] = "";
    mt_status status;

    if (m->size >= sizeof text)
        return mt_fail(err, MT_INVALID, "%s: member \"%s\": no byte order",
                       f->path, mt_excerpt(m->name, strlen(m->name)).text);
    status = read_member(f->zip, m, text, (size_t)m->size, err);
    f->big_endian = strcmp(text, "big") == 0;
    return status;
}

/* Members are found by "NAME/data/KEY". */
static mt_status find_members(struct mt_torch_file *f, const char *pickle,
                              struct mt_err *err)
{
    int folder = (int)(strlen(pickle) - strlen("data.pkl"));
    struct mt_names names = MT_NAMES_INIT;
    char name[MT_ZIP_MAX_NAME + 1];
    mt_status status = MT_OK;

    for (size_t i = 0; i < mt_zip_count(f->zip); i++) {
        if (!mt_names_add(&names, member_name, f->zip)) {
            mt_names_free(&names);
            return mt_fail_memory(err);
        }
    }
    for (size_t i = 0; i < f->n; i++) {
        struct mt_torch_place *p = &f->places[i];
        size_t at;

        snprintf(name, sizeof name, "%.*sdata/%s", folder, pickle, p->key);
        at = mt_names_find(&names, name, member_name, f->zip);
        p->member =
            at < mt_zip_count(f->zip) ? mt_zip_member(f->zip, at) : NULL;
        p->bytes = p->member ? p->member->size : 0;
    }
    snprintf(name, sizeof name, "%.*sbyteorder", folder, pickle);
    size_t at = mt_names_find(&names, name, member_name, f->zip);

    if (at < mt_zip_count(f->zip))
        status = read_order(f, mt_zip_member(f->zip, at), err);
    mt_names_free(&names);
    return status;
}

/* --- storages ------------------------------------------------------------ */

/* Makes a place for each key that the pickle names. */
static mt_status list_places(struct mt_torch_file *f, struct mt_err *err)
{
    const struct mt_pickle_list *ids = &f->doc.persistent;
    char key[257];

    f->places = mt_arena_calloc(&f->arena, ids->n + 1, sizeof *f->places);
    if (!f->places)
        return mt_fail_memory(err);
    for (size_t i = 0; i < ids->n; i++) {
        struct mt_torch_storage s = { .key = NULL };
        const char *odd = NULL;
        mt_status status =
            mt_torch_storage(f->source, ids->at[i], &s, &odd, err);
        struct mt_torch_place *p = &f->places[f->n];

        if (status != MT_OK)
            return status;
        if (!s.n || s.n > 256 || memchr(s.key, 0, s.n))
            return mt_fail(err, MT_INVALID,
                           "%s: the key of a storage is empty, too long or "
                           "has a NUL",
                           f->source);
        memcpy(key, s.key, s.n);
        key[s.n] = '\0';
        if (mt_names_find(&f->keys, key, key_of, f) < f->n)
            continue;
        p->key = mt_arena_strdup(&f->arena, key);
        p->type = s.type;
        if (!p->key || !mt_names_add(&f->keys, key_of, f))
            return mt_fail_memory(err);
        f->n++;
    }
    return MT_OK;
}

static mt_status open_zip(struct mt_torch_file *f, int fd, struct mt_err *err)
{
    const struct mt_zip_member *m;
    mt_status status = mt_zip_open(f->path, fd, f->size, NULL, &f->zip, err);

    if (status == MT_OK)
        status = find_pickle(f, &m, err);
    if (status != MT_OK)
        return status;
    f->source = mt_arena_printf(&f->arena, "%s: %s", f->path,
                                mt_excerpt(m->name, strlen(m->name)).text);
    f->bytes = malloc((size_t)m->size + 1);
    if (!f->source || !f->bytes)
        return mt_fail_memory(err);
    status = read_member(f->zip, m, f->bytes, (size_t)m->size, err);
    if (status == MT_OK)
        status =
            mt_pickle_parse(f->source, f->bytes, (size_t)m->size, &f->doc, err);
    if (status == MT_OK)
        status = list_places(f, err);
    return status == MT_OK ? find_members(f, m->name, err) : status;
}

/* --- the old form -------------------------------------------------------- */

/* Parses the next pickle; at most n of f->bytes. */
static mt_status next_pickle(const struct mt_torch_file *f, size_t *at,
                             size_t n, struct mt_pickle_doc *doc,
                             struct mt_err *err)
{
    mt_status status =
        mt_pickle_parse(f->source, f->bytes + *at, n - *at, doc, err);

    *at += status == MT_OK ? doc->used : 0;
    return status;
}

/* Parses a pickle only to skip it. */
static mt_status skip_pickle(const struct mt_torch_file *f, size_t *at,
                             size_t n, struct mt_pickle_doc *doc,
                             struct mt_err *err)
{
    mt_status status = next_pickle(f, at, n, doc, err);

    mt_pickle_free(doc);
    return status;
}

static mt_status check_magic(const struct mt_torch_file *f, size_t *at,
                             size_t n, struct mt_pickle_doc *doc,
                             struct mt_err *err)
{
    mt_status status = next_pickle(f, at, n, doc, err);
    const struct mt_pickle *root = doc->root;

    if (status == MT_OK &&
        (root->kind != MT_PK_BIG || root->n != sizeof magic ||
         memcmp(root->text, magic, sizeof magic) != 0))
        status = mt_fail(err, MT_INVALID,
                         "%s: a pickle, but not of torch.save, whose files "
                         "begin with a magic number",
                         f->path);
    mt_pickle_free(doc);
    return status;
}

/* The storages follow the pickles, in the order of the keys. */
static mt_status place_storages(struct mt_torch_file *f,
                                const struct mt_pickle *keys, uint64_t at,
                                struct mt_err *err)
{
    char key[257];

    if (keys->kind != MT_PK_LIST)
        return mt_fail(err, MT_INVALID,
                       "%s: no list of storages after the "
                       "value",
                       f->source);
    for (size_t i = 0; i < mt_pickle_count(keys); i++) {
        const struct mt_pickle *k = mt_pickle_at(keys, i);
        unsigned char head[8];
        size_t known = SIZE_MAX, size;
        uint64_t n;

        if (k->kind == MT_PK_TEXT && k->n < sizeof key) {
            memcpy(key, k->text, k->n);
            key[k->n] = '\0';
            known = mt_names_find(&f->keys, key, key_of, f);
        }
        if (known >= f->n)
            return mt_fail(err, MT_INVALID,
                           "%s: storage %zu is named by nothing, so that its "
                           "size is unknown",
                           f->source, i);
        if (f->size < sizeof head || at > f->size - sizeof head)
            return MT_OK; /* cut off: the other storages are incomplete */
        mt_status status =
            mt_file_pread(f->fd, f->path, at, head, sizeof head, err);

        if (status != MT_OK)
            return status;
        at += sizeof head;
        size = f->places[known].type->size;
        n = get_u64(head);
        f->places[known].offset = at;
        if (n > (f->size - at) / size)
            return MT_OK;
        f->places[known].bytes = n * size;
        at += n * size;
    }
    return MT_OK;
}

static mt_status open_old(struct mt_torch_file *f, int fd, struct mt_err *err)
{
    struct mt_pickle_doc *doc = calloc(1, sizeof *doc);
    size_t n =
        f->size < MT_PICKLE_MAX_BYTES ? (size_t)f->size : MT_PICKLE_MAX_BYTES;
    size_t at = 0;
    mt_status status;

    f->fd = fd;
    f->source = f->path;
    f->bytes = malloc(n + 1);
    if (!doc || !f->bytes) {
        free(doc);
        return mt_fail_memory(err);
    }
    status = mt_file_pread(fd, f->path, 0, f->bytes, n, err);
    if (status == MT_OK)
        status = check_magic(f, &at, n, doc, err);
    if (status == MT_OK)
        status = skip_pickle(f, &at, n, doc, err); /* version */
    if (status == MT_OK)
        status = skip_pickle(f, &at, n, doc, err); /* machine */
    if (status == MT_OK)
        status = next_pickle(f, &at, n, &f->doc, err);
    if (status == MT_OK)
        status = list_places(f, err);
    if (status == MT_OK)
        status = next_pickle(f, &at, n, doc, err);
    if (status == MT_OK) {
        status = place_storages(f, doc->root, at, err);
        mt_pickle_free(doc);
    }
    free(doc);
    return status;
}

/* --- opening and reading ------------------------------------------------- */

mt_status mt_torch_file_open(const char *path, int fd, uint64_t size,
                             struct mt_torch_file *f, struct mt_err *err)
{
    unsigned char head[4];
    mt_status status;

    *f = (struct mt_torch_file){ .fd = -1, .size = size };
    f->path = strdup(path);
    status = f->path ? mt_file_pread(fd, path, 0, head,
                                     size < 4 ? (size_t)size : 4, err)
                     : mt_fail_memory(err);
    if (status != MT_OK) {
        close(fd);
        return status;
    }
    return mt_zip_is(head, 4) ? open_zip(f, fd, err) : open_old(f, fd, err);
}

void mt_torch_file_close(struct mt_torch_file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    mt_zip_close(f->zip);
    mt_pickle_free(&f->doc);
    mt_names_free(&f->keys);
    mt_arena_free(&f->arena);
    free(f->bytes);
    free(f->path);
}

struct mt_torch_place *mt_torch_find(const struct mt_torch_file *f,
                                     const struct mt_torch_storage *storage,
                                     const char **fault)
{
    char key[257];
    struct mt_torch_place *p;
    size_t i;

    snprintf(key, sizeof key, "%.*s", (int)storage->n, storage->key);
    i = mt_names_find(&f->keys, key, key_of, f);
    p = i < f->n ? &f->places[i] : NULL;
    *fault = !p || (f->zip && !p->member) ? "its storage is not in the file"
             : p->bytes < storage->bytes  ? "its storage is cut short"
                                          : NULL;
    return *fault ? NULL : p;
}

bool mt_torch_is_packed(const struct mt_torch_place *place)
{
    return place->member && place->member->deflated;
}

/* Reads a member up to byte `end`; stores the bytes from `at` on in out (may be
 * NULL). */
static mt_status stream(const struct mt_torch_file *f,
                        const struct mt_torch_place *p, uint64_t at,
                        uint64_t end, unsigned char *out, struct mt_err *err)
{
    enum { PART = 64 << 10 };
    unsigned char *part = malloc(PART);
    struct mt_zip_stream *s = NULL;
    mt_status status = part ? mt_zip_stream_open(f->zip, p->member, &s, err)
                            : mt_fail_memory(err);

    for (uint64_t i = 0; status == MT_OK && i < end;) {
        bool wanted = out && i >= at;
        uint64_t stop = out && i < at ? at : end;
        size_t n = stop - i < PART ? (size_t)(stop - i) : PART;

        status = mt_zip_stream_read(s, wanted ? out + (i - at) : part, n, err);
        i += n;
    }
    mt_zip_stream_close(s);
    free(part);
    return status;
}

mt_status mt_torch_read(const struct mt_torch_file *f,
                        struct mt_torch_place *place, uint64_t at, void *out,
                        size_t n, struct mt_err *err)
{
    if (!n)
        return MT_OK;
    if (!f->zip)
        return mt_file_pread(f->fd, f->path, place->offset + at, out, n, err);
    if (!atomic_load(&place->checked)) {
        mt_status status = stream(f, place, 0, place->bytes, NULL, err);

        if (status != MT_OK)
            return status;
        atomic_store(&place->checked, true);
    }
    if (place->member->deflated)
        return stream(f, place, at, at + n, out, err);
    return mt_zip_read_stored(f->zip, place->member, at, out, n, err);
}
