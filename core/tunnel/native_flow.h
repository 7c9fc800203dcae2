/* Flow control of native connections: what may be read and sent, and what is acknowledged
 * (window.h has the arithmetic). */
#ifndef CORE_TUNNEL_NATIVE_FLOW_H
#define CORE_TUNNEL_NATIVE_FLOW_H

#include "core/tunnel/native_internal.h"

void flow_open(struct conn *c);                      /* c has a window from now on. */
void flow_retire(struct conn *c);                    /* The window ends, and what is kept goes. */
size_t flow_read(struct conn *c, const uint8_t **p); /* This is dialect_ops.read. */
/* Owes the FIN if the local side has ended and all its bytes have left. */
void flow_sent(struct conn *c);
/* Owes a CREDIT: now, or as soon as enough has been handed on or time has passed. */
void flow_credit(struct conn *c, bool now);
/* A CREDIT came. Returns NULL, or what is wrong with it. */
const char *flow_credited(struct conn *c, const struct frame *f);
void flow_go_on(struct conn *c); /* Lets c send after anything that may have been in its way. */
void flow_credit_timer(void *native);
void flow_look(const struct conn *c, struct conn_info *out); /* This is dialect_ops.look. */

#endif
