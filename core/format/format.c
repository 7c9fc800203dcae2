#include "core/format/format.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct scale {
    double base;
    double most; /* the largest value for a unit; the next one would take six characters */
    const char *letters;
};
static const struct scale iec = {1024, 1023.5, " KMGTPE"}, si = {1000, 999.5, " kMGTPE"};

/* Writes three significant digits and returns the letter of the unit; '\0': the value is above all
 * units. */
static char scaled(double v, const struct scale *s, char out[FORMAT_SIZE])
{
    size_t unit = 0;
    for (; v >= s->most && s->letters[unit] != '\0'; unit++)
        v /= s->base;
    if (s->letters[unit] == '\0')
        snprintf(out, FORMAT_SIZE, ">999");
    else
        snprintf(out, FORMAT_SIZE, "%.*f", unit == 0 || v >= 99.95 ? 0 : v >= 9.995 ? 1 : 2, v);
    return s->letters[unit];
}

static bool nothing(double v)
{
    return !(v >= 0.5); /* also true for NaN */
}

static void brief(double v, const struct scale *s, char out[FORMAT_SIZE])
{
    if (nothing(v)) {
        snprintf(out, FORMAT_SIZE, "-");
        return;
    }
    char unit = scaled(v, s, out);
    size_t n = strlen(out);
    snprintf(out + n, FORMAT_SIZE - n, "%.1s", unit == ' ' ? "" : unit == '\0' ? "E" : &unit);
}

void format_bytes(uint64_t bytes, char out[FORMAT_SIZE])
{
    brief((double)bytes, &iec, out);
}

void format_rate(double bytes, enum units units, char out[FORMAT_SIZE])
{
    brief(units == UNITS_BITS ? 8 * bytes : bytes, units == UNITS_BITS ? &si : &iec, out);
}

static void full(double v, const struct scale *s, const char *name, char out[FORMAT_SIZE])
{
    char number[FORMAT_SIZE];
    char unit = scaled(nothing(v) ? 0 : v, s, number);
    char prefix[2] = {unit == '\0' ? 'E' : unit, '\0'};
    snprintf(out, FORMAT_SIZE, "%.8s %s%s%s", number, unit == ' ' ? "" : prefix,
             unit != ' ' && s == &iec ? "i" : "", name);
}

void format_bytes_long(uint64_t bytes, char out[FORMAT_SIZE])
{
    full((double)bytes, &iec, "B", out);
}

void format_rate_long(double bytes, enum units units, char out[FORMAT_SIZE])
{
    if (units == UNITS_BITS)
        full(8 * bytes, &si, "bit/s", out);
    else
        full(bytes, &iec, "B/s", out);
}

void format_count(uint64_t n, char out[FORMAT_SIZE])
{
    if (n <= 99999)
        snprintf(out, FORMAT_SIZE, "%u", (unsigned)n);
    else
        brief((double)n, &si, out);
}

void format_thousands(uint64_t n, char out[FORMAT_SIZE])
{
    char digits[FORMAT_SIZE];
    size_t many = (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)n), o = 0;
    for (size_t i = 0; i < many; i++) {
        if (i > 0 && (many - i) % 3 == 0)
            out[o++] = ',';
        out[o++] = digits[i];
    }
    out[o] = '\0';
}

#define YEAR (365.25 * 86400)

void format_age(double seconds, char out[FORMAT_SIZE])
{
    if (!(seconds >= 0) || seconds > 9999 * YEAR) {
        snprintf(out, FORMAT_SIZE, "-");
        return;
    }
    unsigned long long s = (unsigned long long)seconds;
    if (s < 60)
        snprintf(out, FORMAT_SIZE, "%llus", s);
    else if (s < 3600)
        snprintf(out, FORMAT_SIZE, "%llum%02llu", s / 60, s % 60);
    else if (s < 86400) /* the last letter is left out where there would be six characters */
        snprintf(out, FORMAT_SIZE, "%lluh%02llu%s", s / 3600, s / 60 % 60, s < 36000 ? "m" : "");
    else if (s < 100 * 86400)
        snprintf(out, FORMAT_SIZE, "%llud%02llu%s", s / 86400, s / 3600 % 24,
                 s < 10 * 86400 ? "h" : "");
    else if (seconds < 10 * YEAR)
        snprintf(out, FORMAT_SIZE, "%llud", s / 86400);
    else
        snprintf(out, FORMAT_SIZE, "%.0fy", floor(seconds / YEAR));
}

static void moment(double seconds, const char *space, char out[FORMAT_SIZE])
{
    if (seconds > 0 && seconds < 0.0005)
        snprintf(out, FORMAT_SIZE, "<1%sms", space);
    else if (seconds < 0.9995)
        snprintf(out, FORMAT_SIZE, "%.0f%sms", floor(seconds * 1000 + 0.5), space);
    else if (seconds < 9.95)
        snprintf(out, FORMAT_SIZE, "%.1f%ss", seconds, space);
    else if (seconds < 59.5)
        snprintf(out, FORMAT_SIZE, "%.0f%ss", seconds, space);
    else
        format_age(seconds, out);
}

void format_moment(double seconds, char out[FORMAT_SIZE])
{
    if (!(seconds > 0))
        snprintf(out, FORMAT_SIZE, "-");
    else
        moment(seconds, "", out);
}

void format_wait(double seconds, char out[FORMAT_SIZE])
{
    moment(seconds > 0 ? seconds : 0, " ", out);
}

void format_seconds(double seconds, char out[FORMAT_SIZE])
{
    if (!(seconds > 0))
        snprintf(out, FORMAT_SIZE, "0 s");
    else if (seconds < 59.5)
        snprintf(out, FORMAT_SIZE, "%.0f s", seconds);
    else
        format_age(seconds, out);
}

void format_left(double seconds, char out[FORMAT_SIZE])
{
    static const struct {
        double from, unit; /* seconds */
        char letter;
    } units[] = {{172800, 86400, 'd'}, {7200, 3600, 'h'}, {60, 60, 'm'}, {0, 1, 's'}};
    size_t i = 0;
    if (!(seconds > 0))
        seconds = 0;
    while (seconds < units[i].from)
        i++;
    snprintf(out, FORMAT_SIZE, "%.0f%c", floor(seconds / units[i].unit), units[i].letter);
}

void format_clock(double time, long utc_offset, bool milliseconds, char out[FORMAT_SIZE])
{
    double local = time + (double)utc_offset;
    if (!(local >= 0) || local > 1e12) {
        snprintf(out, FORMAT_SIZE, "--:--:--");
        return;
    }
    unsigned long long ms = (unsigned long long)(local * 1000 + 1e-3), s = ms / 1000 % 86400;
    int n = snprintf(out, FORMAT_SIZE, "%02llu:%02llu:%02llu", s / 3600, s / 60 % 60, s % 60);
    if (milliseconds)
        snprintf(out + n, FORMAT_SIZE - (size_t)n, ".%03llu", ms % 1000);
}

/* Length of the end that is kept: ":40112" or "]:40112"; 0: there is no port. */
static size_t port_length(struct span a)
{
    size_t i = a.n;
    while (i > 0 && a.p[i - 1] >= '0' && a.p[i - 1] <= '9')
        i--;
    if (i == 0 || i == a.n || a.p[i - 1] != ':')
        return 0;
    i--;
    if (i > 0 && a.p[i - 1] == ']')
        i--;
    return a.n - i;
}

static bool ascii(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] > 126)
            return false;
    return true;
}

struct span format_address(const char *address, int width, char *out, size_t size)
{
    struct span a = span_of(address);
    size_t room = width > 0 ? (size_t)width : 0;
    if (a.n <= room || !ascii(a) || room >= size)
        return a;
    size_t tail = port_length(a);
    if (tail == 0 && a.n > 0 && a.p[0] == '/')
        tail = room * 2 / 3;
    if (tail == 0 || tail + 2 > room)
        return a;
    size_t head = room - tail - 1;
    snprintf(out, size, "%.*s~%s", (int)head, a.p, a.p + a.n - tail);
    return span_of(out);
}
