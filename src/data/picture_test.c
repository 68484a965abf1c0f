#include "data/picture.h"

#include "data/testing.h"

/* The pictures of testdata/pictures, all 19 x 13, each with NAME.raw, which is
 * Pillow's result (make.py there): RGB, L, and RGB resized twice. */
enum { W = 19, H = 13, UP_W = 31, UP_H = 29, DOWN_W = 5, DOWN_H = 7 };
enum { RGB = 3 * W * H, GREY = W * H, UP = 3 * UP_W * UP_H,
       DOWN = 3 * DOWN_W * DOWN_H };

static const char *const pictures[] = {
    "bit.png",  "grey.png",        "grey-alpha.png", "palette.png",
    "rgb.png",  "palette-clear.png", "rgb-clear.png",  "rgba.png",
    "rgb16.png", "interlaced.png", "grey.jpg",       "rgb.jpg",
    "rgb444.jpg", "progressive.jpg", "cmyk.jpg",
};

enum { N_PICTURES = sizeof pictures / sizeof *pictures };

static void read_whole(const char *path, struct mt_bytes *out)
{
    ck_assert_msg(mt_file_read(path, 1 << 20, out, &test_err) == MT_OK, "%s",
                  test_err.text);
}

static void read_named(const char *name, struct mt_bytes *out)
{
    char path[100];

    snprintf(path, sizeof path, "testdata/pictures/%s", name);
    read_whole(path, out);
}

static void read_expected(const char *name, struct mt_bytes *out)
{
    char path[100];

    snprintf(path, sizeof path, "testdata/pictures/%s.raw", name);
    *strrchr(path, '.') = '\0';
    *strrchr(path, '.') = '-';
    strcat(path, ".raw");
    read_whole(path, out);
    ck_assert_uint_eq(out->n, RGB + GREY + UP + DOWN);
}

/* A build without the library refuses such pictures: there is nothing to
 * test. */
static bool built_with(const char *name)
{
    struct mt_picture p;
    struct mt_bytes in;
    bool built;

    read_named(name, &in);
    test_err = (struct mt_err)MT_ERR_INIT;
    mt_picture_decode(name, in.data, in.n, 3, &p, &test_err);
    built = !strstr(test_err.text, "was built without");
    free(p.pixels);
    free(in.data);
    return built;
}

static void check_resized(const char *name, const struct mt_picture *p,
                          size_t height, size_t width, const uint8_t *expected)
{
    uint8_t *out = malloc(height * width * p->channels);

    ck_assert_ptr_nonnull(out);
    ck_assert_int_eq(mt_picture_resize(p, height, width, out, &test_err),
                     MT_OK);
    for (size_t i = 0; i < height * width * p->channels; i++)
        ck_assert_msg(out[i] == expected[i],
                      "%s at %zu x %zu: byte %zu is %d, expected %d", name,
                      width, height, i, out[i], expected[i]);
    free(out);
}

static void check_decoded(const char *name, const struct mt_bytes *in,
                          size_t channels, const uint8_t *expected,
                          struct mt_picture *p)
{
    ck_assert_msg(mt_picture_decode(name, in->data, in->n, channels, p,
                                    &test_err) == MT_OK, "%s", test_err.text);
    ck_assert_uint_eq(p->width, W);
    ck_assert_uint_eq(p->height, H);
    ck_assert_uint_eq(p->channels, channels);
    check_resized(name, p, H, W, expected);
}

START_TEST(test_as_pillow)
{
    const char *name = pictures[_i];
    struct mt_bytes in, expected;
    struct mt_picture p;

    if (!built_with(name))
        return;
    read_named(name, &in);
    read_expected(name, &expected);
    ck_assert(mt_picture_is(in.data, in.n));
    check_decoded(name, &in, 1, expected.data + RGB, &p);
    free(p.pixels);
    check_decoded(name, &in, 3, expected.data, &p);
    check_resized(name, &p, UP_H, UP_W, expected.data + RGB + GREY);
    check_resized(name, &p, DOWN_H, DOWN_W, expected.data + RGB + GREY + UP);
    free(p.pixels);
    free(in.data);
    free(expected.data);
}
END_TEST

/* One value everywhere stays that value at any size. */
START_TEST(test_resize_constant)
{
    uint8_t in[3 * 4 * 5], out[3 * 17 * 17];
    struct mt_picture p = { 4, 5, 3, in };

    memset(in, 201, sizeof in);
    for (size_t h = 1; h <= 17; h++)
        for (size_t w = 1; w <= 17; w++) {
            memset(out, 0, sizeof out);
            ck_assert_int_eq(mt_picture_resize(&p, h, w, out, &test_err),
                             MT_OK);
            for (size_t i = 0; i < h * w * 3; i++)
                ck_assert_int_eq(out[i], 201);
        }
    p = (struct mt_picture){ 1, 1, 1, in };
    ck_assert_int_eq(mt_picture_resize(&p, 9, 3, out, &test_err), MT_OK);
    for (size_t i = 0; i < 27; i++)
        ck_assert_int_eq(out[i], 201);
}
END_TEST

static void check_refused(const char *name, const void *bytes, size_t n,
                          const char *cause)
{
    struct mt_picture p;
    mt_status status;

    test_err = (struct mt_err)MT_ERR_INIT;
    status = mt_picture_decode(name, bytes, n, 3, &p, &test_err);
    ck_assert_msg(status == MT_INVALID, "%s: status %d, expected \"%s\"", name,
                  status, cause);
    ck_assert_ptr_null(p.pixels);
    ck_assert_msg(strncmp(test_err.text, name, strlen(name)) == 0 &&
                      strstr(test_err.text, cause), "%s: \"%s\"\nlacks \"%s\"",
                  name, test_err.text, cause);
}

START_TEST(test_no_picture)
{
    ck_assert(!mt_picture_is("", 0));
    ck_assert(!mt_picture_is("\x89PNG\r\n\x1a", 7));
    check_refused("a.png", "", 0, "is neither a PNG nor a JPEG file");
    check_refused("a.png", "GIF89a..", 8, "is neither a PNG nor a JPEG file");
    if (built_with("rgb.png"))
        check_refused("a.png", "\x89PNG\r\n\x1a\n", 8, "damaged PNG file");
    if (built_with("rgb.jpg"))
        check_refused("a.jpg", "\xff\xd8\xff\xd9", 4, "damaged JPEG file");
}
END_TEST

/* Truncated at every byte. A JPEG file without its last two bytes, the end
 * marker, is damaged, too. */
START_TEST(test_cut)
{
    const char *name = pictures[_i];
    struct mt_bytes in;

    if (!built_with(name))
        return;
    read_named(name, &in);
    for (size_t n = 0; n < in.n; n++) {
        uint8_t *part = malloc(n + 1); /* its own end, for a sanitizer */

        memcpy(part, in.data, n);
        check_refused("cut", part, n, n < 3 ? "is neither" : "");
        free(part);
    }
    free(in.data);
}
END_TEST

/* Every bit of a PNG file's critical chunks is covered by a checksum. */
START_TEST(test_flipped_bits)
{
    const char *name = pictures[_i];
    bool png = strstr(name, ".png") != NULL;
    struct mt_bytes in;
    struct mt_picture p;

    if (!built_with(name))
        return;
    read_named(name, &in);
    for (size_t i = 0; i < in.n; i++) {
        in.data[i] ^= (uint8_t)(1 << i % 8);
        test_err = (struct mt_err)MT_ERR_INIT;
        mt_status status =
            mt_picture_decode("bad", in.data, in.n, 3, &p, &test_err);

        if (status == MT_OK)
            ck_assert_ptr_nonnull(p.pixels);
        else
            ck_assert_msg(status == MT_INVALID && !p.pixels &&
                              !strncmp(test_err.text, "bad: ", 5),
                          "%s, byte %zu: %s", name, i, test_err.text);
        if (png && i < 8 + 8 + 13 + 4)
            ck_assert_msg(status == MT_INVALID, "%s, byte %zu", name, i);
        free(p.pixels);
        in.data[i] ^= (uint8_t)(1 << i % 8);
    }
    free(in.data);
}
END_TEST

static void put_u32(uint8_t *at, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* rgb.png with another width and height in its header. */
static void check_png_sides(uint32_t width, uint32_t height, const char *cause)
{
    enum { HEADER = 8 + 4, SIDES = HEADER + 4, CRC = SIDES + 13 };
    struct mt_bytes in;

    read_named("rgb.png", &in);
    put_u32(in.data + SIDES, width);
    put_u32(in.data + SIDES + 4, height);
    put_u32(in.data + CRC,
            (uint32_t)crc32(0, in.data + HEADER, CRC - HEADER));
    check_refused("sides.png", in.data, in.n, cause);
    free(in.data);
}

START_TEST(test_png_sides)
{
    if (!built_with("rgb.png"))
        return;
    check_png_sides(0, H, "damaged PNG file");
    check_png_sides(W, 0, "damaged PNG file");
    check_png_sides(MT_PICTURE_MAX_SIDE + 1, 1, "damaged PNG file");
    check_png_sides(0x7fffffff, 0x7fffffff, "damaged PNG file");
    check_png_sides(MT_PICTURE_MAX_SIDE, MT_PICTURE_MAX_SIDE,
                    "a picture of 65500 x 65500; expected sides of 1 to 65500 "
                    "and at most 67108864 pixels");
    check_png_sides(8193, 8192, "a picture of 8193 x 8192");
    check_png_sides(W, H + 1, "damaged PNG file");
}
END_TEST

/* rgb.jpg with another width and height in its frame header (marker FF C0,
 * two bytes of length, one of precision, height, width). */
static void check_jpeg_sides(unsigned width, unsigned height, const char *cause)
{
    struct mt_bytes in;
    uint8_t *frame;

    read_named("rgb.jpg", &in);
    frame = memmem(in.data, in.n, "\xff\xc0", 2);
    ck_assert_ptr_nonnull(frame);
    frame[5] = (uint8_t)(height >> 8);
    frame[6] = (uint8_t)height;
    frame[7] = (uint8_t)(width >> 8);
    frame[8] = (uint8_t)width;
    check_refused("sides.jpg", in.data, in.n, cause);
    free(in.data);
}

START_TEST(test_jpeg_sides)
{
    if (!built_with("rgb.jpg"))
        return;
    check_jpeg_sides(0, H, "damaged JPEG file");
    check_jpeg_sides(W, 0, "damaged JPEG file");
    check_jpeg_sides(65535, 1, "");
    check_jpeg_sides(65500, 65500, "a picture of 65500 x 65500; expected");
    check_jpeg_sides(8192, 8192, "damaged JPEG file");
    check_jpeg_sides(W, 1000, "damaged JPEG file");
}
END_TEST

static size_t add(uint8_t *out, size_t at, const void *bytes, size_t n)
{
    memcpy(out + at, bytes, n);
    return at + n;
}

/* A valid progressive JPEG of 8 x 8 grey pixels, all 128: the DC scan, then
 * `scans` more, each of one bit of one coefficient. Every code is the single
 * bit 0, for the symbol 0. */
static size_t make_scans(uint8_t *out, int scans)
{
    static const uint8_t frame[] = { 0xff, 0xc2, 0, 11, 8, 0, 8, 0, 8, 1, 1,
                                     0x11, 0 };
    uint8_t quant[69] = { 0xff, 0xdb, 0, 67, 0 };
    uint8_t codes[22] = { 0xff, 0xc4, 0, 20, 0, 1 };
    size_t n = add(out, 0, "\xff\xd8", 2);

    memset(quant + 5, 1, 64);
    n = add(out, n, quant, sizeof quant);
    n = add(out, n, frame, sizeof frame);
    n = add(out, n, codes, sizeof codes);
    codes[4] = 0x10;
    n = add(out, n, codes, sizeof codes);
    n = add(out, n, "\xff\xda\0\10\1\1\0\0\0\0\x7f", 11);
    for (int i = 0; i < scans; i++) {
        uint8_t scan[] = { 0xff, 0xda, 0, 8, 1, 1, 0, 0, 0, 0, 0x7f };
        int bit = 10 - i / 63;

        scan[7] = scan[8] = (uint8_t)(1 + i % 63);
        scan[9] = (uint8_t)((bit == 10 ? 0 : bit + 1) << 4 | bit);
        n = add(out, n, scan, sizeof scan);
    }
    return add(out, n, "\xff\xd9", 2);
}

START_TEST(test_jpeg_scans)
{
    uint8_t bytes[12000];
    struct mt_picture p;

    if (!built_with("rgb.jpg"))
        return;
    ck_assert_msg(mt_picture_decode("scans.jpg", bytes, make_scans(bytes, 60), 1,
                                    &p, &test_err) == MT_OK, "%s",
                  test_err.text);
    for (int i = 0; i < 64; i++)
        ck_assert_int_eq(p.pixels[i], 128);
    free(p.pixels);
    check_refused("scans.jpg", bytes, make_scans(bytes, 690),
                  "a JPEG file of more than ");
}
END_TEST

START_TEST(test_read)
{
    struct mt_picture p;

    ck_assert_int_eq(mt_picture_read(test_path("none.png"), 3, &p, &test_err),
                     MT_IO);
    ck_assert_ptr_null(p.pixels);
    ck_assert_ptr_nonnull(strstr(test_err.text, "none.png"));
    test_puts("empty.png", "");
    ck_assert_int_eq(mt_picture_read(test_path("empty.png"), 3, &p, &test_err),
                     MT_INVALID);
    ck_assert_ptr_null(p.pixels);
    if (!built_with("rgb.png"))
        return;
    ck_assert_int_eq(mt_picture_read("testdata/pictures/rgb.png", 1, &p,
                                     &test_err), MT_OK);
    ck_assert_uint_eq(p.channels, 1);
    free(p.pixels);
}
END_TEST

Suite *picture_suite(void);

Suite *picture_suite(void)
{
    Suite *suite = suite_create("picture");
    TCase *tc = test_case(suite, "picture");

    tcase_add_loop_test(tc, test_as_pillow, 0, N_PICTURES);
    tcase_add_test(tc, test_resize_constant);
    tcase_add_test(tc, test_no_picture);
    tcase_add_loop_test(tc, test_cut, 0, N_PICTURES);
    tcase_add_loop_test(tc, test_flipped_bits, 0, N_PICTURES);
    tcase_add_test(tc, test_png_sides);
    tcase_add_test(tc, test_jpeg_sides);
    tcase_add_test(tc, test_jpeg_scans);
    tcase_add_test(tc, test_read);
    return suite;
}
