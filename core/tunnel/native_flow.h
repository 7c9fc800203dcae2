/* Flow control of native connections: what may be read and sent, and what is acknowledged
 * (window.h has the arithmetic). */
#ifndef CORE_TUNNEL_NATIVE_FLOW_H
#define CORE_TUNNEL_NATIVE_FLOW_H

#include "core/tunnel/native_internal.h"

void flow_open(struct conn *c);                         /* it has a window from now on */
void flow_retire(struct conn *c);                       /* and here no more; what is kept goes */
size_t flow_read(struct conn *c, uint8_t *p, size_t n); /* dialect_ops.read */
/* What it had to send may all have left: then the FIN is due. */
void flow_sent(struct conn *c);
void flow_credit(struct conn *c, bool now); /* a CREDIT is due, or will be */
/* CREDIT came. NULL, or what is wrong with it. */
const char *flow_credited(struct conn *c, const struct frame *f);
void flow_go_on(struct conn *c); /* after anything that may let it send */
void flow_credit_timer(void *native);
void flow_look(const struct conn *c, struct conn_info *out); /* dialect_ops.look */

#endif
