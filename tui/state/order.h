/* Which streams and services a table lists, and in what order. Pure. */
#ifndef TUI_STATE_ORDER_H
#define TUI_STATE_ORDER_H

#include "tui/state/ui.h"

/* Indices into the snapshot. Out of memory there are none. */
struct order {
    uint32_t *at;
    size_t n;
};

/* Those that the filter lets through, sorted; ties by id. */
struct order order_streams(const struct ui *ui, const struct model *m);
/* Sorted; ties by name, then tunnel. */
struct order order_services(const struct ui *ui, const struct model *m);
void order_free(struct order *o);

/* The row of the stream; -1: not listed. Id 0 is the first row's. */
long order_stream_row(const struct order *o, const struct model *m, uint64_t id);
/* The row of "TUNNEL/ID"; "" is the first row's. */
long order_service_row(const struct order *o, const struct model *m, const char *name);
/* "TUNNEL/ID" */
void service_name(const struct snapshot_service *s, char *out, size_t size);

#endif
