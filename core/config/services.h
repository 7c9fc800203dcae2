/* Service maps: which service id goes with which endpoint (destination: the address dialled) or
 * listening port (source). They come from -d and -s, and from the ini files of a --config-dir. */
#ifndef CORE_CONFIG_SERVICES_H
#define CORE_CONFIG_SERVICES_H

#include "core/base/err.h"
#include "core/config/targets.h"

#include <stdbool.h>
#include <stddef.h>

struct service_mapping {
    char *id;   /* "" when the map has no id: `-d 22` */
    char *host; /* name or address without brackets; NULL: only a port was given; or a unix path */
    int port;   /* 0 for a unix path; 0 in a listening map: any free port */
    /* What the client may choose from; host and port are not set then. NULL: it has no choice. */
    struct targets *targets;
    int proxy; /* the version of the PROXY header that the service wants, 1 or 2; 0: none */
    /* The host behind the device that clients of this port are led to, as targets_host writes it;
     * NULL: none is named. */
    char *target;
    int target_port; /* 1..65535 */
};

/* A zeroed struct is an empty map. */
struct services {
    struct service_mapping *items; /* in the order given */
    size_t n;
    /* The last warning (a duplicate id: the first one counts), or "". */
    char warning[320];
};

enum services_use {
    SERVICES_DIAL_ONE, /* PORT, HOST:PORT, [V6]:PORT or /unix/path; ports 1..65535 */
    SERVICES_DIAL,     /* the same, or a list of targets (targets.h); ",proxy=v1" or ",proxy=v2" */
    SERVICES_LISTEN,   /* PORT, ADDRESS:PORT, [V6]:PORT or /unix/path; ports 0..65535 */
    SERVICES_FORWARD   /* the same, with the target ":HOST:PORT" behind it or without, as in -L of
                          ssh(1): "PLC=5501:10.0.7.20:502". An id may be there again with another. */
};

/* Adds "HTTP1=80,SSH1=host:22,PLC=10.0.7.0/24:102,502" or a single "22" to the map: what follows a
 * HOST:PORT without an id belongs to it. Pure. ERR_USAGE with a sentence in problem that quotes
 * what is wrong: bad id, bad port, several mappings of which one has no id. */
enum err services_parse(struct services *s, const char *text, enum services_use use, char *problem,
                        size_t size);

/* Adds the `id = endpoint` lines of all ini files below a directory, in the order of their names;
 * of an id that occurs twice the first one counts. Hidden files and those ending in '~' are
 * skipped. ERR_NOT_FOUND: there is no such directory; others as services_parse, with file and
 * line. */
enum err services_load(struct services *s, const char *directory, enum services_use use,
                       char *problem, size_t size);

void services_free(struct services *s); /* leaves an empty map */

/* The first mapping with exactly this id; NULL: there is no such mapping. */
const struct service_mapping *services_find(const struct services *s, const char *id);
/* Whether both have the same mappings in the same order. */
bool services_same(const struct services *a, const struct services *b);
/* True when the map has one mapping and that has no id. */
bool services_unnamed(const struct services *s);

/* Writes the target, "10.0.7.20:502" or "[fd00:7::20]:502", or "" when there is none. */
const char *service_target(const struct service_mapping *s, char *out, size_t size);
/* Writes "127.0.0.1:22", "[::1]:22", "/run/x.sock" or the list of targets; default_host is used
 * when only a port was given. */
const char *service_where(const struct service_mapping *s, const char *default_host, char *out,
                          size_t size);

#endif
