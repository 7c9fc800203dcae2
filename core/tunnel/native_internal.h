/* The state of the native dialect: of a session, and of one native connection. */
#ifndef CORE_TUNNEL_NATIVE_INTERNAL_H
#define CORE_TUNNEL_NATIVE_INTERNAL_H

#include "core/tunnel/conn_internal.h"

struct native {
    /* It is open when all RESUMEs of this epoch came, so that what both ends say counts. */
    struct dialect dialect;
    uint32_t last_begun;        /* This is the last connection id that was used. */
    struct list conns;          /* Live connections. */
    size_t windows;             /* Their windows have so many bytes together. */
    struct list credit_delayed; /* Their next CREDIT leaves when credit_timer fires. */
    size_t n_delayed;           /* There are so many of them. */
    struct timer *credit_timer;
    struct round_trips path;
    bool echo_due;      /* The round trip has to be measured again. */
    uint64_t echoed_ms; /* Our last ECHO left then. */
    uint32_t epoch;     /* The last PEER said this. */
    uint32_t features;  /* The far end understands these; it has said so in its last RESUME. */

    /* resume.c alone uses what follows. */
    char peer_instance[sizeof(((struct session_peer *)NULL)->instance)]; /* Connections are with
                                                                            this process. */
    bool listing_owed;          /* Not all of our RESUMEs have left. */
    struct list listing;        /* Connections whose RESUME has to leave. */
    struct timer *resume_timer; /* A far end that has gone is waited for until it fires. */
    uint64_t resume_ms;
    bool reply_owed;
    uint8_t echo[8], reply[8]; /* Our last ECHO had this payload; so has the one to be answered. */
    uint64_t echoed_ns;        /* Our last ECHO left then, while it is not answered; else 0. */
    uint64_t round_trip_us;    /* The last ECHO took so long. 0: none was answered. */
};

struct native_conn {
    struct conn conn;
    struct list in_natives;     /* It is in native.conns while live. */
    struct list listing;        /* It is in native.listing while its RESUME has to leave. */
    struct list credit_delayed; /* It is in native.credit_delayed while a CREDIT waits. */
    bool listed;                /* Our RESUMEs name it, and the far end's have not. */
    bool opened;                /* The far end has answered the opening. */
    bool we_ended;              /* Our local side was the first to end. */
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
