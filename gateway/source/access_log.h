/* What the log and the monitor are told of clients: one line per stream at its end, and refusals,
 * of which the first of a kind is a line and the rest a count (a browser pointed wholesale at the
 * gateway asks for hundreds of foreign names). */
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
void access_log_free(struct access_log *a); /* tells the counts left; NULL is fine */

/* A client that got no further than its request. protocol: static text. text: a sentence; NULL:
 * that of `why`. */
void access_log_refused(struct access_log *a, const char *client, const char *protocol,
                        const char *asked, enum err why, const char *text);

/* A client whose request is complete, from then to its end. Whoever serves it has one and reads
 * `asked`. */
struct access_log_entry {
    struct access_log *access_log;
    char name[80];        /* of its stream: "127.0.0.1:50000" */
    const char *protocol; /* "socks5" */
    char *asked;          /* the host name as it gave it */
    struct monitor_stream *watched;
};

struct access_log_options {
    struct stream *stream;
    const char *protocol; /* static */
    struct span asked;
    uint64_t accepted_ms; /* loop_now when it came; 0: just now */
    /* As in struct monitor_stream_info. */
    void (*look)(void *ctx, struct monitor_counters *out);
    void (*close)(void *ctx);
    void *ctx;
};
/* False: no memory; it did not begin, then. */
bool access_log_began(struct access_log *a, const struct access_log_options *o,
                      struct access_log_entry *out);
/* As monitor_stream_opened and monitor_stream_answered. */
void access_log_opened(struct access_log_entry *c, struct monitor_tunnel *tunnel,
                       const char *service);
void access_log_answered(struct access_log_entry *c);

struct access_log_end {
    const char *service;
    uint64_t ms, up, down;
    enum err why;
};
/* The two ends, of one that was never answered and of one that was; what `look` says is counted
 * once more. text as above. */
void access_log_refuse(struct access_log_entry *c, enum err why, const char *text);
void access_log_ended(struct access_log_entry *c, const struct access_log_end *end);
/* frees what it holds; behind one of the ends */
void access_log_forget(struct access_log_entry *c);

#endif
