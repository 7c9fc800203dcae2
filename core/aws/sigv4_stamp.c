#include "core/aws/sigv4_internal.h"

#include <stdio.h>
#include <time.h>

#define FIRST_YEAR 1970
#define LAST_YEAR 9999

static bool is_leap(unsigned year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned days_of(unsigned year, unsigned month)
{
    static const unsigned days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year));
}

/* Returns how many leap years ended before that year begins, counted from year 1. */
static unsigned leaps_before(unsigned year)
{
    year--;
    return year / 4 - year / 100 + year / 400;
}

static int64_t days_since_epoch(unsigned year, unsigned month, unsigned day)
{
    int64_t days = (int64_t)(year - FIRST_YEAR) * 365;
    days += leaps_before(year) - leaps_before(FIRST_YEAR);
    for (unsigned m = 1; m < month; m++)
        days += days_of(year, m);
    return days + day - 1;
}

static bool number(struct span s, size_t at, size_t n, unsigned least, unsigned most, unsigned *out)
{
    uint64_t value;
    if (!str_number((struct span){s.p + at, n}, most, &value) || value < least)
        return false;
    *out = (unsigned)value;
    return true;
}

bool stamp_parse(struct span s, int64_t *ms)
{
    unsigned year, month, day, hour, minute, second;
    if (s.n != SIGV4_STAMP || s.p[8] != 'T' || s.p[15] != 'Z')
        return false;
    if (!number(s, 0, 4, FIRST_YEAR, LAST_YEAR, &year) || !number(s, 4, 2, 1, 12, &month) ||
        !number(s, 6, 2, 1, days_of(year, month), &day) || !number(s, 9, 2, 0, 23, &hour) ||
        !number(s, 11, 2, 0, 59, &minute) || !number(s, 13, 2, 0, 59, &second))
        return false;
    int64_t seconds = days_since_epoch(year, month, day) * 86400;
    seconds += hour * 3600 + minute * 60 + second;
    *ms = seconds * 1000;
    return true;
}

bool stamp_write(int64_t ms, char out[SIGV4_STAMP + 1])
{
    struct tm tm;
    time_t seconds = (time_t)(ms / 1000);
    if (ms < 0 || gmtime_r(&seconds, &tm) == NULL || tm.tm_year + 1900 > LAST_YEAR)
        return false;
    char text[80];
    snprintf(text, sizeof text, "%04d%02d%02dT%02d%02d%02dZ", tm.tm_year + 1900, tm.tm_mon + 1,
             tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    for (size_t i = 0; i <= SIGV4_STAMP; i++)
        out[i] = text[i];
    return true;
}
