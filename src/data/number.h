/*
 * Decimal text to numbers, whatever the locale: an optional sign, digits with
 * at most one point, an optional exponent, with spaces and tabs around; nothing
 * else is allowed (hexadecimal, "inf", "nan", "1,5", "1_000").
 */
#ifndef MT_DATA_NUMBER_H
#define MT_DATA_NUMBER_H

#include <stddef.h>

enum mt_number {
    MT_NUMBER_OK,
    MT_NUMBER_BAD,       /* not a number */
    MT_NUMBER_EMPTY,     /* nothing, or only spaces */
    MT_NUMBER_SPECIAL,   /* NaN or infinity by name */
    MT_NUMBER_TOO_LARGE, /* rounds to infinity */
};

/* The double nearest to the decimal (ties to even), however many digits it has.
 * *out is only set for MT_NUMBER_OK. text needs no NUL. */
enum mt_number mt_number_f64(const char *text, size_t n, double *out);

/* The same; MT_NUMBER_TOO_LARGE also if it is infinite as float32. */
enum mt_number mt_number_in_f32(const char *text, size_t n, double *out);

/* The same, but faster; 32 bytes from text on must be readable, whatever n.
 * (number_short.h is faster still.) */
enum mt_number mt_number_padded(const char *text, size_t n, double *out);

#endif
