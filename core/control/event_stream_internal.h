/* The readers of /v1/events: one JSON object a line, without end. Private to core/control.
 *
 * A reader may be slow or stuck: at most EVENTS_HELD bytes wait for it, further events are dropped
 * and counted, and it is told how many as soon as it reads again. */
#ifndef CORE_CONTROL_EVENT_STREAM_INTERNAL_H
#define CORE_CONTROL_EVENT_STREAM_INTERNAL_H

#include "core/control/monitor.h"
#include "core/net/loop.h"
#include "core/net/stream.h"

#define EVENTS_HELD 262144
#define EVENTS_MAX_READERS 32 /* a further reader is closed at once */

struct event_streams;

/* Tells readers the events of m, which must outlive it, from now on. NULL: no memory. */
struct event_streams *event_streams_new(struct loop *loop, struct monitor *m);
void event_streams_free(struct event_streams *e); /* closes all readers; NULL is fine */
/* Takes over the stream of a request, and answers the request. */
void event_streams_join(struct event_streams *e, struct stream *s);

#endif
