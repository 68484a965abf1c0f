/*
 * Status codes and error texts: one convention for the whole program.
 *
 * Every function that can fail for a reason outside the program returns an
 * mt_status and takes, last, an mt_err of the caller's, which is never NULL:
 * a caller that does not need the text passes one all the same. The function
 * that finds the fault writes the text; each caller on the way up may prepend
 * where it happened:
 *
 *     if (read_layer(doc, obj, err) != MT_OK)
 *         return mt_context(err, "model.layers[%zu]", i);
 *
 * gives "model.layers[2]: out_features: must be at least 1, got 0".
 *
 * The returned status alone says whether it worked, and callers pass it on:
 *
 *     mt_status status = read_layer(doc, obj, err);
 *
 *     if (status != MT_OK)
 *         return status;
 *
 * err holds a text only after a failure, but is never used to test for one.
 *
 * Libraries (every layer below cmd/) never print and never exit. assert() is
 * for bugs of this program, never for input.
 */
#ifndef MT_BASE_STATUS_H
#define MT_BASE_STATUS_H

#include <stdarg.h>

typedef enum mt_status {
    MT_OK = 0,
    MT_NO_MEMORY,    /* an allocation failed */
    MT_IO,           /* the system refused an operation on a file */
    MT_INVALID,      /* a spec, an option or a data file is wrong */
    MT_MISMATCH,     /* two things, each valid alone, do not fit each other */
    MT_DAMAGED,      /* a checkpoint fails its own checks */
    MT_NON_FINITE,   /* a loss or a gradient became Inf or NaN */
    MT_OUT_OF_RANGE, /* outputs are no longer what the loss can take */
    MT_NO_EFFECT,    /* an optimizer step moved no trainable tensor */
} mt_status;

/* Room for one message. Longer texts are cut and end in "...". */
struct mt_err {
    mt_status status;
    char text[4096];
};

#define MT_ERR_INIT { MT_OK, { 0 } }

#define MT_PRINTF(fmt_index, first_arg) \
    __attribute__((format(printf, fmt_index, first_arg)))

/* Writes the message and returns status, so that a caller can say
 * `return mt_fail(err, MT_INVALID, "...")`. */
mt_status mt_fail(struct mt_err *err, mt_status status, const char *fmt, ...)
    MT_PRINTF(3, 4);

/* The message for a failed allocation; always returns MT_NO_MEMORY. */
mt_status mt_fail_memory(struct mt_err *err);

/* The message for a failed system call on path, with strerror(error). */
mt_status mt_fail_errno(struct mt_err *err, int error, const char *path,
                        const char *what);

/* Prepends "context: " to the message in err, unless it already begins with
 * that (a file's own message), and returns its status. */
mt_status mt_context(struct mt_err *err, const char *fmt, ...) MT_PRINTF(2, 3);

#endif
