/* Who reads /v1/events: one JSON object a line, without end. Private to core/control.
 *
 * A reader may be slow or stuck: at most EVENTS_HELD bytes wait for it, further events are dropped
 * and counted, and it is told how many as soon as it reads again. */
#ifndef CORE_CONTROL_EVENT_STREAM_INTERNAL_H
#define CORE_CONTROL_EVENT_STREAM_INTERNAL_H

#include "core/control/monitor.h"
#include "core/net/loop.h"
#include "core/net/stream.h"

#define EVENTS_HELD 262144
#define EVENTS_MAX_READERS 32 /* one more is closed at once */

struct events;

/* Tells the events of m, which must outlive it, from now on. NULL: no memory. */
struct events *events_new(struct loop *loop, struct monitor *m);
void events_free(struct events *e); /* closes all readers; NULL is fine */
/* Takes the stream over and answers the request that came on it. */
void events_join(struct events *e, struct stream *s);

#endif
