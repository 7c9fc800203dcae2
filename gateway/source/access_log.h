/* What log and monitor are told of clients: a line for each connection at its end, and refusals. Of
 * refusals the first of a kind has a line and the rest are counted: a browser whose every request
 * goes to the gateway asks for hundreds of foreign names. */
#ifndef GATEWAY_SOURCE_ACCESS_LOG_H
#define GATEWAY_SOURCE_ACCESS_LOG_H

#include "core/base/err.h"
#include "core/base/str.h"
#include "core/control/monitor.h"
#include "core/net/loop.h"
#include "core/net/stream.h"

#include <stdint.h>

#define ACCESS_LOG_PAUSE_MS 10000

struct access_log;
/* monitor NULL: there is only the log; else it must outlive the access log. NULL: memory. */
struct access_log *access_log_new(struct loop *loop, struct monitor *monitor);
void access_log_free(struct access_log *a); /* tells the counts that are left; NULL is fine */

/* Tells of a client that got no further than its request. protocol: static text. text: a sentence;
 * NULL: that of `why`. */
void access_log_refused(struct access_log *a, const char *client, const char *protocol,
                        const char *asked, enum err why, const char *text);

/* One client from its complete request to its end. The owner is what serves the client; it may read
 * the members and changes none. */
struct access_log_entry {
    struct access_log *access_log;
    char name[80];        /* the stream's: "127.0.0.1:50000" */
    const char *protocol; /* "socks5" */
    char *asked;          /* the host name as the client gave it */
    struct monitor_stream *watched;
};

struct access_log_options {
    struct stream *stream;
    const char *protocol; /* static */
    struct span asked;
    const char *user;     /* that the client gave; NULL: none */
    uint64_t accepted_ms; /* loop_now when the client came; 0: just now */
    /* look, close, ctx: as in struct monitor_stream_info. */
    void (*look)(void *ctx, struct monitor_counters *out);
    void (*close)(void *ctx);
    void *ctx;
};
/* False: no memory, and the entry is not in use. */
bool access_log_began(struct access_log *a, const struct access_log_options *o,
                      struct access_log_entry *out);
/* The entry's monitor_stream_opened and monitor_stream_answered. target: what was named behind the
 * device; NULL, "": nothing. */
void access_log_opened(struct access_log_entry *c, struct monitor_tunnel *tunnel,
                       const char *service, const char *target);
void access_log_answered(struct access_log_entry *c);

struct access_log_end {
    const char *service;
    const char *target; /* as in access_log_opened */
    uint64_t ms, up, down;
    enum err why;
};
/* One of the two ends an entry: access_log_refuse when the client was never answered, else
 * access_log_ended. `look` is called once more for the last counters. text: as in
 * access_log_refused. */
void access_log_refuse(struct access_log_entry *c, enum err why, const char *text);
void access_log_ended(struct access_log_entry *c, const struct access_log_end *end);
/* Frees what the entry holds; comes after one of these ends. */
void access_log_forget(struct access_log_entry *c);

#endif
