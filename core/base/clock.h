/* The system's clock, which may jump, and its times as text; loop_now measures spans of time. */
#ifndef CORE_BASE_CLOCK_H
#define CORE_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

int64_t clock_wall_ms(void); /* milliseconds since 1970 */

#define CLOCK_STAMP 40
/* "2026-11-30 20:31:05", with `between` in place of the space; returns out. */
char *clock_stamp(const struct tm *tm, char between, char out[static CLOCK_STAMP]);

#endif
