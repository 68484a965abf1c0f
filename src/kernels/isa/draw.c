/* Drawing initial values (nn/draw.h), 16 blocks of Philox at a time. */
#include "kernels/isa/internal.h"
#include "kernels/isa/philox16.h"
#include "kernels/isa/vdmath.h"

/* Word k of block base + lane is w[k][lane]. */
struct words {
    uint32_t w[4][VL];
};

VINLINE struct words draw_words(struct mt_philox_key key, uint32_t step,
                                uint64_t base)
{
    struct words out;
    vi w[4];

    philox16(key, step, base, w);
    for (int k = 0; k < 4; k++)
        vi_store((int32_t *)out.w[k], w[k]);
    return out;
}

/* Element e is a + width (w + 1/2) / 2^32, rounded to float and held to
 * [low, high], where w is word e % 4 of block e / 4. */
void MT_FN(draw_uniform)(float *y, size_t n, uint64_t first,
                         struct mt_philox_key key, double a, double width,
                         float low, float high)
{
    for (size_t at = 0; at < n; at += 4 * VL) {
        struct words words = draw_words(key, 0, (first + at) / 4);
        float x[4][VL];

        for (size_t k = 0; k < 4; k++) {
            for (size_t l = 0; l < VL; l += VD) {
                vd u = (vd_from(vu_load32(&words.w[k][l])) + 0.5) * 0x1p-32;

                vd_store_float(&x[k][l], a + width * u);
            }
            vf_store(x[k], vf_min(vf_set1(high),
                                  vf_max(vf_set1(low), vf_load(x[k]))));
        }
        for (size_t i = 0; i < 4 * VL && at + i < n; i++)
            y[at + i] = x[i % 4][i / 4];
    }
}

/* mt_philox_uniform: (b + 1/2) / 2^52, b being 52 bits of two words */
VINLINE vd uniform52(const uint32_t *high, const uint32_t *low)
{
    vu bits = vu_load32(high) << 32 | vu_load32(low);

    return (vd_from(bits >> 12) + 0.5) * 0x1p-52;
}

/* Box and Muller: from u and v of a block
 *     z0 = sqrt(-2 log u) cos(2 pi v), z1 = sqrt(-2 log u) sin(2 pi v) */
VINLINE void draw_normals(struct mt_philox_key key, uint32_t step,
                          uint64_t base, double z[2 * VL])
{
    struct words words = draw_words(key, step, base);
    double z0[VL], z1[VL];

    for (size_t l = 0; l < VL; l += VD) {
        vd u = uniform52(&words.w[0][l], &words.w[1][l]);
        vd v = uniform52(&words.w[2][l], &words.w[3][l]);
        vd r = vd_sqrt(-2.0 * vd_log(u)), c, s;

        vd_cossinpi(2.0 * v, &c, &s);
        c = r * c;
        s = r * s;
        memcpy(&z0[l], &c, sizeof c);
        memcpy(&z1[l], &s, sizeof s);
    }
    for (size_t l = 0; l < VL; l++) {
        z[2 * l] = z0[l];
        z[2 * l + 1] = z1[l];
    }
}

void MT_FN(normals)(double *z, size_t blocks, uint64_t first,
                    struct mt_philox_key key, uint32_t step)
{
    for (size_t at = 0; at < blocks; at += VL) {
        size_t n = blocks - at < VL ? blocks - at : VL;
        double some[2 * VL];

        draw_normals(key, step, first + at, some);
        memcpy(z + 2 * at, some, 2 * n * sizeof *z);
    }
}

void MT_FN(draw_normal)(float *y, size_t n, uint64_t first,
                        struct mt_philox_key key, double mean, double std)
{
    for (size_t at = 0; at < n; at += 2 * VL) {
        double z[2 * VL];
        float x[2 * VL];

        draw_normals(key, 0, (first + at) / 2, z);
        for (size_t i = 0; i < 2 * VL; i += VD) {
            vd part;

            memcpy(&part, &z[i], sizeof part);
            vd_store_float(&x[i], mean + std * part);
        }
        memcpy(y + at, x, (n - at < 2 * VL ? n - at : 2 * VL) * sizeof *y);
    }
}
