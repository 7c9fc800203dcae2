/* A connection to a program's control endpoint: one request at a time over one unix socket, which
 * is connected anew when it is lost. */
#ifndef CORE_CONTROL_CLIENT_ADMIN_CLIENT_H
#define CORE_CONTROL_CLIENT_ADMIN_CLIENT_H

#include "core/base/err.h"
#include "core/base/str.h"
#include "core/net/loop.h"

#define ADMIN_CLIENT_ANSWER_MAX 67108864 /* bytes of one answer */
#define ADMIN_CLIENT_LINE_MAX 65536      /* of one line of an answer without end */
#define ADMIN_CLIENT_REQUEST_MAX 4096
#define ADMIN_CLIENT_TIMEOUT_MS 10000 /* milliseconds for which nothing of an answer may come */

struct admin_client;

struct admin_client_events {
    /* The answer to the request at hand; body lives until this returns. The next request may be
     * made from inside or later. status: 200, ... */
    void (*answer)(void *owner, int status, struct span body);
    /* A line of an answer without end (admin_client_follow), without its line end. May be NULL. */
    void (*line)(void *owner, struct span line);
    /* The connection could not be made, or is lost (also without a request); a request at hand will
     * not be answered. text: a sentence for people without a full stop. There is no automatic
     * retry: admin_client_ask connects again. */
    void (*lost)(void *owner, enum err why, const char *text);
};

/* path: the socket's, with a '/' in it; copied. NULL: no memory. The first admin_client_ask
 * connects. */
struct admin_client *admin_client_new(struct loop *loop, const char *path,
                                      const struct admin_client_events *events, void *owner);
void admin_client_free(struct admin_client *w); /* NULL is fine; allowed in any event */

/* Sends a request without a body. method: "GET", "DELETE" or "POST". target:
 * "/v1/snapshot?history=5". Connects when there is no connection. There is one request at a time:
 * false while another one is unanswered. Events come later, never from inside. */
bool admin_client_ask(struct admin_client *w, const char *method, const char *target);
/* Sends a GET whose answer is endless and is told line by line. */
bool admin_client_follow(struct admin_client *w, const char *target);
bool admin_client_busy(const struct admin_client *w); /* a request is unanswered */
/* Closes the connection, and a request at hand will not be answered. It is for the time before a
 * pause after which the other side would have closed. */
void admin_client_close(struct admin_client *w);
/* Replaces ADMIN_CLIENT_TIMEOUT_MS from the next request on; there is no limit between lines. */
void admin_client_timeout(struct admin_client *w, uint64_t ms);

#endif
