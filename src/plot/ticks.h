/*
 * Ticks: the values that an axis labels. They are 1, 2 or 5 times a power of
 * ten apart; on a logarithmic axis they are powers of ten (with 2 and 5 between
 * them where there is room). Values and texts are exact decimals.
 */
#ifndef MT_PLOT_TICKS_H
#define MT_PLOT_TICKS_H

#include <stddef.h>

#include "plot/scale.h"

enum { MT_MAX_TICKS = 128 };

/* 0.25, or 1.5 with the exponent -7. A minor tick has no text. */
struct mt_tick {
    double value;
    char digits[32];  /* "0.25", "1.5"; "" where only the power counts */
    int exponent;     /* of ten; 0: none */
};

struct mt_ticks {
    struct mt_tick tick[MT_MAX_TICKS]; /* with texts */
    size_t n;
    double minor[MT_MAX_TICKS];
    size_t n_minor;
};

/* At most max_labels (at least 2) ticks with texts, all within the scale,
 * which is closed. */
void mt_ticks_choose(const struct mt_scale *s, size_t max_labels,
                     struct mt_ticks *out);

/* The text without raised characters: "0.25", "1.5e-7", "1e-7". */
struct mt_tick_text {
    char text[64];
};
struct mt_tick_text mt_tick_text(const struct mt_tick *tick);

#endif
