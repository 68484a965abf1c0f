/*
 * For tests only: a small checkpoint to write, and a way to change bytes of a
 * file and fix its checksums, so that later checks are tested, too.
 */
#ifndef MT_CKPT_CKPT_TESTING_H
#define MT_CKPT_CKPT_TESTING_H

#include <math.h>
#include <zlib.h>

#include "base/file_testing.h"
#include "base/philox.h"
#include "ckpt/ckpt_format.h"
#include "ckpt/safetensors.h"
#include "ckpt/stateformat.h"

static struct mt_err err;

static inline struct mt_array testing_array(const char *name,
                                            enum mt_dtype dtype,
                                            struct mt_shape shape, void *data)
{
    return (struct mt_array){ name, dtype, shape, data };
}

/* Numbers like trained weights: about normal, and small. */
static inline void testing_weights(const char *name, float *out, size_t n)
{
    struct mt_philox_key key = mt_philox_key(1, "test", name);

    for (size_t i = 0; i < n; i++) {
        double sum = -6;

        for (uint64_t k = 0; k < 12; k++)
            sum += (double)mt_philox_word(key, (uint32_t)k, i) * 0x1p-32;
        out[i] = (float)(sum * 0.05);
    }
}

enum { SMALL_ARRAYS = 6 };

/* An array of each type, among them a scalar and an empty one. */
static inline size_t testing_small(struct mt_array out[SMALL_ARRAYS])
{
    static char spec[] = "{\"model\": {\"layers\": []}, \"train\": {\"seed\": "
                         "1}}{\"model\": {\"layers\": []}, \"train\": {}}";
    static float weight[150];
    static double moment[5] = { 1.5, -0.0, 1e-300, INFINITY, 3 };
    static int64_t step[1] = { 1234567890123 };
    static int32_t order[7] = { 1, -2, 3, -4, 5, -6, INT32_MIN };

    testing_weights("w", weight, 150);
    out[0] = testing_array("spec/json", MT_U8, mt_shape_of(1, sizeof spec - 1),
                           spec);
    out[1] = testing_array("model/fc1.weight", MT_F32,
                           mt_shape_of(2, (size_t)10, (size_t)15), weight);
    out[2] = testing_array("model/empty", MT_F32,
                           mt_shape_of(2, (size_t)0, (size_t)3), NULL);
    out[3] = testing_array("optimizer/exp_avg.fc1.bias", MT_F64,
                           mt_shape_of(1, (size_t)5), moment);
    out[4] = testing_array("progress/step", MT_I64, mt_shape_of(0), step);
    out[5] =
        testing_array("data/order", MT_I32, mt_shape_of(1, (size_t)7), order);
    return SMALL_ARRAYS;
}

static inline void testing_write(const char *path, const struct mt_array *a,
                                 size_t n)
{
    ck_assert_msg(mt_ckpt_write(path, a, n, NULL, NULL, &err) == MT_OK, "%s",
                  err.text);
}

static inline void testing_write_small(const char *path)
{
    struct mt_array a[SMALL_ARRAYS];

    testing_write(path, a, testing_small(a));
}

static inline unsigned char *testing_footer(struct mt_bytes b)
{
    return b.data + b.n - CKPT_FOOTER;
}

static inline unsigned char *testing_index(struct mt_bytes b)
{
    return b.data + get_u64(testing_footer(b) + FOOTER_INDEX_AT);
}

/* Sets the checksums of header, index and footer. */
static inline void testing_seal(struct mt_bytes b)
{
    unsigned char *footer = testing_footer(b);
    uint64_t at = get_u64(footer + FOOTER_INDEX_AT);
    uint64_t size = get_u64(footer + FOOTER_INDEX_SIZE);

    put_u32(b.data + HEADER_CRC, (uint32_t)crc32(0, b.data, HEADER_CRC));
    if (at < b.n && size < b.n - at)
        put_u32(footer + FOOTER_INDEX_CRC,
                (uint32_t)crc32(0, b.data + at, (uInt)size));
    put_u32(footer + FOOTER_CRC, (uint32_t)crc32(0, footer, FOOTER_CRC));
}

static inline mt_status testing_open_safetensors(const char *path,
                                                 struct mt_safetensors **out)
{
    struct mt_state_opening opening = { .lost = 0 };
    uint64_t size;
    int fd;
    mt_status status = mt_file_open(path, &fd, &size, &err);

    return status == MT_OK
               ? mt_safetensors_open(path, fd, size, &opening, out, &err)
               : status;
}

/* Opens the file and reads all arrays; returns the first failure. */
static inline mt_status testing_read_all(const char *path)
{
    struct mt_ckpt *c = NULL;
    mt_status status = mt_ckpt_open(path, &c, &err);

    if (status != MT_OK)
        return status;
    for (size_t i = 0; i < mt_ckpt_count(c) && status == MT_OK; i++) {
        const struct mt_array *a = mt_ckpt_array(c, i);
        void *out = malloc(mt_array_bytes(a) + 1);

        ck_assert_ptr_nonnull(out);
        status = mt_ckpt_read(c, a, out, NULL, &err);
        free(out);
    }
    mt_ckpt_close(c);
    return status;
}

#endif
