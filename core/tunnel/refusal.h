/* What an answer to the upgrade request means that is not 101: who gave it, the hub or something in
 * its place (a reverse proxy, a web proxy that looks into TLS, a captive portal), whether to try
 * again, and when. Pure.
 *
 * Hubs, ours and Amazon's, mark what they say with the header channel-id. Only their word that a
 * token is not good is final; what others say concerns the way to the hub, and ways change. */
#ifndef CORE_TUNNEL_REFUSAL_H
#define CORE_TUNNEL_REFUSAL_H

#include "core/http/http.h"

#define REFUSAL_BODY_MAX 1024 /* more of a body is not looked at */

struct refusal {
    bool final;       /* no later try can do better */
    int64_t later_ms; /* it asked to come back in so many ms (Retry-After); -1: it did not */
    char text[600];   /* printable ASCII: who said what, and what to do about it */
};

/* body: what has come of it, without chunk framing; now_ms since the epoch. */
void refusal_read(const struct http_head *head, struct span body, int64_t now_ms,
                  struct refusal *out);

#endif
