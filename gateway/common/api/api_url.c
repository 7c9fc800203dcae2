#include "gateway/common/api/api_url.h"

#include "core/config/hub_config.h"
#include "core/net/addresses.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_PORT 443
#define DEFAULT_REGION "us-east-1"
#define PATH_MAX_LENGTH 1000
#define AWS_PREFIX "api."
#define AWS_SERVICE "tunneling.iot." /* REGION.amazonaws.com[.cn] follows */

/* ---- reading ---- */

static bool starts(struct span s, const char *prefix)
{
    size_t n = strlen(prefix);
    return s.n >= n && span_is_nocase((struct span){s.p, n}, prefix);
}

/* The rest of a sentence about what is wrong with the path, or NULL. */
static const char *path_wrong(struct span path)
{
    if (path.n > PATH_MAX_LENGTH)
        return "has a path that is too long";
    for (size_t i = 0; i < path.n; i++) {
        if (path.p[i] == '?' || path.p[i] == '#')
            return "has a query or a fragment: give https://HOST:PORT";
        if (path.p[i] <= ' ' || path.p[i] > '~')
            return "has a character that is in no URL";
    }
    return NULL;
}

static const char *cut_url(struct span text, struct span *host, struct span *path)
{
    if (starts(text, "http://"))
        return "is not https: keys and tokens do not travel unencrypted";
    bool url = starts(text, "https://");
    if (!url && memmem(text.p, text.n, "://", 3) != NULL)
        return "is no https:// URL: give https://HOST[:PORT], or HOST[:PORT] alone";
    *host = url ? (struct span){text.p + 8, text.n - 8} : text;
    const char *slash = host->n > 0 ? memchr(host->p, '/', host->n) : NULL;
    *path = (struct span){NULL, 0};
    if (slash != NULL) {
        *path = (struct span){slash, (size_t)(host->p + host->n - slash)};
        host->n -= path->n;
    }
    if (!url && path->n > 1)
        return "has a path: give https://HOST[:PORT]/PATH, or HOST[:PORT] alone";
    return path_wrong(*path);
}

enum err api_url_read(const char *text, struct api_url *out, char *problem, size_t size)
{
    struct span host, path;
    *out = (struct api_url){.port = DEFAULT_PORT};
    const char *wrong = cut_url(span_of(text), &host, &path);
    if (wrong != NULL) {
        snprintf(problem, size, "%s", wrong);
        return ERR_USAGE;
    }
    char *name = span_dup(host);
    out->path = span_dup(path.n > 0 ? path : span_of("/"));
    enum err why = ERR_NO_MEMORY;
    snprintf(problem, size, "%s", err_text(why));
    if (name != NULL && out->path != NULL)
        why = endpoint_parse(name, &out->host, &out->port, problem, size);
    free(name);
    return why;
}

void api_url_free(struct api_url *e)
{
    free(e->host);
    free(e->path);
    *e = (struct api_url){.port = DEFAULT_PORT};
}

/* ---- asking ---- */

bool api_url_is_loopback(const struct api_url *e)
{
    return host_is_loopback(e->host);
}

char *api_url_name(const struct api_url *e, char out[API_URL_NAME])
{
    bool v6 = strchr(e->host, ':') != NULL;
    int n = snprintf(out, API_URL_NAME, "%s%s%s", v6 ? "[" : "", e->host, v6 ? "]" : "");
    if (e->port != DEFAULT_PORT && n > 0 && n < API_URL_NAME)
        snprintf(out + n, API_URL_NAME - (size_t)n, ":%d", e->port);
    return out;
}

static bool is_aws(const struct api_url *e)
{
    struct span host = span_of(e->host);
    return starts(host, AWS_PREFIX AWS_SERVICE) && strstr(e->host, ".amazonaws.com") != NULL;
}

char *api_url_data_host(const struct api_url *e, char out[API_URL_NAME])
{
    bool v6 = strchr(e->host, ':') != NULL, aws = is_aws(e);
    snprintf(out, API_URL_NAME, "%s%s%s%s:%d", v6 ? "[" : "", aws ? "data." : "",
             e->host + (aws ? strlen(AWS_PREFIX) : 0), v6 ? "]" : "", e->port);
    return out;
}

struct span api_url_region(const struct api_url *e)
{
    if (!is_aws(e))
        return (struct span){NULL, 0};
    struct span rest = span_of(e->host + strlen(AWS_PREFIX AWS_SERVICE));
    return span_cut(&rest, '.');
}

enum err api_url_sign_region(const struct api_url *e, const char *asked, const char *profile,
                             char out[API_URL_REGION])
{
    struct span in_name = api_url_region(e), region = span_of(DEFAULT_REGION);
    if (asked != NULL)
        region = span_of(asked);
    else if (in_name.n > 0)
        region = in_name;
    else if (profile != NULL)
        region = span_of(profile);
    snprintf(out, API_URL_REGION, "%.*s", (int)region.n, region.p);
    size_t plain = strspn(out, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return region.n > 0 && plain == region.n ? ERR_OK : ERR_USAGE;
}
