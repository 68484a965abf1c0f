#include "plot/scale.h"

#include <float.h>
#include <math.h>

#include "kernels/dmath.h"

/* A range this small compared to its values is one value: its ticks would need
 * too many digits. */
static const double flat = 1e-9;

double mt_log10(double x)
{
    static const double ln10 = 2.302585092994045684;

    return mt_dlog(x) / ln10;
}

void mt_scale_start(struct mt_scale *s, bool log, bool whole)
{
    *s = (struct mt_scale){ .log = log, .whole = whole, .empty = true };
}

bool mt_scale_shows(const struct mt_scale *s, double value)
{
    return isfinite(value) && (!s->log || value > 0);
}

static double place(const struct mt_scale *s, double value)
{
    return s->log ? mt_log10(value) : value;
}

void mt_scale_add(struct mt_scale *s, double value)
{
    if (!mt_scale_shows(s, value))
        return;
    double at = place(s, value);

    s->lo = s->empty || at < s->lo ? at : s->lo;
    s->hi = s->empty || at > s->hi ? at : s->hi;
    s->empty = false;
}

/* Limits x to finite doubles, or to their log10 on a logarithmic scale. */
static double limit(const struct mt_scale *s, double x)
{
    double low = s->log ? mt_log10(DBL_TRUE_MIN) : -DBL_MAX;
    double high = s->log ? mt_log10(DBL_MAX) : DBL_MAX;

    return x > high ? high : x < low ? low : x;
}

static void widen_flat(struct mt_scale *s)
{
    double size = fabs(s->lo) > fabs(s->hi) ? fabs(s->lo) : fabs(s->hi);
    double half = s->log || s->whole || size == 0 ? fmax(1, flat * size)
                  : size / 2 > 0                  ? size / 2
                                                  : size;

    s->lo = limit(s, s->lo - half);
    s->hi = limit(s, s->hi + half);
}

void mt_scale_close(struct mt_scale *s, double margin)
{
    double size = fabs(s->lo) > fabs(s->hi) ? fabs(s->lo) : fabs(s->hi);
    double half = s->hi / 2 - s->lo / 2;
    double lo = limit(s, s->lo - 2 * margin * half);
    double hi = limit(s, s->hi + 2 * margin * half);

    if (!(half > flat * (s->log ? 1 : size / 2))) {
        widen_flat(s);
        return;
    }
    /* values of one sign keep it: no axis of a loss starts below 0 */
    if (!s->log && s->lo >= 0 && lo < 0)
        lo = 0;
    if (!s->log && s->hi <= 0 && hi > 0)
        hi = 0;
    s->lo = lo;
    s->hi = hi;
}

double mt_scale_at(const struct mt_scale *s, double value)
{
    double at = place(s, value);

    if (s->hi - s->lo <= DBL_MAX)
        return (at - s->lo) / (s->hi - s->lo);
    return (at / 2 - s->lo / 2) / (s->hi / 2 - s->lo / 2);
}
