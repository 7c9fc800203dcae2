/* TLS 1.2 records after the handshake, encrypted and decrypted where they lie.
 *
 * BearSSL's engine would copy every byte into and out of its own buffers and give out one record
 * per write. Records in place, several per write, were measured 7 % faster (15 % with faster AES
 * code), and a connection needs no 33 KB of buffers.
 *
 * AES-GCM is sealed and opened by core/tls/gcm.h, ChaCha20-Poly1305 by BearSSL's record contexts.
 *
 * This relies on what bearssl_ssl.h shows: an engine's `in` and `out` are record contexts that
 * start with a vtable (br_sslrec_in_class, br_sslrec_out_class), hold no pointers into themselves,
 * and carry keys and sequence number. They are taken over when the handshake is done; the engine is
 * not used again, so each sequence number is used once. record.c does not compile with another
 * layout. */
#ifndef CORE_TLS_RECORD_H
#define CORE_TLS_RECORD_H

#include "core/net/stream.h"
#include "core/tls/gcm.h"

#include <bearssl.h>
#include <stdbool.h>

#define RECORD_HEADER 5
#define RECORD_SPANS 4
#define RECORD_MAX_PLAIN 16384
#define RECORD_MAX (RECORD_HEADER + RECORD_MAX_PLAIN + 2048) /* RFC 5246 section 6.2.3 */

enum record_type {
    RECORD_CHANGE_CIPHER_SPEC = 20,
    RECORD_ALERT = 21,
    RECORD_HANDSHAKE = 22,
    RECORD_DATA = 23,
};

/* One direction of AES-GCM (RFC 5288 section 3). */
struct record_gcm {
    struct gcm_key key;
    uint8_t salt[4];   /* the front part of each nonce */
    uint64_t sequence; /* of the next record; when sealing the nonce's back part, too */
};

struct record_layer {
    bool is_gcm;
    union {
        struct record_gcm gcm;
        const br_sslrec_in_class *vtable;
        br_sslrec_chapol_context chapol;
    } in;
    union {
        struct record_gcm gcm;
        const br_sslrec_out_class *vtable;
        br_sslrec_chapol_context chapol;
    } out;
    size_t front, back; /* bytes that a record needs before and after its plaintext */
    size_t max_plain;   /* of one record: 16384, or less when the peer asked for that */
};

/* Takes over from an engine that has finished its handshake and has nothing left to send. False:
 * the suite is neither GCM nor ChaCha20-Poly1305, or the library's version differs from its
 * headers'. */
bool record_take_over(struct record_layer *r, const br_ssl_engine_context *engine);
void record_wipe(struct record_layer *r);

/* The size of a record, from its header; 0: not a TLS record, or above RECORD_MAX. */
size_t record_size(const uint8_t header[RECORD_HEADER]);

/* Decrypts a whole record of `size` bytes in place and returns its plaintext, *n bytes. NULL: the
 * record is damaged. */
uint8_t *record_open(struct record_layer *r, uint8_t *record, size_t size, size_t *n);

/* Makes a record at `record` from the n plaintext bytes that lie at record + front; `back` bytes
 * after them are used too. Returns its size, front + n + back. */
size_t record_seal(struct record_layer *r, enum record_type type, uint8_t *record, size_t n);
/* The same for plaintext that lies in spans elsewhere, n bytes in all: RECORD_SPANS at most, and
 * none of them where the record goes. */
size_t record_seal_spans(struct record_layer *r, const struct stream_span *spans, size_t n_spans,
                         uint8_t *record, size_t n);

#endif
