/* Writes metrics in Prometheus' text format, version 0.0.4 (prometheus.io, "Exposition formats"):
 * for each metric its HELP and TYPE lines, then its samples, all of them before the next metric.
 *
 * Every function appends whole lines. False: the lines do not fit, or no memory; out is unchanged.
 * Names are the program's own: [a-zA-Z_:][a-zA-Z0-9_:]* for metrics, without colons for labels. */
#ifndef CORE_BASE_PROMETHEUS_H
#define CORE_BASE_PROMETHEUS_H

#include "core/base/buf.h"

#define PROMETHEUS_TYPE "text/plain; version=0.0.4; charset=utf-8" /* Content-Type */

enum prometheus_kind {
    PROMETHEUS_COUNTER, /* only grows; its name ends in _total */
    PROMETHEUS_GAUGE,
    PROMETHEUS_HISTOGRAM, /* samples: NAME_bucket with label le, NAME_sum, NAME_count */
    PROMETHEUS_SUMMARY,
    PROMETHEUS_UNTYPED
};

struct prometheus_label {
    const char *name, *value; /* value: any UTF-8, escaped here */
};

bool prometheus_metric(struct buf *out, const char *name, enum prometheus_kind kind,
                       const char *help);
/* Labels may be NULL when n is 0. A uint64_t is written exactly, even above 2^53, where a reader's
 * doubles are not. */
bool prometheus_number(struct buf *out, const char *name, const struct prometheus_label *labels,
                       size_t n, uint64_t value);
/* A value that reads back as the same. Times in whole milli- or microseconds are written with no
 * more digits than they have. */
bool prometheus_real(struct buf *out, const char *name, const struct prometheus_label *labels,
                     size_t n, double value);

#endif
