/* The connection of somebody who watches a program through its control endpoint: one request at a
 * time over one unix socket, made anew when it is lost. */
#ifndef CORE_CONTROL_CLIENT_ADMIN_CLIENT_H
#define CORE_CONTROL_CLIENT_ADMIN_CLIENT_H

#include "core/base/err.h"
#include "core/base/str.h"
#include "core/net/loop.h"

#define WATCH_ANSWER_MAX 67108864 /* bytes of one answer */
#define WATCH_LINE_MAX 65536      /* of one line of an answer without end */
#define WATCH_REQUEST_MAX 4096
#define WATCH_PATIENCE_MS 10000 /* so long nothing of an answer may come */

struct watch;

struct watch_events {
    /* The answer to the request at hand; body lives until this returns. Ask again from inside or
     * later. status: 200, ... */
    void (*answer)(void *owner, int status, struct span body);
    /* A line of an answer without end (watch_follow), without its line end. May be NULL. */
    void (*line)(void *owner, struct span line);
    /* The connection could not be made, or is lost (also with nothing asked); what was asked will
     * not be answered. text: a sentence for people without a full stop. Nothing happens by itself:
     * try again with watch_ask. */
    void (*lost)(void *owner, enum err why, const char *text);
};

/* path: of the socket, with a '/' in it; copied. NULL: no memory. Connects with the first
 * watch_ask. */
struct watch *watch_new(struct loop *loop, const char *path, const struct watch_events *events,
                        void *owner);
void watch_free(struct watch *w); /* NULL is fine; allowed in any event */

/* method: "GET" or "DELETE". target: "/v1/snapshot?history=5". Connects when it is not connected.
 * One request at a time: false while another one is unanswered. Events come later, never from
 * inside. */
bool watch_ask(struct watch *w, const char *method, const char *target);
/* GET an answer without end, line by line. */
bool watch_follow(struct watch *w, const char *target);
bool watch_busy(const struct watch *w); /* a request is unanswered */
/* Closes the connection, and what was asked will not be answered: before a pause after which the
 * other side would have closed it. */
void watch_rest(struct watch *w);
/* In place of WATCH_PATIENCE_MS, from the next request on; no limit between lines. */
void watch_patience(struct watch *w, uint64_t ms);

#endif
