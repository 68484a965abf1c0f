/*
 * Running a function over a long flat range in tasks of fixed size.
 */
#ifndef MT_GRAPH_SPANS_H
#define MT_GRAPH_SPANS_H

#include "base/team.h"

enum { MT_SPAN = 16384 }; /* elements of a task; a multiple of 64 and of the
                             blocks of long sums */

typedef void mt_span_run(const void *ctx, size_t at, size_t n);

/* run(ctx, at, n) for consecutive spans of [0, n). */
void mt_spans(struct mt_team *team, size_t n, mt_span_run *run,
              const void *ctx);

/* The same for rows of `width` elements: at and n count rows; a task has about
 * MT_SPAN elements. */
void mt_row_spans(struct mt_team *team, size_t rows, size_t width,
                  mt_span_run *run, const void *ctx);

/* Rows of a task of mt_row_spans. */
size_t mt_row_span(size_t width);

#endif
