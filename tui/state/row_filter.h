/* The filter (core/control/filter/filter.h) on a snapshot's streams and events. Pure. */
#ifndef TUI_STATE_ROW_FILTER_H
#define TUI_STATE_ROW_FILTER_H

#include "core/control/client/snapshot.h"
#include "core/control/filter/filter.h"

bool row_filter_stream(const struct filter *f, const struct snapshot_stream *s);
/* Applies the words about fields that an event has: texts, and the numbers of a stream's end. An
 * event that does not concern a single stream ("down", "lost", ...) always matches. */
bool row_filter_event(const struct filter *f, const struct snapshot_event *e);
/* Whether a plain word matches the stream. */
bool row_filter_contains(const struct snapshot_stream *s, const char *text);

#endif
