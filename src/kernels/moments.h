/*
 * The count, mean and sum of squared deviations of a set of numbers, put
 * together from those of its parts (Chan, Golub and LeVeque): nothing cancels,
 * however far the mean is from 0.
 */
#ifndef MT_KERNELS_MOMENTS_H
#define MT_KERNELS_MOMENTS_H

struct mt_moments {
    double n, mean, m2; /* m2 = sum (x - mean)^2; all 0: the empty set */
};

static inline void mt_moments_add(struct mt_moments *m, double n, double mean,
                                  double m2)
{
    double sum = m->n + n, part = n / sum, d = mean - m->mean;

    m->mean += d * part;
    m->m2 += m2 + d * d * (m->n * part);
    m->n = sum;
}

#endif
