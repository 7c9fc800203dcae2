#include "gateway/hub/redis/redis_url.h"

#include "core/base/encoding.h"
#include "core/base/secret.h"
#include "core/base/str.h"
#include "core/base/text.h"
#include "core/net/address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMS                                                                                      \
    "redis://[user:password@]host[:port], unix:/path, redis+cluster://host[:port],..., or "        \
    "redis+sentinel://host[:port],.../master[?sentinel_username=...&sentinel_password=...]"

static const struct scheme {
    const char *name;
    enum redis_kind kind;
    int port;
} schemes[] = {
    {"redis", REDIS_PLAIN, REDIS_PORT},
    {"redis+cluster", REDIS_CLUSTER, REDIS_PORT},
    {"redis+sentinel", REDIS_SENTINEL, REDIS_SENTINEL_PORT},
};

void redis_url_free(struct redis_url *u)
{
    for (size_t i = 0; i < u->n; i++)
        free(u->places[i].host);
    free(u->user);
    secret_free(u->password);
    free(u->master);
    free(u->sentinel_user);
    secret_free(u->sentinel_password);
    *u = (struct redis_url){0};
}

/* "host", "host:port" or "[v6]:port". */
static bool add_place(struct redis_url *u, struct span s, int port)
{
    char text[512], shown[128];
    const char *closed = s.n > 0 ? memchr(s.p, ']', s.n) : NULL;
    const char *from = closed != NULL ? closed : s.p;
    if (s.n == 0 || s.n > 400 || u->n == REDIS_PLACES_MAX || s.p[0] == ':')
        return false;
    bool with_port = memchr(from, ':', s.n - (size_t)(from - s.p)) != NULL;
    if (with_port)
        snprintf(text, sizeof text, "%.*s", (int)s.n, s.p);
    else
        snprintf(text, sizeof text, "%.*s:%d", (int)s.n, s.p, port);
    struct redis_place *place = &u->places[u->n];
    if (!address_split(text, &place->host, &place->port))
        return false;
    u->n++; /* to be freed in any case */
    /* A host that is shown otherwise than it is written is none. */
    return place->host != NULL && place->port > 0 && strchr(place->host, '/') == NULL &&
           strcmp(text_copy(span_of(place->host), TEXT_ASCII, shown, sizeof shown), place->host) ==
               0;
}

static bool read_login(struct redis_url *u, struct span login)
{
    struct span user = span_cut(&login, ':');
    u->user = user.n > 0 ? span_dup(user) : NULL;
    u->password = login.p != NULL ? span_dup(login) : NULL;
    return u->password != NULL && percent_decode(u->password) &&
           (user.n == 0 || (u->user != NULL && percent_decode(u->user)));
}

/* What Sentinels want to be told, by the names that other clients have for it. */
static bool read_sentinel_login(struct redis_url *u, struct span query)
{
    const struct {
        const char *name;
        char **value;
    } table[] = {{"sentinel_username", &u->sentinel_user},
                 {"sentinel_password", &u->sentinel_password}};
    while (query.n > 0) {
        struct span value = span_cut(&query, '&'), name = span_cut(&value, '=');
        size_t i = 0;
        while (i < 2 && !span_is(name, table[i].name))
            i++;
        if (i == 2 || *table[i].value != NULL || value.n == 0)
            return false;
        *table[i].value = span_dup(value);
        if (*table[i].value == NULL || !percent_decode(*table[i].value))
            return false;
    }
    return true;
}

/* Other question marks are somebody's password's. */
static struct span cut_query(struct span *rest)
{
    static const char begin[] = "?sentinel_";
    const char *at = memmem(rest->p, rest->n, begin, sizeof begin - 1);
    if (at == NULL)
        return (struct span){0};
    size_t before = (size_t)(at - rest->p);
    struct span query = {at + 1, rest->n - before - 1};
    rest->n = before;
    return query;
}

static bool read_master(struct redis_url *u, struct span name)
{
    u->master = name.n > 0 && memchr(name.p, '/', name.n) == NULL ? span_dup(name) : NULL;
    return u->master != NULL && percent_decode(u->master);
}

static bool read_rest(struct redis_url *u, const struct scheme *s, struct span rest)
{
    struct span query = s->kind == REDIS_SENTINEL ? cut_query(&rest) : (struct span){0};
    const char *at = rest.n > 0 ? memrchr(rest.p, '@', rest.n) : NULL;
    if (at != NULL) {
        if (!read_login(u, (struct span){rest.p, (size_t)(at - rest.p)}))
            return false;
        rest = (struct span){at + 1, rest.n - (size_t)(at + 1 - rest.p)};
    }
    struct span hosts = span_cut(&rest, '/');
    if (s->kind == REDIS_SENTINEL) {
        if (!read_master(u, rest) || !read_sentinel_login(u, query))
            return false;
    } else if (rest.n > 0) { /* a database's number, which Redis Cluster has not */
        return false;
    }
    bool more = true;
    while (more) {
        more = hosts.n > 0 && memchr(hosts.p, ',', hosts.n) != NULL;
        if (!add_place(u, span_cut(&hosts, ','), s->port))
            return false;
    }
    return s->kind != REDIS_PLAIN || u->n == 1;
}

static bool read_path(struct redis_url *u, const char *path)
{
    u->places[0] = (struct redis_place){.host = str_copy(path)};
    u->n = 1;
    return path[0] == '/' && path[1] != 0 && u->places[0].host != NULL;
}

static enum err refuse(char *problem, size_t size, const char *why)
{
    snprintf(problem, size, "%s", why);
    return ERR_USAGE;
}

enum err redis_url_parse(const char *text, struct redis_url *out, char *problem, size_t size)
{
    *out = (struct redis_url){0};
    if (strncmp(text, "rediss:", 7) == 0)
        return refuse(
            problem, size,
            "rediss: is not spoken here; reach Redis by a unix socket or through stunnel");
    bool fine = false;
    if (strncmp(text, "unix:", 5) == 0)
        fine = read_path(out, text + 5);
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t n = strlen(schemes[i].name);
        if (strncmp(text, schemes[i].name, n) == 0 && strncmp(text + n, "://", 3) == 0) {
            out->kind = schemes[i].kind;
            fine = read_rest(out, &schemes[i], span_of(text + n + 3));
        }
    }
    if (fine)
        return ERR_OK;
    redis_url_free(out);
    return refuse(problem, size, "the address of Redis is none of " FORMS);
}
