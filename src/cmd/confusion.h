/*
 * Judging a classifier class by class: `eval --by-class` and `--confusion`.
 */
#ifndef MT_CMD_CONFUSION_H
#define MT_CMD_CONFUSION_H

#include "base/strbuf.h"
#include "cmd/command.h"
#include "train/session.h"

struct mt_confusion {
    bool by_class, matrix;  /* what was asked for */
    size_t classes;
    const char *const *names; /* or NULL: the numbers */
    const double *counts;     /* (classes, classes + 1), the session's */
};

/* Reads the options, and has the session's next evaluation count. Fails for a
 * loss that is not of classes, and for too many classes. */
mt_status mt_confusion_want(const struct mt_call *call, struct mt_session *s,
                            struct mt_confusion *out, struct mt_err *err);

/* After that evaluation. */
void mt_confusion_take(struct mt_confusion *c, const struct mt_session *s);

void mt_confusion_print(const struct mt_confusion *c);
/* Adds ,"by_class":... and ,"confusion":... */
void mt_confusion_json(const struct mt_confusion *c, struct mt_strbuf *line);

#endif
