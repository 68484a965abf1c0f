/* Names of the same part, as several programs write them. */
#include <check.h>
#include <string.h>

#include "train/layouts.h"

Suite *layouts_suite(void);

static void same(const char *a, const char *b)
{
    struct mt_arena arena = MT_ARENA_INIT;
    const char *x = mt_layout_name(a, &arena), *y = mt_layout_name(b, &arena);

    ck_assert_str_eq(x, y);
    mt_arena_free(&arena);
}

START_TEST(names)
{
    same("h.0.attn.c_attn.weight", "h0.self_attn.in_proj_weight");
    same("h.11.attn.c_attn.bias", "h11.self_attn.in_proj_bias");
    same("h.0.mlp.c_proj.weight", "h.0.linear2.weight");
    same("h.0.attn.c_proj.bias", "h0.self_attn.out_proj.bias");
    same("h.0.ln_1.weight", "h0.norm1.weight");
    same("layer.3.attention.output.LayerNorm.bias", "layer3.norm1.bias");
    same("blocks.2.attn.qkv.weight", "blocks.2.self_attn.in_proj_weight");
    same("dense/kernel:0", "dense.weight");
    same("bn/moving_variance:0", "bn.running_var");
    same("params/Dense_0/bias", "params.Dense_0.bias");
    same("0.weight", "0.weight");
    same("", "");
}
END_TEST

START_TEST(others)
{
    struct mt_arena arena = MT_ARENA_INIT;

    ck_assert_str_eq(mt_layout_name("my_kernel.weight", &arena),
                     "my_kernel.weight");
    ck_assert_str_eq(mt_layout_name("kernel", &arena), "kernel");
    ck_assert_str_eq(mt_layout_name("fc.mean:x", &arena), "fc.mean:x");
    ck_assert_str_eq(mt_layout_name("aln_1.weight", &arena), "aln_1.weight");
    mt_arena_free(&arena);
    ck_assert(mt_layout_is_kernel("dense/kernel:0"));
    ck_assert(mt_layout_is_kernel("Dense_0.kernel"));
    ck_assert(!mt_layout_is_kernel("kernel.weight"));
    ck_assert(!mt_layout_is_kernel("ernel"));
}
END_TEST

Suite *layouts_suite(void)
{
    Suite *s = suite_create("layouts");
    TCase *t = tcase_create("names");

    tcase_add_test(t, names);
    tcase_add_test(t, others);
    suite_add_tcase(s, t);
    return s;
}
