/* A session from the inside. */
#ifndef CORE_TUNNEL_SESSION_INTERNAL_H
#define CORE_TUNNEL_SESSION_INTERNAL_H

#include "core/tunnel/dialect_aws.h"
#include "core/tunnel/native_internal.h"
#include "core/tunnel/session.h"

struct session {
    struct conn_host host; /* what its connections know of it */
    struct aws aws;
    struct native native;
    struct budget own_budget; /* when it was given none */
    struct frame_cutter cutter;
    uint8_t *waiting; /* an assembled frame that could not be delivered yet; its last byte has
                       * not been taken from the transport */
    size_t waiting_size;
};

/* session_receive.c */
/* The peer broke the protocol, or there is no memory: the transport must be dropped. */
void session_broken(struct session *s, enum err why, const char *text);
void session_return_memory(struct session *s); /* what is half assembled is forgotten */

#endif
