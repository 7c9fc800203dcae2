/* The streams and services that a table lists, in their order. Pure. */
#ifndef TUI_STATE_ORDER_H
#define TUI_STATE_ORDER_H

#include "tui/state/ui.h"

/* Indices into the snapshot, of the rows that are here; without memory there are none. Where the
 * program sends a page only, more rows fit than are here. */
struct order {
    uint32_t *at;
    size_t n;
    size_t from;  /* rows before the first one here */
    size_t total; /* rows that fit */
};

/* The streams that the filter lets through, sorted; equal ones by id. */
struct order order_streams(const struct ui *ui, const struct model *m);
/* The same with streams that `fits` lets through only; NULL: all. A page is taken as it is. */
struct order order_streams_that(const struct ui *ui, const struct model *m,
                                bool (*fits)(const struct snapshot_stream *s, const void *owner),
                                const void *owner);
/* The services, sorted; equal ones by name, then tunnel. */
struct order order_services(const struct ui *ui, const struct model *m);
void order_free(struct order *o);

/* The stream in that row of all that fit; NULL: it is not here. */
const struct snapshot_stream *order_stream(const struct order *o, const struct model *m,
                                           size_t row);
/* The row of the stream; -1: it is not here, or id is 0. */
long order_stream_row(const struct order *o, const struct model *m, uint64_t id);
/* The row of the service "TUNNEL/ID"; "" stands for the first row. */
long order_service_row(const struct order *o, const struct model *m, const char *name);
/* The service of that name; NULL: there is none. */
const struct snapshot_service *service_find(const struct model *m, const char *name);
/* Writes the service's name, "TUNNEL/ID". */
void service_name(const struct snapshot_service *s, char *out, size_t size);

#endif
