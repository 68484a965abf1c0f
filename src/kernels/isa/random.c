/* Dropout. */
#include "kernels/isa/internal.h"
#include "kernels/isa/philox16.h"

/* Element e of the stream belongs to word e / 16 % 4 of the block with index
 * e / 64 * 16 + e % 16. */
void MT_FN(dropout)(float *y, const float *x, size_t n, size_t first,
                    struct mt_philox_key key, uint32_t step,
                    uint32_t threshold, float scale)
{
    vi flip = vi_set1(INT32_MIN); /* unsigned order as signed order */
    vi limit = vi_xor(vi_set1((int32_t)threshold), flip);
    vf s = vf_set1(scale);

    for (size_t at = 0; at < n; at += 4 * VL) {
        vi w[4];

        philox16(key, step, (uint64_t)(first + at) / 4, w);
        for (size_t k = 0; k < 4 && at + k * VL < n; k++) {
            size_t i = at + k * VL, left = n - i;
            vm drop = vi_lt(vi_xor(w[k], flip), limit);
            vf v = left >= VL ? vf_load(x + i) : vf_load_n(x + i, left);

            v = vf_sel(drop, vf_zero(), vf_mul(v, s));
            if (left >= VL)
                vf_store(y + i, v);
            else
                vf_store_n(y + i, v, left);
        }
    }
}
