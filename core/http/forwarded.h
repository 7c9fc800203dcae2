/* Who sent a request, as the web servers before us say it in X-Forwarded-For or in Forwarded (RFC
 * 7239). Pure.
 *
 * Each server appends who came to it, so only the end of the list can be believed: the last address
 * that is none of our own fronts'. What stands before it was written by that client, or by somebody
 * whom only that client trusts. */
#ifndef CORE_HTTP_FORWARDED_H
#define CORE_HTTP_FORWARDED_H

#include "core/http/http.h"
#include "core/net/addresses.h"
#include "core/net/ip.h"

enum forwarded {
    FORWARDED_NONE,   /* nobody says it: no such header, or the last name is "unknown" or hidden */
    FORWARDED_CLIENT, /* *client is set; port 0: it was not said */
    FORWARDED_BAD     /* malformed, or the two headers differ; *why is a sentence */
};

/* fronts: whose addresses are passed over at the end of a list, and NULL for none. When all are
 * fronts, the first one is the client. */
enum forwarded forwarded_client(const struct http_head *head, const struct ip_list *fronts,
                                union address *client, const char **why);

#endif
