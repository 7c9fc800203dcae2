/* Where the control API is, as an option or the environment names it. Pure. */
#ifndef GATEWAY_CTL_API_URL_H
#define GATEWAY_CTL_API_URL_H

#include "core/base/err.h"
#include "core/base/str.h"

#include <stdbool.h>
#include <stddef.h>

#define API_URL_NAME 280 /* holds any of the names below */

struct api_url {
    char *host; /* lower case, without brackets */
    int port;
    char *path; /* of requests: "/", or what the URL says */
};

/* "https://HOST[:PORT][/PATH]" or "HOST[:PORT]", port 443 when none is given; IPv6 addresses in
 * brackets. ERR_USAGE with the rest of a sentence about the text ("is …"). Free it in any case. */
enum err api_url_read(const char *text, struct api_url *out, char *problem, size_t size);
void api_url_free(struct api_url *e);

/* localhost, 127.0.0.0/8, ::1 */
bool api_url_is_loopback(const struct api_url *e);
/* "host:8443", "[::1]:8443", and without the port when that is 443: for the Host header. */
char *api_url_name(const struct api_url *e, char out[API_URL_NAME]);
/* Where the ends of tunnels connect, "host:8443": at the same place, except for AWS, whose control
 * API has a host of its own. */
char *api_url_data_host(const struct api_url *e, char out[API_URL_NAME]);
/* The region in the name of AWS's control API; empty for other hosts. */
struct span api_url_region(const struct api_url *e);

#endif
