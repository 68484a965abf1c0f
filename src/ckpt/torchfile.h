/*
 * The two containers of torch.save, a pickle and the storages that it refers
 * to. Since 1.6 it is a zip file (NAME/data.pkl, NAME/data/KEY); before, and
 * with _use_new_zipfile_serialization=False, it is five pickles (a magic
 * number, the version, the machine, the value, the storages' keys), then the
 * storages: for each the number of elements (int64) and the elements.
 *
 * Opening reads the pickles and finds each storage; storages are read in parts.
 */
#ifndef MT_CKPT_TORCHFILE_H
#define MT_CKPT_TORCHFILE_H

#include "archive/zip.h"
#include "ckpt/pickle.h"
#include "ckpt/torchvalue.h"

struct mt_torch_place; /* of a storage in the file */

struct mt_torch_file {
    char *path;
    int fd; /* if it has the old form; else -1 */
    uint64_t size;
    struct mt_zip *zip; /* or NULL */
    unsigned char *bytes;
    struct mt_pickle_doc doc; /* what was saved */
    const char *source;       /* of the pickle, for messages */
    bool big_endian;
    size_t n;
    struct mt_torch_place *places; /* (n) */
    struct mt_names keys;          /* of the places */
    struct mt_arena arena;
};

bool mt_torch_file_is(const void *head, size_t n);

/* Takes over fd, open on the file of that size, even if it fails. path is for
 * messages. */
mt_status mt_torch_file_open(const char *path, int fd, uint64_t size,
                             struct mt_torch_file *f, struct mt_err *err);
void mt_torch_file_close(struct mt_torch_file *f);

/* The place of a storage; NULL if it is missing or incomplete: *fault says
 * which. */
struct mt_torch_place *mt_torch_find(const struct mt_torch_file *f,
                                     const struct mt_torch_storage *storage,
                                     const char **fault);

/* Reads n bytes of a storage from offset `at` on, which must exist. In a zip
 * file, the checksum of the storage is verified first. Thread-safe. */
mt_status mt_torch_read(const struct mt_torch_file *f,
                        struct mt_torch_place *place, uint64_t at, void *out,
                        size_t n, struct mt_err *err);

/* Is it deflated? Then reading a part also reads all before it. */
bool mt_torch_is_packed(const struct mt_torch_place *place);

#endif
