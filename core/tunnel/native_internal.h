/* What a session knows of its native connections, and they of themselves. */
#ifndef CORE_TUNNEL_NATIVE_INTERNAL_H
#define CORE_TUNNEL_NATIVE_INTERNAL_H

#include "core/tunnel/conn_internal.h"

struct native {
    struct dialect dialect;     /* open: all RESUMEs of this epoch came, so what both say counts */
    uint32_t last_begun;        /* the last connection id */
    struct list conns;          /* live connections */
    size_t windows;             /* the sum of their windows' sizes */
    struct list credit_delayed; /* those whose CREDIT waits for: */
    struct timer *credit_timer;
    struct round_trips path;
    bool echo_due; /* another measure of it is due */

    /* resume.h */
    char peer_instance[sizeof(((struct session_peer *)NULL)->instance)]; /* whom they are with */
    uint32_t epoch;                                                      /* of the last PEER */
    bool listing_owed;          /* our RESUMEs have not all left */
    struct list listing;        /* those whose RESUME has to leave */
    struct timer *resume_timer; /* for a far end that has gone */
    uint64_t resume_ms;
    bool reply_owed;
    uint8_t echo[8], reply[8]; /* the payload of our last ECHO; of the one to be answered */
    uint64_t echoed_ms;        /* the time of our last ECHO */
    uint64_t echoed_ns;        /* of it, too, while it is not answered, else 0 */
    uint64_t round_trip_us;    /* the last one measured; 0: none */
};

struct native_conn {
    struct conn conn;
    struct list in_natives;     /* in native.conns while live */
    struct list listing;        /* in native.listing while its RESUME has to leave */
    struct list credit_delayed; /* in native.credit_delayed while a CREDIT waits for the timer */
    bool listed;                /* in our RESUMEs, and the far end has not named it yet */
    bool opened;                /* the far end has answered the opening */
    bool we_ended;              /* our local side was the first to end */
};

static inline struct native *native_of(const struct conn *c)
{
    return (struct native *)c->dialect;
}

static inline struct native_conn *native_conn_of(struct conn *c)
{
    return (struct native_conn *)c;
}

#endif
