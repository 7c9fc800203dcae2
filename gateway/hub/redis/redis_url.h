/* Where Redis is, as --cluster says it. Pure. */
#ifndef GATEWAY_HUB_REDIS_REDIS_URL_H
#define GATEWAY_HUB_REDIS_REDIS_URL_H

#include "core/base/err.h"

#include <stddef.h>

#define REDIS_PLACES_MAX 16
#define REDIS_PORT 6379
#define REDIS_SENTINEL_PORT 26379

enum redis_kind { REDIS_PLAIN, REDIS_CLUSTER, REDIS_SENTINEL };

struct redis_place {
    char *host; /* name or address without brackets, or a unix path with a '/' */
    int port;   /* 0 for unix paths */
};

struct redis_url {
    enum redis_kind kind;
    char *user, *password;                   /* NULL: not said */
    char *master;                            /* the name by which Sentinels know it */
    char *sentinel_user, *sentinel_password; /* their own; NULL: not said */
    struct redis_place places[REDIS_PLACES_MAX];
    size_t n;
};

/* Reads the forms of redis_options.url. Sets *out, which redis_url_free takes apart; ERR_USAGE with
 * a sentence (without the passwords) otherwise. */
enum err redis_url_parse(const char *text, struct redis_url *out, char *problem, size_t size);
void redis_url_free(struct redis_url *u); /* wipes the passwords */

#endif
