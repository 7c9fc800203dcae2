/* A handshake on a stream: fed with the records that come, whole and one by one, while what it has
 * to say is put among those that leave; at a server, in turns with other handshakes
 * (tls_server_options.waits). */
#ifndef CORE_TLS_HANDSHAKE_DRIVER_H
#define CORE_TLS_HANDSHAKE_DRIVER_H

#include "core/tls/handshake.h"
#include "core/tls/record_reader.h"
#include "core/tls/record_writer.h"

struct handshake_driver {
    struct inbox *in;
    struct batch *out;
    /* NULL: it is done, or a server's has not had its first turn yet. A client's is put here. */
    struct handshake *handshake;
    /* Private, as what follows. A server's: what it does with a record before that is fed. 1: feed
     * it; 0: not now; < 0: -enum err. A program without servers is linked without it, and without
     * handshake_server. */
    int (*admit)(struct handshake_driver *d, const uint8_t *record, size_t size);
    struct tls_server_options server; /* .identity until it begins; .waits is NULL without turns */
    uint8_t *step;                    /* a record that waits for its turn, malloc'd; or NULL */
    size_t step_size;
};

/* Makes it a server's. */
void handshake_driver_serve(struct handshake_driver *d, const struct tls_server_options *options);
void handshake_driver_free(struct handshake_driver *d);

/* Goes on as far as records that have come and room for others allow. 1: it is done, and
 * handshake_driver_finish must follow; 0: it needs more of either; < 0: it has failed, -enum err
 * with a sentence in in->problem unless there is no memory, and the alert that belongs to it is on
 * its way. */
int handshake_driver_go(struct handshake_driver *d);
/* Takes the step that waits, if there is one, and goes on. */
int handshake_driver_turn(struct handshake_driver *d);

/* Sets the keys of `in` and `out`, and gives what else came of it; *peer_name, NULL before, becomes
 * a copy of what handshake_peer_name tells. */
enum err handshake_driver_finish(struct handshake_driver *d, struct handshake_result *result,
                                 char **peer_name);

#endif
