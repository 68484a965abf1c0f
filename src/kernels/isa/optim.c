/*
 * Optimizer passes over flat memory, with the update rules of torch.optim. The
 * arrays may be read and written up to a multiple of 16 values past n: flat
 * blocks are padded. `zeros` gathers 0 g, which is 0 while all g are finite.
 *
 * What the formulas do not say: state is in units (flush.h). The first term of
 * each sum takes up the unit, which is subtracted at the end.
 */
#include "kernels/isa/internal.h"

/* sign g + l2 p */
VINLINE vf gradient(vf g, vf p, float sign, float l2)
{
    vf d = vf_mul(vf_set1(sign), g);

    if (l2 != 0)
        d = vf_fma(vf_set1(l2), p, d);
    return d;
}

/* a / b, but 0 where b is 0: with eps = 0, a value whose squares are all 0 (as
 * those of padding are) stays where it is. With any other, b is never 0. */
VINLINE vf quotient(vf a, vf b, float eps)
{
    vf q = vf_div(a, b);

    if (!(eps > 0))
        q = vf_sel(vf_eq(b, vf_zero()), b, q);
    return q;
}

/* Writes a mean of gradients, and returns what it wrote. */
VINLINE vf keep_mean(float *m, vf x)
{
    x = vf_unit(x, vf_set1(MT_UNIT_MEAN));
    vf_store(m, x);
    return x;
}

/* m = beta m + rest g */
VINLINE vf mean(float *m, vf g, vf beta, vf rest)
{
    vf unit = vf_set1(MT_UNIT_MEAN), sum = vf_fma(beta, vf_load(m), unit);

    sum = vf_sub(vf_fma(rest, g, sum), unit);
    vf_store(m, sum);
    return sum;
}

/* v = beta v + rest g^2 */
VINLINE vf mean_square(float *v, vf g, vf beta, vf rest)
{
    vf unit = vf_set1(MT_UNIT_SQUARE), sum = vf_fma(beta, vf_load(v), unit);

    sum = vf_sub(vf_fma(vf_mul(rest, g), g, sum), unit);
    vf_store(v, sum);
    return sum;
}

/* p = w - size q, where w has taken up the unit */
VINLINE void move(float *p, vf w, vf size, vf q)
{
    vf_store(p, vf_sub(vf_fnma(size, q, w), vf_set1(MT_UNIT_PARAMETER)));
}

VINLINE vf add_unit(vf w)
{
    return vf_add(w, vf_set1(MT_UNIT_PARAMETER));
}

VINLINE vf decayed(vf w, vf decay)
{
    return vf_fma(decay, w, vf_set1(MT_UNIT_PARAMETER));
}

/* g = sign g + weight_decay p
 * buf = momentum buf + (1 - dampening) g     (g itself on the first step)
 * g = g + momentum buf (Nesterov), or buf
 * p = p - lr g */
bool MT_FN(sgd)(float *p, const float *g, float *buf, size_t n,
                const struct mt_sgd_step *s)
{
    vf sign = vf_set1(s->sign), l2 = vf_set1(s->weight_decay);
    vf lr = vf_set1(s->lr), momentum = vf_set1(s->momentum);
    vf damp = vf_set1(s->one_minus_dampening);
    vf zeros = vf_zero();

    for (size_t i = 0; i < n; i += VL) {
        vf w = vf_load(p + i);
        vf gi = vf_load(g + i);
        vf d = vf_fma(l2, w, vf_mul(sign, gi));

        zeros = vf_fma(gi, vf_zero(), zeros);
        if (buf) {
            vf b;

            if (s->first)
                b = keep_mean(buf + i, d);
            else
                b = mean(buf + i, d, momentum, damp);
            d = s->nesterov ? vf_fma(momentum, b, d) : b;
        }
        move(p + i, add_unit(w), lr, d);
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
    float sign = s->sign, l2 = s->l2, eps = s->eps;
    vf beta1 = vf_set1(s->beta1), beta2 = vf_set1(s->beta2);
    vf rest1 = vf_set1(s->one_minus_beta1), rest2 = vf_set1(s->one_minus_beta2);
    vf size = vf_set1(s->step_size), decay = vf_set1(s->decay);
    vf inv = vf_set1(s->inv_bc2_sqrt), zeros = vf_zero();

    for (size_t i = 0; i < n; i += VL) {
        vf w = vf_load(p + i);
        vf gi = vf_load(g + i), d = gradient(gi, w, sign, l2);
        vf mi = mean(m + i, d, beta1, rest1);
        vf vn = mean_square(v + i, d, beta2, rest2);
        vf top = vn;

        zeros = vf_fma(gi, vf_zero(), zeros);
        if (s->amsgrad) {
            top = vf_max(vf_load(vmax + i), vn);
            vf_store(vmax + i, top);
        }
        vf q = quotient(mi, vf_fma(vf_sqrt(top), inv, vf_set1(eps)), eps);

        move(p + i, decayed(w, decay), size, q);
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
    float sign = s->sign, l2 = s->l2, eps = s->eps;
    vf alpha = vf_set1(s->alpha), rest = vf_set1(s->one_minus_alpha);
    vf lr = vf_set1(s->lr), momentum = vf_set1(s->momentum);
    vf zeros = vf_zero();

    for (size_t i = 0; i < n; i += VL) {
        vf w = vf_load(p + i);
        vf gi = vf_load(g + i), d = gradient(gi, w, sign, l2);
        vf top = mean_square(sq + i, d, alpha, rest);

        zeros = vf_fma(gi, vf_zero(), zeros);
        if (avg) {
            vf a = mean(avg + i, d, alpha, rest);

            /* Rounding can bring a variance of 0 below 0. */
            top = vf_max(vf_fnma(a, a, top), vf_zero());
        }
        vf q = quotient(d, vf_add(vf_sqrt(top), vf_set1(eps)), eps);

        if (buf)
            q = keep_mean(buf + i, vf_fma(momentum, vf_load(buf + i), q));
        move(p + i, add_unit(w), lr, q);
    }
    return vf_sum(zeros) == 0;
}

/* g = sign g + l2 p;  sum = sum + g^2
 * p = p - lr g / (sqrt(sum) + eps) */
bool MT_FN(adagrad)(float *p, const float *g, float *sum, size_t n,
                    const struct mt_adagrad_step *s)
{
    float sign = s->sign, l2 = s->l2, eps = s->eps;
    vf lr = vf_set1(s->lr), one = vf_set1(1), zeros = vf_zero();

    for (size_t i = 0; i < n; i += VL) {
        vf w = vf_load(p + i);
        vf gi = vf_load(g + i), d = gradient(gi, w, sign, l2);
        vf top = mean_square(sum + i, d, one, one);
        vf q = quotient(d, vf_add(vf_sqrt(top), vf_set1(eps)), eps);

        zeros = vf_fma(gi, vf_zero(), zeros);
        move(p + i, add_unit(w), lr, q);
    }
    return vf_sum(zeros) == 0;
}

/* g = sign g + l2 p;  sq = rho sq + (1 - rho) g^2
 * q = sqrt(acc + eps) / sqrt(sq + eps) g
 * acc = rho acc + (1 - rho) q^2;  p = p - lr q */
bool MT_FN(adadelta)(float *p, const float *g, float *sq, float *acc, size_t n,
                     const struct mt_adadelta_step *s)
{
    float sign = s->sign, l2 = s->l2, eps = s->eps;
    vf rho = vf_set1(s->rho), rest = vf_set1(s->one_minus_rho);
    vf lr = vf_set1(s->lr), zeros = vf_zero();

    for (size_t i = 0; i < n; i += VL) {
        vf w = vf_load(p + i), before = vf_load(acc + i);
        vf gi = vf_load(g + i), d = gradient(gi, w, sign, l2);
        vf top = mean_square(sq + i, d, rho, rest);
        vf ratio = quotient(vf_sqrt(vf_add(before, vf_set1(eps))),
                            vf_sqrt(vf_add(top, vf_set1(eps))), eps);
        vf q = vf_mul(ratio, d);

        zeros = vf_fma(gi, vf_zero(), zeros);
        mean_square(acc + i, q, rho, rest);
        move(p + i, add_unit(w), lr, q);
    }
    return vf_sum(zeros) == 0;
}

/* g = sign g + l2 p;  m = beta1 m + (1 - beta1) g
 * u = max(beta2 u, |g| + eps);  p = p - step_size m / u */
bool MT_FN(adamax)(float *p, const float *g, float *m, float *u, size_t n,
                   const struct mt_adamax_step *s)
{
    float sign = s->sign, l2 = s->l2, eps = s->eps;
    vf beta1 = vf_set1(s->beta1), rest1 = vf_set1(s->one_minus_beta1);
    vf beta2 = vf_set1(s->beta2), size = vf_set1(s->step_size);
    vf zeros = vf_zero();

    for (size_t i = 0; i < n; i += VL) {
        vf w = vf_load(p + i);
        vf gi = vf_load(g + i), d = gradient(gi, w, sign, l2);
        vf mi = mean(m + i, d, beta1, rest1);
        vf top = vf_max(vf_mul(beta2, vf_load(u + i)),
                        vf_add(vf_abs(d), vf_set1(eps)));

        top = keep_mean(u + i, top);
        zeros = vf_fma(gi, vf_zero(), zeros);
        move(p + i, add_unit(w), size, quotient(mi, top, 0));
    }
    return vf_sum(zeros) == 0;
}

/* g = sign g + l2 p;  p = decay p
 * m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
 * rectified: p = p - step_size m / (sqrt(v) + eps);  else p - step_size m */
bool MT_FN(radam)(float *p, const float *g, float *m, float *v, size_t n,
                  const struct mt_radam_step *s)
{
    float sign = s->sign, l2 = s->l2, eps = s->eps;
    vf beta1 = vf_set1(s->beta1), rest1 = vf_set1(s->one_minus_beta1);
    vf beta2 = vf_set1(s->beta2), rest2 = vf_set1(s->one_minus_beta2);
    vf size = vf_set1(s->step_size), decay = vf_set1(s->decay);
    vf zeros = vf_zero();

    for (size_t i = 0; i < n; i += VL) {
        vf w = vf_load(p + i);
        vf gi = vf_load(g + i), d = gradient(gi, w, sign, l2);
        vf mi = mean(m + i, d, beta1, rest1);
        vf vn = mean_square(v + i, d, beta2, rest2);
        vf q = mi;

        zeros = vf_fma(gi, vf_zero(), zeros);
        if (s->rectified)
            q = quotient(mi, vf_add(vf_sqrt(vn), vf_set1(eps)), eps);
        move(p + i, decayed(w, decay), size, q);
    }
    return vf_sum(zeros) == 0;
}

/* g = sign g + l2 p;  p = decay p
 * m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
 * p = p - (grad_size g + mean_size m) / (sqrt(v) / sqrt(1 - beta2^t) + eps) */
bool MT_FN(nadam)(float *p, const float *g, float *m, float *v, size_t n,
                  const struct mt_nadam_step *s)
{
    float sign = s->sign, l2 = s->l2, eps = s->eps;
    vf beta1 = vf_set1(s->beta1), rest1 = vf_set1(s->one_minus_beta1);
    vf beta2 = vf_set1(s->beta2), rest2 = vf_set1(s->one_minus_beta2);
    vf of_g = vf_set1(s->grad_size), of_m = vf_set1(s->mean_size);
    vf inv = vf_set1(s->inv_bc2_sqrt), decay = vf_set1(s->decay);
    vf one = vf_set1(1), zeros = vf_zero();

    for (size_t i = 0; i < n; i += VL) {
        vf w = vf_load(p + i);
        vf gi = vf_load(g + i), d = gradient(gi, w, sign, l2);
        vf mi = mean(m + i, d, beta1, rest1);
        vf vn = mean_square(v + i, d, beta2, rest2);
        vf step = vf_fma(of_m, mi, vf_mul(of_g, d));
        vf q = quotient(step, vf_fma(vf_sqrt(vn), inv, vf_set1(eps)), eps);

        zeros = vf_fma(gi, vf_zero(), zeros);
        move(p + i, decayed(w, decay), one, q);
    }
    return vf_sum(zeros) == 0;
}
