/* JPEG by libjpeg-turbo. */
#include <stdlib.h>
#include <string.h>

#include "data/picture_codec.h"

bool mt_jpeg_is(const void *bytes, size_t n)
{
    return n >= 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0;
}

#ifndef MT_JPEG

mt_status mt_jpeg_decode(const char *path, const void *bytes, size_t n,
                         struct mt_picture *out, struct mt_err *err)
{
    (void)bytes;
    (void)n;
    (void)out;
    return mt_fail(err, MT_INVALID,
                   "%s: is a JPEG file, but this mtrain was built without "
                   "libjpeg", path);
}

#else

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>
#include <jerror.h>

/* Progressive files have several scans of the whole picture: with too many, a
 * small file would take very long. */
enum { MAX_SCANS = 500, MEMORY = 1 << 30 };

struct decoder {
    struct jpeg_decompress_struct jpeg; /* first: callbacks get its address */
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf jump;
    const char *path;
    uint8_t *row; /* of CMYK pixels */
    struct mt_err *err;
    mt_status status;
};

static void stop(struct decoder *d)
{
    char why[JMSG_LENGTH_MAX];

    d->jpeg.err->format_message((j_common_ptr)&d->jpeg, why);
    if (d->status == MT_OK)
        d->status = mt_fail(d->err, MT_INVALID, "%s: damaged JPEG file: %s",
                            d->path, why);
    longjmp(d->jump, 1);
}

static void on_error(j_common_ptr jpeg)
{
    stop((struct decoder *)jpeg);
}

/* Warnings that do not affect pixels; all others mean that some are guessed. */
static bool is_harmless(int code)
{
    static const int harmless[] = { JWRN_EXTRANEOUS_DATA, JWRN_JFIF_MAJOR,
                                    JWRN_ADOBE_XFORM, JWRN_TOO_MUCH_DATA };

    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        if (code == harmless[i])
            return true;
    return false;
}

static void on_message(j_common_ptr jpeg, int level)
{
    if (level < 0 && !is_harmless(jpeg->err->msg_code))
        stop((struct decoder *)jpeg);
}

static void on_progress(j_common_ptr jpeg)
{
    struct decoder *d = (struct decoder *)jpeg;

    if (d->jpeg.input_scan_number <= MAX_SCANS)
        return;
    d->status = mt_fail(d->err, MT_INVALID,
                        "%s: a JPEG file of more than %d scans", d->path,
                        MAX_SCANS);
    longjmp(d->jump, 1);
}

/* c k / 255, for inks that Adobe stores inverted. */
static void from_cmyk(const uint8_t *cmyk, size_t n, bool inverted,
                      uint8_t *rgb)
{
    for (size_t i = 0; i < n; i++) {
        unsigned k = inverted ? cmyk[4 * i + 3] : 255u - cmyk[4 * i + 3];

        for (size_t c = 0; c < 3; c++) {
            unsigned ink = inverted ? cmyk[4 * i + c] : 255u - cmyk[4 * i + c];

            rgb[3 * i + c] = (uint8_t)((ink * k + 127) / 255);
        }
    }
}

static void read_rows(struct decoder *d, struct mt_picture *out)
{
    bool cmyk = d->jpeg.out_color_space == JCS_CMYK;

    for (size_t i = 0; i < out->height; i++) {
        uint8_t *to = out->pixels + i * out->width * out->channels;
        JSAMPROW row = cmyk ? d->row : to;

        jpeg_read_scanlines(&d->jpeg, &row, 1);
        if (cmyk)
            from_cmyk(d->row, out->width, d->jpeg.saw_Adobe_marker, to);
    }
}

static void decode(struct decoder *d, const void *bytes, size_t n,
                   struct mt_picture *out)
{
    struct jpeg_decompress_struct *jpeg = &d->jpeg;

    jpeg_create_decompress(jpeg);
    jpeg->mem->max_memory_to_use = MEMORY;
    d->progress.progress_monitor = on_progress;
    jpeg->progress = &d->progress;
    jpeg_mem_src(jpeg, bytes, n);
    jpeg_read_header(jpeg, TRUE);
    jpeg->dct_method = JDCT_ISLOW;
    jpeg->do_fancy_upsampling = TRUE;
    jpeg->do_block_smoothing = FALSE;
    jpeg->out_color_space = jpeg->num_components == 1   ? JCS_GRAYSCALE
                            : jpeg->num_components == 4 ? JCS_CMYK
                                                        : JCS_RGB;
    d->status = mt_picture_make(d->path, jpeg->image_width, jpeg->image_height,
                                jpeg->num_components == 1 ? 1 : 3, out, d->err);
    if (d->status == MT_OK && jpeg->num_components == 4) {
        d->row = malloc(4 * out->width);
        d->status = d->row ? MT_OK : mt_fail_memory(d->err);
    }
    if (d->status != MT_OK)
        return;
    jpeg_start_decompress(jpeg);
    read_rows(d, out);
    jpeg_finish_decompress(jpeg);
}

mt_status mt_jpeg_decode(const char *path, const void *bytes, size_t n,
                         struct mt_picture *out, struct mt_err *err)
{
    struct decoder d = { .path = path, .err = err };

    d.jpeg.err = jpeg_std_error(&d.errors);
    d.errors.error_exit = on_error;
    d.errors.emit_message = on_message;
    if (!setjmp(d.jump))
        decode(&d, bytes, n, out);
    jpeg_destroy_decompress(&d.jpeg);
    free(d.row);
    return d.status;
}

#endif
