/* The hub's front door: listeners, TLS, the request, and its answer. Whoever asks for a tunnel
 * rightly is handed to the hub; everybody else gets a status, a sentence, and the door. */
#ifndef GATEWAY_HUB_FRONT_H
#define GATEWAY_HUB_FRONT_H

#include "gateway/hub/hub.h"

struct front;

struct front_options {
    struct loop *loop;
    struct hub *hub;
    const char *cert_file, *key_file; /* PEM; must outlive the front */
    size_t max_visitors;              /* connections that are not a tunnel's end yet; 0: 1,024 */
    uint64_t timeout_ms;              /* for TLS and the request together; 0: 10,000 */
};

/* NULL with *why and a sentence. */
struct front *front_new(const struct front_options *o, enum err *why, char *text, size_t size);
void front_free(struct front *f);

/* One more address to listen on. NULL: *why; else the address with its real port, for people. */
const char *front_listen(struct front *f, const char *where, enum err *why);

/* Reads certificate and key again; those who are connected keep the old ones. On error the old ones
 * stay in use. */
enum err front_reload(struct front *f, char *text, size_t size);

#endif
