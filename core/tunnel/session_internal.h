/* Private to session.h: a session from the inside, for session.c (life, the pump) and
 * session_receive.c (what comes). Layers below know struct conn_host of it, and no more. */
#ifndef CORE_TUNNEL_SESSION_INTERNAL_H
#define CORE_TUNNEL_SESSION_INTERNAL_H

#include "core/tunnel/dialect_aws.h"
#include "core/tunnel/native_internal.h"
#include "core/tunnel/session.h"

struct session {
    struct conn_host host; /* Its connections know this of it. */
    struct aws aws;
    struct native native;
    struct budget own_budget; /* The accounts are of this one if the options name none. */
    struct frame_cutter cutter;
    uint8_t *waiting; /* An assembled frame could not be delivered yet; its last byte has not been
                       * taken from the transport. */
    size_t waiting_size;
};

/* session_receive.c */
/* The peer broke the protocol, or there is no memory: the transport must be dropped. */
void session_broken(struct session *s, enum err why, const char *text);
void session_return_memory(struct session *s); /* A frame that is half there is forgotten. */

#endif
