/* Who has been idle for too long: connections in which no byte has moved in either direction for
 * the idle time are ended by a reset, with ERR_IDLE (share/doc/architecture.md, "Idle
 * connections").
 *
 * The idle time is the shorter one of the program's own (conn_host.idle_ms) and the hub's
 * (transport.stream_idle_ms); 0 is none. A connection's clock begins when it has its local stream.
 * It stands while the connection waits for its link or for the far end to come back, and begins
 * anew when they are back: what nobody could send is no idleness.
 *
 * Nothing is done on a byte's way: somebody looks 32 times in each idle time whether the counters
 * have moved. So a connection ends after the idle time, and a sixteenth of it later at most. */
#ifndef CORE_TUNNEL_IDLE_H
#define CORE_TUNNEL_IDLE_H

#include "core/tunnel/conn_host.h"

bool idle_init(struct conn_host *h); /* Makes the timer. False: no memory. */
void idle_free(struct conn_host *h);
void idle_changed(struct conn_host *h); /* The idle time may be another one. */
void idle_begin(struct conn *c);        /* The clock of c begins, or begins anew. */
/* Whether the far end, where the same idle time may hold, had reason to end c for it: V1 to V3 have
 * one reset for every end. */
bool idle_explains_reset(struct conn *c);

#endif
