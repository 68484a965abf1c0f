/*
 * Which pictures there are, and their classes: of a folder with a folder for
 * each class, or of a CSV table of path and label (images.c).
 */
#ifndef MT_DATA_IMAGELIST_H
#define MT_DATA_IMAGELIST_H

#include "data/format.h"

struct mt_image_list {
    size_t n;
    const char *const *paths;    /* [n], to be opened as they are */
    const uint32_t *class_of;    /* [n] */
    size_t n_classes;
    const char *const *classes;  /* [n_classes], in byte order; numbers in a
                                    table by size */
};

/* Lists the pictures of file, and adds the fingerprint of their names and
 * contents unless the purpose is a look (MT_DATA_CHECK). Every file's first
 * bytes are looked at. All memory is the data set's. */
mt_status mt_image_list(const struct mt_data_request *request,
                        const struct mt_data_file *file,
                        struct mt_dataset *data, struct mt_image_list *out,
                        struct mt_err *err);

/* The pictures to predict: the files of inputs as they are, and those in the
 * folders among them and in the folders in these, in byte order. Hidden files
 * are passed over. */
mt_status mt_image_inputs(const char *const *inputs, size_t n_inputs,
                          struct mt_arena *arena, const char *const **paths,
                          size_t *n, struct mt_err *err);

#endif
