/*
 * The two containers of torch.save: a pickle and the storages that it refers
 * to. Since 1.6 it is a zip file (NAME/data.pkl, NAME/data/KEY); before, and
 * with _use_new_zipfile_serialization=False, five pickles (a magic number, the
 * version, the machine, the value, the storages' keys), and after them the
 * storages: a number of elements (int64) and the elements of each.
 *
 * Opening reads the pickles and finds each storage; storages are read by parts.
 */
#ifndef MT_CKPT_TORCHFILE_H
#define MT_CKPT_TORCHFILE_H

#include "archive/zip.h"
#include "ckpt/pickle.h"
#include "ckpt/torchvalue.h"

struct mt_torch_place; /* of a storage in the file */

struct mt_torch_file {
    char *path;
    int fd; /* of the old form; or -1 */
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

/* fd is open on the file, of that size, and becomes f's, also where this
 * fails. path is for messages. */
mt_status mt_torch_file_open(const char *path, int fd, uint64_t size,
                             struct mt_torch_file *f, struct mt_err *err);
void mt_torch_file_close(struct mt_torch_file *f);

/* Where a storage is; NULL if it is not there, or not whole: *fault says so. */
struct mt_torch_place *mt_torch_find(const struct mt_torch_file *f,
                                     const struct mt_torch_storage *storage,
                                     const char **fault);

/* n bytes of a storage from offset `at` on, which are there. Of a zip file,
 * the checksum of a storage is checked before anything of it is given. Any
 * thread may call it. */
mt_status mt_torch_read(const struct mt_torch_file *f,
                        struct mt_torch_place *place, uint64_t at, void *out,
                        size_t n, struct mt_err *err);

/* True: parts are found by reading all before them. */
bool mt_torch_is_packed(const struct mt_torch_place *place);

#endif
