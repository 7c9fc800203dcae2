/* The connection of somebody who watches a program through its control endpoint: one request at a
 * time over one unix socket, made anew when it is lost. */
#ifndef CORE_CONTROL_CLIENT_ADMIN_CLIENT_H
#define CORE_CONTROL_CLIENT_ADMIN_CLIENT_H

#include "core/base/err.h"
#include "core/base/str.h"
#include "core/net/loop.h"

#define ADMIN_CLIENT_ANSWER_MAX 67108864 /* bytes of one answer */
#define ADMIN_CLIENT_LINE_MAX 65536      /* of one line of an answer without end */
#define ADMIN_CLIENT_REQUEST_MAX 4096
#define ADMIN_CLIENT_TIMEOUT_MS 10000 /* so long nothing of an answer may come */

struct admin_client;

struct admin_client_events {
    /* The answer to the request at hand; body lives until this returns. Ask again from inside or
     * later. status: 200, ... */
    void (*answer)(void *owner, int status, struct span body);
    /* A line of an answer without end (admin_client_follow), without its line end. May be NULL. */
    void (*line)(void *owner, struct span line);
    /* The connection could not be made, or is lost (also with nothing asked); what was asked will
     * not be answered. text: a sentence for people without a full stop. Nothing happens by itself:
     * try again with admin_client_ask. */
    void (*lost)(void *owner, enum err why, const char *text);
};

/* path: of the socket, with a '/' in it; copied. NULL: no memory. Connects with the first
 * admin_client_ask. */
struct admin_client *admin_client_new(struct loop *loop, const char *path,
                                      const struct admin_client_events *events, void *owner);
void admin_client_free(struct admin_client *w); /* NULL is fine; allowed in any event */

/* method: "GET" or "DELETE". target: "/v1/snapshot?history=5". Connects when it is not connected.
 * One request at a time: false while another one is unanswered. Events come later, never from
 * inside. */
bool admin_client_ask(struct admin_client *w, const char *method, const char *target);
/* GET an answer without end, line by line. */
bool admin_client_follow(struct admin_client *w, const char *target);
bool admin_client_busy(const struct admin_client *w); /* a request is unanswered */
/* Closes the connection, and what was asked will not be answered: before a pause after which the
 * other side would have closed it. */
void admin_client_close(struct admin_client *w);
/* In place of ADMIN_CLIENT_TIMEOUT_MS, from the next request on; no limit between lines. */
void admin_client_timeout(struct admin_client *w, uint64_t ms);

#endif
