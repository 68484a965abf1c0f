/*
 * Optimizer passes over flat memory, with the update rules of torch.optim. The
 * arrays may be read and written up to a multiple of 16 values past n: flat
 * blocks are padded. `zeros` gathers 0 g, which is 0 while all g are finite.
 */
#include "kernels/isa/internal.h"

/* a / b, but 0 / 0 is 0: with eps = 0, a value whose gradients were all 0 (as
 * those of padding are) stays where it is. */
VINLINE vf quotient(vf a, vf b)
{
    return vf_sel(vf_eq(a, vf_zero()), a, vf_div(a, b));
}

/* g = sign g + weight_decay p
 * buf = momentum buf + (1 - dampening) g     (g itself on the first step)
 * g = g + momentum buf (Nesterov), or buf
 * p = p - lr g */
bool MT_FN(sgd)(float *p, const float *g, float *buf, size_t n,
                const struct mt_sgd_step *s)
{
    vf lr = vf_set1(s->lr), wd = vf_set1(s->weight_decay);
    vf momentum = vf_set1(s->momentum), sign = vf_set1(s->sign);
    vf damp = vf_set1(s->one_minus_dampening), zeros = vf_zero();

    for (size_t i = 0; i < n; i += VL) {
        vf w = vf_load(p + i);
        vf gi = vf_load(g + i);
        vf d = vf_fma(wd, w, vf_mul(sign, gi));

        zeros = vf_fma(gi, vf_zero(), zeros);
        if (buf) {
            vf b = d;

            if (!s->first)
                b = vf_fma(damp, d, vf_mul(momentum, vf_load(buf + i)));
            vf_store(buf + i, b);
            d = s->nesterov ? vf_fma(momentum, b, d) : b;
        }
        vf_store(p + i, vf_fnma(lr, d, w));
    }
    return vf_sum(zeros) == 0;
}

/* g = sign g + l2 p;  p = decay p
 * m = beta1 m + (1 - beta1) g
 * v = beta2 v + (1 - beta2) g^2;  vmax = max(vmax, v)
 * p = p - step_size m / (sqrt(v or vmax) / sqrt(1 - beta2^t) + eps) */
bool MT_FN(adam)(float *p, const float *g, float *m, float *v, float *vmax,
                 size_t n, const struct mt_adam_step *s)
{
    vf beta1 = vf_set1(s->beta1), beta2 = vf_set1(s->beta2);
    vf rest1 = vf_set1(s->one_minus_beta1), rest2 = vf_set1(s->one_minus_beta2);
    vf eps = vf_set1(s->eps), size = vf_set1(s->step_size);
    vf inv = vf_set1(s->inv_bc2_sqrt), l2 = vf_set1(s->l2);
    vf decay = vf_set1(s->decay), sign = vf_set1(s->sign);
    vf zeros = vf_zero();

    for (size_t i = 0; i < n; i += VL) {
        vf w = vf_load(p + i);
        vf gi = vf_load(g + i), d = vf_fma(l2, w, vf_mul(sign, gi));
        vf mi = vf_fma(rest1, d, vf_mul(beta1, vf_load(m + i)));
        vf vn = vf_fma(vf_mul(rest2, d), d, vf_mul(beta2, vf_load(v + i)));
        vf top = vn;

        zeros = vf_fma(gi, vf_zero(), zeros);
        vf_store(m + i, mi);
        vf_store(v + i, vn);
        if (s->amsgrad) {
            top = vf_max(vf_load(vmax + i), vn);
            vf_store(vmax + i, top);
        }
        vf q = quotient(mi, vf_fma(vf_sqrt(top), inv, eps));

        vf_store(p + i, vf_fnma(size, q, vf_mul(w, decay)));
    }
    return vf_sum(zeros) == 0;
}

/* g = sign g + l2 p
 * sq = alpha sq + (1 - alpha) g^2
 * centered: avg = alpha avg + (1 - alpha) g,  top = sq - avg^2;  else top = sq
 * q = g / (sqrt(top) + eps)
 * momentum: buf = momentum buf + q,  q = buf
 * p = p - lr q */
bool MT_FN(rmsprop)(float *p, const float *g, float *sq, float *avg, float *buf,
                    size_t n, const struct mt_rmsprop_step *s)
{
    vf lr = vf_set1(s->lr), l2 = vf_set1(s->l2), sign = vf_set1(s->sign);
    vf alpha = vf_set1(s->alpha), rest = vf_set1(s->one_minus_alpha);
    vf eps = vf_set1(s->eps), momentum = vf_set1(s->momentum);
    vf zeros = vf_zero();

    for (size_t i = 0; i < n; i += VL) {
        vf w = vf_load(p + i);
        vf gi = vf_load(g + i), d = vf_fma(l2, w, vf_mul(sign, gi));
        vf top = vf_fma(vf_mul(rest, d), d, vf_mul(alpha, vf_load(sq + i)));

        zeros = vf_fma(gi, vf_zero(), zeros);
        vf_store(sq + i, top);
        if (avg) {
            vf a = vf_fma(rest, d, vf_mul(alpha, vf_load(avg + i)));

            vf_store(avg + i, a);
            /* Rounding can bring a variance of 0 below 0. */
            top = vf_max(vf_fnma(a, a, top), vf_zero());
        }
        vf q = quotient(d, vf_add(vf_sqrt(top), eps));

        if (buf) {
            q = vf_fma(momentum, vf_load(buf + i), q);
            vf_store(buf + i, q);
        }
        vf_store(p + i, vf_fnma(lr, q, w));
    }
    return vf_sum(zeros) == 0;
}

/* g = sign g + l2 p;  sum = sum + g^2
 * p = p - lr g / (sqrt(sum) + eps) */
bool MT_FN(adagrad)(float *p, const float *g, float *sum, size_t n,
                    const struct mt_adagrad_step *s)
{
    vf lr = vf_set1(s->lr), l2 = vf_set1(s->l2), sign = vf_set1(s->sign);
    vf eps = vf_set1(s->eps), zeros = vf_zero();

    for (size_t i = 0; i < n; i += VL) {
        vf w = vf_load(p + i);
        vf gi = vf_load(g + i), d = vf_fma(l2, w, vf_mul(sign, gi));
        vf top = vf_fma(d, d, vf_load(sum + i));
        vf q = quotient(d, vf_add(vf_sqrt(top), eps));

        zeros = vf_fma(gi, vf_zero(), zeros);
        vf_store(sum + i, top);
        vf_store(p + i, vf_fnma(lr, q, w));
    }
    return vf_sum(zeros) == 0;
}

/* g = sign g + l2 p;  sq = rho sq + (1 - rho) g^2
 * q = sqrt(acc + eps) / sqrt(sq + eps) g
 * acc = rho acc + (1 - rho) q^2;  p = p - lr q */
bool MT_FN(adadelta)(float *p, const float *g, float *sq, float *acc, size_t n,
                     const struct mt_adadelta_step *s)
{
    vf lr = vf_set1(s->lr), l2 = vf_set1(s->l2), sign = vf_set1(s->sign);
    vf rho = vf_set1(s->rho), rest = vf_set1(s->one_minus_rho);
    vf eps = vf_set1(s->eps), zeros = vf_zero();

    for (size_t i = 0; i < n; i += VL) {
        vf w = vf_load(p + i), before = vf_load(acc + i);
        vf gi = vf_load(g + i), d = vf_fma(l2, w, vf_mul(sign, gi));
        vf top = vf_fma(vf_mul(rest, d), d, vf_mul(rho, vf_load(sq + i)));
        vf ratio = quotient(vf_sqrt(vf_add(before, eps)),
                            vf_sqrt(vf_add(top, eps)));
        vf q = vf_mul(ratio, d);

        zeros = vf_fma(gi, vf_zero(), zeros);
        vf_store(sq + i, top);
        vf_store(acc + i, vf_fma(vf_mul(rest, q), q, vf_mul(rho, before)));
        vf_store(p + i, vf_fnma(lr, q, w));
    }
    return vf_sum(zeros) == 0;
}

/* g = sign g + l2 p;  m = beta1 m + (1 - beta1) g
 * u = max(beta2 u, |g| + eps);  p = p - step_size m / u */
bool MT_FN(adamax)(float *p, const float *g, float *m, float *u, size_t n,
                   const struct mt_adamax_step *s)
{
    vf beta1 = vf_set1(s->beta1), rest1 = vf_set1(s->one_minus_beta1);
    vf beta2 = vf_set1(s->beta2), eps = vf_set1(s->eps);
    vf size = vf_set1(s->step_size), l2 = vf_set1(s->l2);
    vf sign = vf_set1(s->sign), zeros = vf_zero();

    for (size_t i = 0; i < n; i += VL) {
        vf w = vf_load(p + i);
        vf gi = vf_load(g + i), d = vf_fma(l2, w, vf_mul(sign, gi));
        vf mi = vf_fma(rest1, d, vf_mul(beta1, vf_load(m + i)));
        vf top = vf_max(vf_mul(beta2, vf_load(u + i)), vf_add(vf_abs(d), eps));

        zeros = vf_fma(gi, vf_zero(), zeros);
        vf_store(m + i, mi);
        vf_store(u + i, top);
        vf_store(p + i, vf_fnma(size, quotient(mi, top), w));
    }
    return vf_sum(zeros) == 0;
}

/* g = sign g + l2 p;  p = decay p
 * m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
 * rectified: p = p - step_size m / (sqrt(v) + eps);  else p - step_size m */
bool MT_FN(radam)(float *p, const float *g, float *m, float *v, size_t n,
                  const struct mt_radam_step *s)
{
    vf beta1 = vf_set1(s->beta1), rest1 = vf_set1(s->one_minus_beta1);
    vf beta2 = vf_set1(s->beta2), rest2 = vf_set1(s->one_minus_beta2);
    vf eps = vf_set1(s->eps), size = vf_set1(s->step_size);
    vf l2 = vf_set1(s->l2), decay = vf_set1(s->decay);
    vf sign = vf_set1(s->sign), zeros = vf_zero();

    for (size_t i = 0; i < n; i += VL) {
        vf w = vf_load(p + i);
        vf gi = vf_load(g + i), d = vf_fma(l2, w, vf_mul(sign, gi));
        vf mi = vf_fma(rest1, d, vf_mul(beta1, vf_load(m + i)));
        vf vn = vf_fma(vf_mul(rest2, d), d, vf_mul(beta2, vf_load(v + i)));
        vf q = mi;

        zeros = vf_fma(gi, vf_zero(), zeros);
        vf_store(m + i, mi);
        vf_store(v + i, vn);
        if (s->rectified)
            q = quotient(mi, vf_add(vf_sqrt(vn), eps));
        vf_store(p + i, vf_fnma(size, q, vf_mul(w, decay)));
    }
    return vf_sum(zeros) == 0;
}

/* g = sign g + l2 p;  p = decay p
 * m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
 * p = p - (grad_size g + mean_size m) / (sqrt(v) / sqrt(1 - beta2^t) + eps) */
bool MT_FN(nadam)(float *p, const float *g, float *m, float *v, size_t n,
                  const struct mt_nadam_step *s)
{
    vf beta1 = vf_set1(s->beta1), rest1 = vf_set1(s->one_minus_beta1);
    vf beta2 = vf_set1(s->beta2), rest2 = vf_set1(s->one_minus_beta2);
    vf eps = vf_set1(s->eps), inv = vf_set1(s->inv_bc2_sqrt);
    vf of_g = vf_set1(s->grad_size), of_m = vf_set1(s->mean_size);
    vf l2 = vf_set1(s->l2), decay = vf_set1(s->decay);
    vf sign = vf_set1(s->sign), zeros = vf_zero();

    for (size_t i = 0; i < n; i += VL) {
        vf w = vf_load(p + i);
        vf gi = vf_load(g + i), d = vf_fma(l2, w, vf_mul(sign, gi));
        vf mi = vf_fma(rest1, d, vf_mul(beta1, vf_load(m + i)));
        vf vn = vf_fma(vf_mul(rest2, d), d, vf_mul(beta2, vf_load(v + i)));
        vf step = vf_fma(of_m, mi, vf_mul(of_g, d));
        vf q = quotient(step, vf_fma(vf_sqrt(vn), inv, eps));

        zeros = vf_fma(gi, vf_zero(), zeros);
        vf_store(m + i, mi);
        vf_store(v + i, vn);
        vf_store(p + i, vf_sub(vf_mul(w, decay), q));
    }
    return vf_sum(zeros) == 0;
}
