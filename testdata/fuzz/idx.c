/* IDX files: as they are, and the same bytes gzipped. The first byte says
 * whether they are images, to train on or to predict from, or labels. */
#include <zlib.h>

#include "ckpt/ckpt_format.h"
#include "dataset.h"

/* Elements of an image, as the header has it; 1: it has none. */
static size_t elements_of(const uint8_t *head, size_t n)
{
    size_t elements = 1;

    for (size_t at = 8; n >= 4 && at < 4 + 4 * (size_t)head[3] && at + 4 <= n;
         at += 4)
        if (elements < 256)
            elements *= (size_t)head[at + 2] << 8 | head[at + 3];
    return elements ? elements : 1;
}

static void read_pair(const struct fuzz_file *images,
                      const struct fuzz_file *labels, bool as_images)
{
    struct mt_data_request request = { .seed = 1 };
    char text[128];

    snprintf(text, sizeof text, "{\"type\":\"idx\",\"train\":[\"%s\",\"%s\"]}",
             images->path, labels->path);
    fuzz_dataset(&request, fuzz_spec(1 + as_images, text));
}

/* One stored block after another: the reader unpacks as from any gzip. */
static size_t gzip(const uint8_t *bytes, size_t n, uint8_t *out)
{
    static const uint8_t header[10] = { 0x1f, 0x8b, 8, [9] = 3 };
    uint32_t crc = (uint32_t)crc32(0, bytes, (uInt)n);
    size_t at = sizeof header, taken = 0;

    memcpy(out, header, sizeof header);
    do {
        size_t some = n - taken < 0xffff ? n - taken : 0xffff;

        out[at] = taken + some == n;
        put_u16(out + at + 1, (uint16_t)some);
        put_u16(out + at + 3, (uint16_t)~some);
        memcpy(out + at + 5, bytes + taken, some);
        at += 5 + some;
        taken += some;
    } while (taken < n);
    put_u32(out + at, crc);
    put_u32(out + at + 4, (uint32_t)n);
    return at + 8;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const uint8_t images[] = { 0, 0, 8, 2, 0, 0, 0, 2,
                                      0, 0, 0, 2, 1, 2, 3, 4 };
    static const uint8_t labels[] = { 0, 0, 8, 1, 0, 0, 0, 2, 0, 1 };
    static struct fuzz_file plain, other;
    uint8_t *out = n ? malloc(n + 64 + n / 0xffff * 5) : NULL;
    size_t size, elements;
    bool as_images;

    if (!out)
        return 0;
    as_images = *bytes & 1;
    elements = elements_of(bytes + 1, n - 1);
    size = gzip(bytes + 1, n - 1, out);
    for (int packed = 0; packed < 2; packed++) {
        fuzz_write(&plain, 0, packed ? out : bytes + 1, packed ? size : n - 1);
        if (as_images)
            fuzz_write(&other, 1, labels, sizeof labels);
        else
            fuzz_write(&other, 1, images, sizeof images);
        if (*bytes & 2)
            fuzz_predict(&plain, elements, 0,
                         fuzz_spec(0, "{\"type\":\"idx\"}"));
        else
            read_pair(as_images ? &plain : &other, as_images ? &other : &plain,
                      as_images);
    }
    free(out);
    return 0;
}
