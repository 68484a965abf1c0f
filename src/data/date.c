#include "data/date.h"

#include <math.h>
#include <stdint.h>

enum { DAY = 86400 };

/* The rest of a text. */
struct rest {
    const char *p, *end;
};

static bool take(struct rest *r, char c)
{
    if (r->p == r->end || *r->p != c)
        return false;
    r->p++;
    return true;
}

/* Exactly n digits. */
static bool take_digits(struct rest *r, int n, int *out)
{
    *out = 0;
    for (; n > 0; n--, r->p++) {
        if (r->p == r->end || *r->p < '0' || *r->p > '9')
            return false;
        *out = 10 * *out + (*r->p - '0');
    }
    return true;
}

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_of_month(int year, int month)
{
    static const int days[] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };

    return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days from 0001-01-01 to January 1st of the year. */
static int64_t days_before(int64_t year)
{
    year--;
    return 365 * year + year / 4 - year / 100 + year / 400;
}

static bool parse_day(struct rest *r, int64_t *days, bool *month_only)
{
    int year, month, day = 1;

    if (!take_digits(r, 4, &year) || year < 1 || !take(r, '-') ||
        !take_digits(r, 2, &month) || month < 1 || month > 12)
        return false;
    *month_only = r->p == r->end;
    if (!*month_only && (!take(r, '-') || !take_digits(r, 2, &day) || day < 1 ||
                         day > days_of_month(year, month)))
        return false;
    *days = days_before(year) - days_before(1970) + day - 1;
    for (int m = 1; m < month; m++)
        *days += days_of_month(year, m);
    return true;
}

/* Digits after the point; those beyond the 15th are ignored. */
static bool parse_fraction(struct rest *r, double *out)
{
    int64_t digits = 0, unit = 1;
    const char *start = r->p;

    for (; r->p < r->end && *r->p >= '0' && *r->p <= '9'; r->p++) {
        if (r->p - start >= 15)
            continue;
        digits = 10 * digits + (*r->p - '0');
        unit *= 10;
    }
    *out = (double)digits / (double)unit;
    return r->p > start;
}

static bool parse_offset(struct rest *r, int *seconds)
{
    int sign = 1, hours, minutes = 0;

    *seconds = 0;
    take(r, ' ');
    if (r->p == r->end)
        return r->p[-1] != ' ';
    if (take(r, 'Z') || take(r, 'z'))
        return true;
    if (take(r, '-'))
        sign = -1;
    else if (!take(r, '+'))
        return false;
    if (!take_digits(r, 2, &hours) || hours > 23)
        return false;
    if (r->p < r->end) {
        take(r, ':');
        if (!take_digits(r, 2, &minutes) || minutes > 59)
            return false;
    }
    *seconds = sign * (3600 * hours + 60 * minutes);
    return true;
}

/* Without the offset. */
static bool parse_time(struct rest *r, int *seconds, double *fraction)
{
    int h, m, s = 0;

    *fraction = 0;
    if (!take_digits(r, 2, &h) || !take(r, ':') || !take_digits(r, 2, &m))
        return false;
    if (take(r, ':')) {
        if (!take_digits(r, 2, &s))
            return false;
        if ((take(r, '.') || take(r, ',')) && !parse_fraction(r, fraction))
            return false;
    }
    *seconds = 3600 * h + 60 * m + s;
    /* 24:00 is the end of the day, :60 a leap second */
    return m <= 59 && s <= 60 &&
           (h <= 23 || (*seconds == DAY && s == 0 && *fraction == 0));
}

static struct rest trim(const char *text, size_t n)
{
    struct rest r = { text, text + n };

    while (r.p < r.end && (*r.p == ' ' || *r.p == '\t'))
        r.p++;
    while (r.p < r.end && (r.end[-1] == ' ' || r.end[-1] == '\t'))
        r.end--;
    return r;
}

bool mt_date_parse(const char *text, size_t n, double *out, bool *time)
{
    struct rest r = trim(text, n);
    int64_t days;
    int seconds = 0, offset = 0;
    double fraction = 0;
    bool month_only;

    if (!parse_day(&r, &days, &month_only))
        return false;
    *time = r.p < r.end;
    if (*time) {
        if (!take(&r, 'T') && !take(&r, 't') && !take(&r, ' '))
            return false;
        if (!parse_time(&r, &seconds, &fraction) || !parse_offset(&r, &offset))
            return false;
    }
    if (r.p < r.end)
        return false;
    *out = (double)(days * DAY + seconds - offset) + fraction;
    return *out >= -(double)(days_before(1970) * DAY);
}

bool mt_date_is_other(const char *text, size_t n)
{
    struct rest r = trim(text, n);
    int part, years = 0;
    char mark = 0;

    for (int numbers = 0; numbers < 3; numbers++) {
        int digits = 0;

        if (numbers == 1 && r.p < r.end)
            mark = *r.p;
        if (numbers && !take(&r, mark))
            return false;
        while (digits < 4 && take_digits(&r, 1, &part))
            digits++;
        years += digits == 4;
        if (!digits || digits == 3)
            return false;
    }
    return (mark == '/' || ((mark == '.' || mark == '-') && years == 1)) &&
           (r.p == r.end || *r.p == ' ' || *r.p == 'T');
}

double mt_date_of_year(double seconds)
{
    int64_t day = (int64_t)floor(seconds / DAY) + days_before(1970);
    int64_t year = day / 366 + 1; /* not after the year itself */

    while (days_before(year + 1) <= day)
        year++;
    return (double)(day - days_before(year)) / (365 + is_leap(year));
}

double mt_date_of_day(double seconds)
{
    return (seconds - floor(seconds / DAY) * DAY) / DAY;
}
