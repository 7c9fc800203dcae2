#include "core/http/later.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define SECONDS_MAX 31536000u /* a year; more is nonsense */

/* Parses "Sun, 06 Nov 1994 08:49:37 GMT"; the obsolete forms are not supported. */
static bool date(struct span value, int64_t *ms)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char text[40], month[4];
    struct tm tm = {0};
    int end = 0;
    snprintf(text, sizeof text, "%.*s", value.n < sizeof text ? (int)value.n : 0, value.p);
    if (sscanf(text, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", &tm.tm_mday, month,
               &tm.tm_year, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &end) != 6 ||
        end == 0 || text[end] != '\0')
        return false;
    const char *at = strstr(months, month);
    if (at == NULL || (at - months) % 3 != 0 || strlen(month) != 3 || tm.tm_year < 1970)
        return false;
    tm.tm_mon = (int)(at - months) / 3;
    tm.tm_year -= 1900;
    *ms = (int64_t)timegm(&tm) * 1000;
    return true;
}

int64_t http_later(struct span value, int64_t now_ms)
{
    uint64_t seconds;
    int64_t at;
    if (value.p == NULL || value.n == 0)
        return -1;
    if (str_number(value, SECONDS_MAX, &seconds))
        return (int64_t)seconds * 1000;
    if (!date(value, &at))
        return -1;
    return at > now_ms ? at - now_ms : 0;
}
