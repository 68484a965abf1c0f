#include "plot/png.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#ifdef MT_PNG

#include <png.h>

static struct mt_raster draw(void)
{
    struct mt_raster r;
    struct mt_err err = MT_ERR_INIT;
    struct mt_type type = { 20, 0x0072B2, MT_ANCHOR_MIDDLE, false };

    ck_assert_int_eq(mt_raster_start(&r, 61, 33, 2, &err), MT_OK);
    r.canvas.ops->text(&r.canvas, (struct mt_point){ 30, 20 }, "plot", NULL,
                       &type);
    return r;
}

/* libpng reads back what was drawn. */
START_TEST(pixels_survive)
{
    struct mt_raster r = draw();
    struct mt_strbuf out = MT_STRBUF_INIT;
    struct mt_err err = MT_ERR_INIT;
    png_image image = { .version = PNG_IMAGE_VERSION };
    size_t n = 3 * r.columns * r.rows;
    unsigned char *back = malloc(n);

    ck_assert_int_eq(mt_png_available(&err), MT_OK);
    ck_assert_int_eq(mt_png_write(&r, &out, &err), MT_OK);
    ck_assert(png_image_begin_read_from_memory(&image, out.text, out.len));
    ck_assert_uint_eq(image.width, 122);
    ck_assert_uint_eq(image.height, 66);
    image.format = PNG_FORMAT_RGB;
    ck_assert(png_image_finish_read(&image, NULL, back, 0, NULL));
    ck_assert_int_eq(memcmp(back, r.rgb, n), 0);
    free(back);
    mt_strbuf_free(&out);
    mt_raster_free(&r);
}
END_TEST

START_TEST(the_bytes_are_the_same)
{
    struct mt_raster r = draw();
    struct mt_strbuf a = MT_STRBUF_INIT, b = MT_STRBUF_INIT;
    struct mt_err err = MT_ERR_INIT;

    ck_assert_int_eq(mt_png_write(&r, &a, &err), MT_OK);
    ck_assert_int_eq(mt_png_write(&r, &b, &err), MT_OK);
    ck_assert_uint_eq(a.len, b.len);
    ck_assert_int_eq(memcmp(a.text, b.text, a.len), 0);
    mt_strbuf_free(&a);
    mt_strbuf_free(&b);
    mt_raster_free(&r);
}
END_TEST

/* A failed allocation is reported, and nothing leaks. */
START_TEST(faults_are_told)
{
    struct mt_raster r = draw();
    struct mt_strbuf out = { .failed = true };
    struct mt_err err = MT_ERR_INIT;

    ck_assert_int_eq(mt_png_write(&r, &out, &err), MT_NO_MEMORY);
    ck_assert_ptr_nonnull(strstr(err.text, "memory"));
    mt_raster_free(&r);
}
END_TEST

#else

START_TEST(it_says_what_to_do)
{
    struct mt_err err = MT_ERR_INIT;

    ck_assert_int_eq(mt_png_available(&err), MT_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, ".svg"));
}
END_TEST

#endif

Suite *png_suite(void);
Suite *png_suite(void)
{
    Suite *s = suite_create("png");
    TCase *t = tcase_create("core");

#ifdef MT_PNG
    tcase_add_test(t, pixels_survive);
    tcase_add_test(t, the_bytes_are_the_same);
    tcase_add_test(t, faults_are_told);
#else
    tcase_add_test(t, it_says_what_to_do);
#endif
    suite_add_tcase(s, t);
    return s;
}
