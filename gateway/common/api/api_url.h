/* The address of the control API, as an option or the environment gives it. Pure. */
#ifndef GATEWAY_COMMON_API_API_URL_H
#define GATEWAY_COMMON_API_API_URL_H

#include "core/base/err.h"
#include "core/base/str.h"

#include <stdbool.h>
#include <stddef.h>

#define API_URL_NAME 280 /* bytes; holds any of the names below */

struct api_url {
    char *host; /* lower case, without brackets */
    int port;
    char *path; /* path of requests: "/" or the URL's */
};

/* Reads "https://HOST[:PORT][/PATH]" or "HOST[:PORT]"; the default port is 443, and IPv6 addresses
 * are in brackets. ERR_USAGE comes with the rest of a sentence about the text ("is …"). *out must
 * be freed in any case. */
enum err api_url_read(const char *text, struct api_url *out, char *problem, size_t size);
void api_url_free(struct api_url *e);

/* Whether the host is localhost, in 127.0.0.0/8, or ::1. */
bool api_url_is_loopback(const struct api_url *e);
/* The value of the Host header: "host:8443", "[::1]:8443", and without the port when that is 443.
 */
char *api_url_name(const struct api_url *e, char out[API_URL_NAME]);
/* The address to which tunnel ends connect, "host:8443". It is the same address, except at AWS,
 * whose control API has a host of its own. */
char *api_url_data_host(const struct api_url *e, char out[API_URL_NAME]);
/* The region in the host name of AWS's control API; empty for other hosts. */
struct span api_url_region(const struct api_url *e);

/* Writes the region to sign for: `asked` (of an option; NULL: none), else that of AWS's host name,
 * else the profile's (NULL: none), else one that hubs, which take any, take too. ERR_USAGE: it has
 * other characters than lower-case letters, digits and '-', or is longer than 64. */
#define API_URL_REGION 65
enum err api_url_sign_region(const struct api_url *e, const char *asked, const char *profile,
                             char out[API_URL_REGION]);

#endif
