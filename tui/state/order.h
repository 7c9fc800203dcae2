/* The streams and services that a table lists, in their order. Pure. */
#ifndef TUI_STATE_ORDER_H
#define TUI_STATE_ORDER_H

#include "tui/state/ui.h"

/* Indices into the snapshot. Without memory the list is empty. */
struct order {
    uint32_t *at;
    size_t n;
};

/* The streams that the filter lets through, sorted; equal ones by id. */
struct order order_streams(const struct ui *ui, const struct model *m);
/* The services, sorted; equal ones by name, then tunnel. */
struct order order_services(const struct ui *ui, const struct model *m);
void order_free(struct order *o);

/* The row of the stream; -1: it is not listed. Id 0 stands for the first row. */
long order_stream_row(const struct order *o, const struct model *m, uint64_t id);
/* The row of the service "TUNNEL/ID"; "" stands for the first row. */
long order_service_row(const struct order *o, const struct model *m, const char *name);
/* Writes the service's name, "TUNNEL/ID". */
void service_name(const struct snapshot_service *s, char *out, size_t size);

#endif
