/*
 * Dates of ISO 8601 as numbers: seconds since 1970-01-01T00:00Z, in the
 * Gregorian calendar without leap seconds.
 *
 *     2024-01                           a month: its first day
 *     2024-01-31
 *     2024-01-31T12:30  2024-01-31 12:30:15.250
 *     2024-01-31T12:30:15Z  ...+02  ...+0200  ...+02:00
 *
 * Years are 0001 to 9999; spaces and tabs around are allowed. A time without
 * an offset is taken as UTC.
 */
#ifndef MT_DATA_DATE_H
#define MT_DATA_DATE_H

#include <stdbool.h>
#include <stddef.h>

/* Is the text a date? *seconds: to the nearest double; *time: it has a time. */
bool mt_date_parse(const char *text, size_t n, double *seconds, bool *time);

/* Is it a date in another form, as "01/02/2024", "31.12.99",
 * "2024/01/31 12:30"? Which number is the month cannot be known. */
bool mt_date_is_other(const char *text, size_t n);

/* The part of the year before the date's day (days since January 1st / days of
 * the year), and the part of its day before its time; in UTC. 0 <= x < 1 */
double mt_date_of_year(double seconds);
double mt_date_of_day(double seconds);

#endif
