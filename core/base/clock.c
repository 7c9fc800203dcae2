#include "core/base/clock.h"

#include <stdio.h>

int64_t clock_wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

char *clock_stamp(const struct tm *tm, char between, char out[static CLOCK_STAMP])
{
    snprintf(out, CLOCK_STAMP, "%04d-%02d-%02d%c%02d:%02d:%02d", tm->tm_year + 1900, tm->tm_mon + 1,
             tm->tm_mday, between, tm->tm_hour, tm->tm_min, tm->tm_sec);
    return out;
}
