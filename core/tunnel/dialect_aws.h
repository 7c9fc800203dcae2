/* V1 to V3, the protocol of AWS (share/doc/protocol.md): streams of services, and connections in
 * them, whose every end is a reset. */
#ifndef CORE_TUNNEL_DIALECT_AWS_H
#define CORE_TUNNEL_DIALECT_AWS_H

#include "core/tunnel/conn_host.h"

struct aws {
    struct dialect dialect;
    int32_t last_stream;
};

/* The first stream that a source opens has the id behind last_stream. */
void aws_init(struct aws *a, struct conn_host *h, int32_t last_stream);
/* A frame about streams or connections came. False: its connection cannot take more now; the frame
 * must come again. */
bool aws_frame(struct aws *a, const struct frame *f);
void aws_lost(struct aws *a, enum err why); /* The transport is gone: all connections end. */

#endif
