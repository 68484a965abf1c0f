/*
 * Lists pictures and their classes: of a folder with a folder for each class,
 * or of a CSV table of path and label (images.c).
 */
#ifndef MT_DATA_IMAGELIST_H
#define MT_DATA_IMAGELIST_H

#include "data/format.h"

struct mt_image_list {
    size_t n;
    const char *const *paths;    /* [n], ready to be opened */
    const uint32_t *class_of;    /* [n] */
    size_t n_classes;
    const char *const *classes;  /* [n_classes], in byte order; of a table, by
                                    size if all are numbers */
};

/* Lists the pictures of file, and adds the fingerprint of their names and
 * contents unless the purpose is MT_DATA_CHECK. The first bytes of every file
 * are checked. All memory is the data set's. */
mt_status mt_image_list(const struct mt_data_request *request,
                        const struct mt_data_file *file,
                        struct mt_dataset *data, struct mt_image_list *out,
                        struct mt_err *err);

/* The pictures to predict: the files among inputs, and those in folders and
 * their subfolders, in byte order. Hidden files are skipped. */
mt_status mt_image_inputs(const char *const *inputs, size_t n_inputs,
                          struct mt_arena *arena, const char *const **paths,
                          size_t *n, struct mt_err *err);

#endif
