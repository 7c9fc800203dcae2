#include "core/base/prometheus.h"

#include "core/base/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static bool undo(struct buf *out, size_t size)
{
    out->size = size;
    return false;
}

static bool put(struct buf *out, const char *text)
{
    return buf_append(out, text, strlen(text));
}

/* Appends the text through the gate, with a backslash before backslashes and, in label values,
 * before quotes. */
static bool put_escaped(struct buf *out, const char *text, bool quotes)
{
    struct span rest = span_of(text);
    bool ok = true;
    while (rest.n > 0 && ok) {
        char shown[TEXT_SHOWN];
        size_t n = text_next(&rest, TEXT_UTF8, shown);
        if (shown[0] == '\\' || (shown[0] == '"' && quotes))
            ok = put(out, "\\");
        ok = ok && buf_append(out, shown, n);
    }
    return ok;
}

bool prometheus_metric(struct buf *out, const char *name, enum prometheus_kind kind,
                       const char *help)
{
    static const char *const kinds[] = {[PROMETHEUS_COUNTER] = "counter",
                                        [PROMETHEUS_GAUGE] = "gauge",
                                        [PROMETHEUS_HISTOGRAM] = "histogram",
                                        [PROMETHEUS_SUMMARY] = "summary",
                                        [PROMETHEUS_UNTYPED] = "untyped"};
    size_t before = out->size;
    if (buf_printf(out, "# HELP %s ", name) && put_escaped(out, help, false) &&
        buf_printf(out, "\n# TYPE %s %s\n", name, kinds[kind]))
        return true;
    return undo(out, before);
}

static bool put_label(struct buf *out, const struct prometheus_label *label, bool first)
{
    return buf_printf(out, "%s%s=\"", first ? "{" : ",", label->name) &&
           put_escaped(out, label->value, true) && put(out, "\"");
}

static bool sample(struct buf *out, const char *name, const struct prometheus_label *labels,
                   size_t n, const char *value)
{
    size_t before = out->size;
    bool ok = put(out, name);
    for (size_t i = 0; i < n && ok; i++)
        ok = put_label(out, &labels[i], i == 0);
    if (ok && buf_printf(out, "%s %s\n", n > 0 ? "}" : "", value))
        return true;
    return undo(out, before);
}

bool prometheus_number(struct buf *out, const char *name, const struct prometheus_label *labels,
                       size_t n, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    return sample(out, name, labels, n, text);
}

/* Whether it is a whole number of 1/scale that has up to 15 digits: that many a double keeps. */
static bool is_whole(double value, double scale)
{
    double scaled = value * scale;
    if (!(scaled > -1e15 && scaled < 1e15))
        return false;
    int64_t whole = (int64_t)(scaled + (value < 0 ? -0.5 : 0.5));
    return (double)whole / scale == value;
}

/* Writes a form that reads back as the same value. (To try which is the shortest would take strtod,
 * which an agent does not need otherwise.) */
static void format_real(double value, char *out, size_t size)
{
    if (isnan(value) || isinf(value)) {
        snprintf(out, size, "%s", isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
        return;
    }
    bool short_one = is_whole(value, 1e3) || is_whole(value, 1e6);
    snprintf(out, size, "%.*g", short_one ? 15 : 17, value);
    char *comma = strchr(out, ','); /* the decimal point of some locales */
    if (comma != NULL)
        *comma = '.';
}

bool prometheus_real(struct buf *out, const char *name, const struct prometheus_label *labels,
                     size_t n, double value)
{
    char text[40];
    format_real(value, text, sizeof text);
    return sample(out, name, labels, n, text);
}
