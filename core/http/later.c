#include "core/http/later.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

#define SECONDS_MAX 31536000u /* a year; more is nonsense */

/* Whether value looks like that: "0" stands for a digit, "a" for a letter. */
static bool has_form(struct span value, const char *form)
{
    if (value.n != strlen(form))
        return false;
    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];
        if (form[i] == '0' ? !isdigit(c) : form[i] == 'a' ? !isalpha(c) : form[i] != (char)c)
            return false;
    }
    return true;
}

static int digits(const char *p, size_t n)
{
    int number = 0;
    for (size_t i = 0; i < n; i++)
        number = number * 10 + (p[i] - '0');
    return number;
}

/* Parses "Sun, 06 Nov 1994 08:49:37 GMT"; the obsolete forms are not supported. */
static bool date(struct span value, int64_t *ms)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    if (!has_form(value, "aaa, 00 aaa 0000 00:00:00 GMT"))
        return false;
    const char *p = value.p;
    int year = digits(p + 12, 4), month = 0;
    while (month < 12 && memcmp(months + month * 3, p + 8, 3) != 0)
        month++;
    if (month == 12 || year < 1970)
        return false;
    struct tm tm = {.tm_mday = digits(p + 5, 2),
                    .tm_mon = month,
                    .tm_year = year - 1900,
                    .tm_hour = digits(p + 17, 2),
                    .tm_min = digits(p + 20, 2),
                    .tm_sec = digits(p + 23, 2)};
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
