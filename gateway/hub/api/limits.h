/* The hub's limits: one table of names, bounds and presets; a file (ini) changes single limits, for
 * all keys or, in a [key ID] section, for one.
 *
 *   preset = aws
 *   services-per-tunnel = 3
 *   [key AKIDEXAMPLE]
 *   bandwidth-per-key = 10M
 *
 * Pure once it is read. */
#ifndef GATEWAY_HUB_API_LIMITS_H
#define GATEWAY_HUB_API_LIMITS_H

#include "core/base/err.h"
#include "core/base/str.h"

#include <stdint.h>

/* X(field, name, generous default, aws preset, azure preset, smallest, largest, "unit for the
 * documents"). 0 means "no limit" where the smallest is 0. */
#define LIMIT_TABLE(X)                                                                             \
    X(services_per_tunnel, "services-per-tunnel", 64, 3, 64, 1, 64, "services")                    \
    X(devices, "devices", 100000, 100000, 100000, 0, 1000000, "devices, of the whole hub")         \
    X(invitations_per_key, "invitations-per-key", 1000, 1000, 1000, 0, 10000, "invitations")       \
    X(tunnels_per_key, "tunnels-per-key", 10000, 10000, 10000, 0, 1000000, "open tunnels")         \
    X(connects_per_second, "connects-per-second", 1000, 10, 1000, 0, 1000000,                      \
      "connections of tunnel ends, of one key's tunnels together")                                 \
    X(bandwidth_per_tunnel, "bandwidth-per-tunnel", 0, 800000, 0, 0, 100000000000,                 \
      "bytes per second, both directions together")                                                \
    X(bandwidth_per_key, "bandwidth-per-key", 0, 0, 0, 0, 100000000000,                            \
      "bytes per second, both directions of all tunnels together")                                 \
    X(stream_idle_seconds, "stream-idle-seconds", 0, 0, 0, 0, 31536000,                            \
      "seconds that a connection may be idle; the tunnel's ends are told, and end it")             \
    X(lifetime_minutes, "lifetime-minutes", 720, 720, 720, 1, 5256000, "minutes")                  \
    X(streams, "streams", 1000, 1000, 50, 0, 20000, "Azure streams of one policy at once")         \
    X(streams_per_second, "streams-per-second", 100, 100, 5, 0, 10000,                             \
      "new Azure streams of one policy")                                                           \
    X(stream_bytes_per_day, "stream-bytes-per-day", 0, 0, 300000000, 0, 1000000000000000,          \
      "bytes of one policy's Azure streams, both directions together, in a day of UTC")

struct limits {
#define X(field, name, generous, aws, azure, min, max, unit) uint64_t field;
    LIMIT_TABLE(X)
#undef X
};

/* The limit of the hub as a whole, which no [key] section may set. */
#define LIMIT_OF_HUB "devices"

struct limit_book;

/* Reads the limits. preset: "generous", "aws", "azure" or NULL (generous); path: NULL for the
 * preset alone. A preset in the file overrides `preset`. Numbers may end in k, M or G (powers of
 * 1000). NULL with *why and a sentence. */
struct limit_book *limits_read(const char *preset, const char *path, enum err *why, char *text,
                               size_t size);
void limits_free(struct limit_book *b);
/* The limits of that key, which live as long as the book. */
const struct limits *limits_of(const struct limit_book *b, const char *key_id);

#endif
