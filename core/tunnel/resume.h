/* The life of the native dialect in a session: who is on the other side, as a native hub says, and
 * how connections are taken up again (share/doc/native.md, "PEER" and "Resume"). */
#ifndef CORE_TUNNEL_RESUME_H
#define CORE_TUNNEL_RESUME_H

#include "core/tunnel/native_internal.h"

bool native_init(struct native *n, struct conn_host *h); /* false: memory */
void native_free(struct native *n); /* when it has been initialised, also in vain */
/* A native frame came. False: its connection cannot take more now; it must come again. */
bool resume_frame(struct native *n, const struct frame *f);
/* Sends what belongs to the session, or to nobody yet; false: nothing is owed. */
bool resume_send_next(struct native *n);
void resume_lost(struct native *n); /* the transport is gone for now: nobody is there */
/* Every native connection; tell: the far end may still have them. */
void resume_end_all(struct native *n, enum err why, bool tell);

#endif
