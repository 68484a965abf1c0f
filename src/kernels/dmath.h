/*
 * Elementary functions in double precision whose bits are this program's own.
 *
 * glibc picks other variants of exp, pow, sin and cos by CPU, so nothing that
 * decides a bit of a checkpoint (learning-rate schedules, bias corrections,
 * initialisation) may call libm; it calls these instead. They use only IEEE
 * +, -, *, / and sqrt and are compiled without contraction, so every CPU and
 * every compiler gives the same bits. The error bounds are held by tests.
 */
#ifndef MT_KERNELS_DMATH_H
#define MT_KERNELS_DMATH_H

#include <stdint.h>

double mt_dexp(double x);            /* e^x */
double mt_dlog(double x);            /* natural logarithm */
double mt_dlog1p(double x);
double mt_dpow(double x, double y);  /* x > 0, or y a whole number */
double mt_dpowi(double x, uint64_t n); /* x^n by squaring */
double mt_dcospi(double x);          /* cos(pi x) */
double mt_dsinpi(double x);          /* sin(pi x) */
double mt_dsqrt(double x);           /* exact by IEEE */

#endif
