/* The life of the native dialect in a session: who is on the other side, as a native hub says, and
 * how connections are taken up again (share/doc/native.md, "PEER" and "Resume"). */
#ifndef CORE_TUNNEL_RESUME_H
#define CORE_TUNNEL_RESUME_H

#include "core/tunnel/native_internal.h"

bool native_init(struct native *n, struct conn_host *h); /* False: no memory; to be freed, too. */
void native_free(struct native *n);                      /* There are no connections any more. */
/* A native frame came. False: its connection cannot take more now; the frame must come again. */
bool resume_frame(struct native *n, const struct frame *f);
/* Sends the next frame that is no connection's: RESUME, ECHO or its reply. False: none is due. */
bool resume_send_next(struct native *n);
void resume_lost(struct native *n); /* The transport is gone for now, and with it the peer. */
/* Ends every native connection. tell: the far end may still have them, and hears of it. */
void resume_end_all(struct native *n, enum err why, bool tell);

#endif
