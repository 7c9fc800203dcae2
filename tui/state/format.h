/* Numbers, times and addresses as people read them in little room. None depends on the locale
 * (LC_NUMERIC stays "C"). Pure. */
#ifndef TUI_STATE_FORMAT_H
#define TUI_STATE_FORMAT_H

#include "core/base/str.h"

#include <stdint.h>

#define FORMAT_SIZE 32 /* holds what any of these writes, if not told otherwise */

enum units { UNITS_BYTES, UNITS_BITS };

/* At most five characters: "640", "1.21M", "98.0K", "1023K"; "-" for zero. K is 1024 bytes. */
void format_bytes(uint64_t bytes, char out[FORMAT_SIZE]);
/* The same for a second. UNITS_BITS: in bits, k is 1000 of them. Below zero and no number: "-". */
void format_rate(double bytes, enum units units, char out[FORMAT_SIZE]);
/* "4.40 MiB", "640 B"; "4.40 MiB/s", "36.9 Mbit/s". */
void format_bytes_long(uint64_t bytes, char out[FORMAT_SIZE]);
void format_rate_long(double bytes, enum units units, char out[FORMAT_SIZE]);

void format_count(uint64_t n, char out[FORMAT_SIZE]);     /* at most five: "99999", "1.20M" */
void format_thousands(uint64_t n, char out[FORMAT_SIZE]); /* "3,412" */
/* At most five: "4s", "12m04", "1h22m", "14h05", "3d04h", "12d04", "123d", "27y". */
void format_age(double seconds, char out[FORMAT_SIZE]);
void format_moment(double seconds, char out[FORMAT_SIZE]);  /* "25ms", "1.8s", "31s"; 0: "-" */
void format_wait(double seconds, char out[FORMAT_SIZE]);    /* "25 ms", "1.8 s", "31 s", "4m05" */
void format_seconds(double seconds, char out[FORMAT_SIZE]); /* of a countdown: "8 s", "4m05" */
/* What is left, in the unit that says most, rounded down: "12d", "5h", "58m", "40s". */
void format_left(double seconds, char out[FORMAT_SIZE]);
/* "12:41:07" of seconds since 1970; milliseconds: "12:41:07.250". */
void format_clock(double time, long utc_offset, bool milliseconds, char out[FORMAT_SIZE]);

const char *format_via(const char *via); /* "s5" of "socks5"; others as they are */

/* An address in at most `width` columns: cut in the middle, the port is kept ("[2001:d~]:40112");
 * a path keeps its end. out (size bytes) is used when it has to be cut; the result is either. */
struct span format_address(const char *address, int width, char *out, size_t size);

#endif
