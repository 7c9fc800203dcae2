/* A TLS handshake as a machine that takes records and gives bytes to send: BearSSL's engine, set up
 * for one connection. It is fed whole records only and asks for no more, so it never swallows
 * application data. It takes about 41 KB, which live no longer than the handshake. */
#ifndef CORE_TLS_HANDSHAKE_H
#define CORE_TLS_HANDSHAKE_H

#include "core/tls/record.h"
#include "core/tls/tls.h"

struct handshake;

/* NULL: no memory. What the options name must outlive it. */
struct handshake *handshake_client(const struct tls_client_options *options);
struct handshake *handshake_server(const struct tls_server_options *options);
void handshake_free(struct handshake *h); /* wipes its memory; NULL is fine */

enum handshake_state {
    HANDSHAKE_WRITES, /* its output must be taken first */
    HANDSHAKE_READS,  /* it needs the next record */
    HANDSHAKE_DONE,
    HANDSHAKE_FAILED,
};
enum handshake_state handshake_state(const struct handshake *h);

/* Moves up to n bytes of output to p. */
size_t handshake_take(struct handshake *h, uint8_t *p, size_t n);
/* Feeds one whole record; only in HANDSHAKE_READS. */
void handshake_feed(struct handshake *h, const uint8_t *record, size_t size);

struct handshake_result {
    bool resumed;                         /* an earlier session was */
    uint8_t fingerprint[TLS_FINGERPRINT]; /* for a client: of the server's own certificate */
    bool any_name;                        /* for a client: its trust accepts any certificate */
    /* For a client that keeps it: the server's own certificate, which is the receiver's to free;
     * NULL: none was shown, or there is no memory. */
    uint8_t *certificate;
    size_t certificate_size;
};
/* After HANDSHAKE_DONE: gives the keys and what else came of it. A client's session is remembered
 * here. False: the suite is not one of ours. */
bool handshake_finish(struct handshake *h, struct record_layer *keys,
                      struct handshake_result *result);

/* After HANDSHAKE_DONE of a server: the common name in the client's certificate, which lives as
 * long as h. NULL: the client has shown no certificate, or one without a usable name, and then
 * *problem says why. */
const char *handshake_peer_name(struct handshake *h, const char **problem);

/* After HANDSHAKE_FAILED: the error, with a sentence in text. *alert: the alert that the other side
 * should get in the clear, or -1 when it should not or cannot get one. */
enum err handshake_error(const struct handshake *h, char *text, size_t size, int *alert);

#endif
