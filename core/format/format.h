/* Formats numbers, times and addresses for people in little space. No function depends on the
 * locale (LC_NUMERIC stays "C"). Pure. */
#ifndef CORE_FORMAT_FORMAT_H
#define CORE_FORMAT_FORMAT_H

#include "core/base/str.h"

#include <stdint.h>

#define FORMAT_SIZE 32 /* bytes; holds the result of each function, if not told otherwise */

enum units { UNITS_BYTES, UNITS_BITS };

/* At most five characters: "640", "1.21M", "98.0K", "1023K"; "-" for zero. K is 1024 bytes. */
void format_bytes(uint64_t bytes, char out[FORMAT_SIZE]);
/* The same per second. UNITS_BITS: in bits, where k is 1000. "-" below zero and for NaN. */
void format_rate(double bytes, enum units units, char out[FORMAT_SIZE]);
/* "4.40 MiB", "640 B"; "4.40 MiB/s", "36.9 Mbit/s". */
void format_bytes_long(uint64_t bytes, char out[FORMAT_SIZE]);
void format_rate_long(double bytes, enum units units, char out[FORMAT_SIZE]);

/* At most five characters: "99999", "1.20M". */
void format_count(uint64_t n, char out[FORMAT_SIZE]);
void format_thousands(uint64_t n, char out[FORMAT_SIZE]); /* "3,412" */
/* At most five characters: "4s", "12m04", "1h22m", "14h05", "3d04h", "12d04", "123d", "27y". */
void format_age(double seconds, char out[FORMAT_SIZE]);
void format_moment(double seconds, char out[FORMAT_SIZE]);  /* "25ms", "1.8s", "31s"; 0: "-" */
void format_wait(double seconds, char out[FORMAT_SIZE]);    /* "25 ms", "1.8 s", "31 s", "4m05" */
void format_seconds(double seconds, char out[FORMAT_SIZE]); /* for a countdown: "8 s", "4m05" */
/* The time that is left, in its largest unit, rounded down: "12d", "5h", "58m", "40s". */
void format_left(double seconds, char out[FORMAT_SIZE]);
/* "12:41:07" for seconds since 1970; with milliseconds "12:41:07.250". */
void format_clock(double time, long utc_offset, bool milliseconds, char out[FORMAT_SIZE]);

/* Fits an address into `width` columns: it is cut in the middle and keeps its port
 * ("[2001:d~]:40112"); a path keeps its end. A cut address is written to out (size bytes); the
 * result is a view of out or address. */
struct span format_address(const char *address, int width, char *out, size_t size);

#endif
