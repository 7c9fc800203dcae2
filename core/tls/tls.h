/* TLS 1.2 over any stream, with BearSSL: ECDHE with AES-GCM and ChaCha20-Poly1305 only, no
 * renegotiation. AES-GCM comes first where the CPU has AES instructions (share/doc/performance.md:
 * 570 against 168 MB/s), ChaCha20 first elsewhere.
 *
 * Handshakes run through BearSSL's engine; afterwards records are encrypted and decrypted in place
 * in our own blocks (record.h), so that a byte is copied once, into its record, and several records
 * leave in one write. The handshake's buffers are freed when it is done. */
#ifndef CORE_TLS_TLS_H
#define CORE_TLS_TLS_H

#include "core/net/loop.h"
#include "core/net/stream.h"

/* ---- trust: who may sign a server's certificate ---- */

struct trust;
/* Any number of sources adds up; none of them given: the system's store (SSL_CERT_FILE,
 * SSL_CERT_DIR, else /etc/ssl/certs/ca-certificates.crt). When another source gave certificates, a
 * system's store that is not there is only worth a warning. */
struct trust_sources {
    const char *file;      /* PEM certificates */
    const char *directory; /* every PEM certificate in it, with or without hash links */
    bool system;           /* the system's store too */
    bool insecure;         /* trust anything: no chain, no name */
    bool clients;          /* they sign clients' certificates, not servers' */
};
/* NULL with *why and a sentence in text (what could not be read, and where). */
struct trust *trust_new(const struct trust_sources *from, enum err *why, char *text, size_t size);
void trust_free(struct trust *t);

/* ---- identity: a certificate chain and its key ---- */

struct identity;
/* PEM files; key PKCS#1, PKCS#8 or SEC1; RSA or EC (P-256, P-384, P-521). The certificate that the
 * key belongs to need not be the first; those behind it are put into order, and what does not
 * belong to it is left out, with a warning in the log. */
struct identity *identity_new(const char *cert_file, const char *key_file, enum err *why,
                              char *text, size_t size);
struct identity *identity_ref(struct identity *i); /* one more holder, on any thread; returns i */
void identity_free(struct identity *i);            /* one holder less; NULL is fine */

enum identity_use { IDENTITY_SERVER, IDENTITY_CLIENT };
#define IDENTITY_SOON (30 * 86400) /* seconds before the end from which on it is told */
/* When the certificate ends: seconds since 1970. */
int64_t identity_ends(const struct identity *i);
/* What others will mind, as a sentence in text: it has ended or not begun, ends within 30 days, is
 * for another use, or one behind it is not there or has ended. False: none of these, and text says
 * for whom it is, by whom and until when. now: seconds since 1970. */
bool identity_problem(const struct identity *i, enum identity_use use, int64_t now, char *text,
                      size_t size);

/* ---- sessions ---- */

/* A server's cache of sessions for resumption, shared by its connections on all threads (it has a
 * lock of its own). It holds those of one identity: with the first session of another one it is
 * emptied; and of none whose certificate has ended. */
struct tls_cache;
struct tls_cache *tls_cache_new(size_t bytes); /* NULL: no memory */
void tls_cache_free(struct tls_cache *c);

/* A client's memory of its last session with one server; zeroed at first. Resumed when it can be,
 * but only for the host and the trust that it was verified with, and only as long as the
 * certificates that it was verified by are valid. */
struct tls_session {
    unsigned char private_[120];
};

/* ---- streams ---- */

struct tls_client_options {
    const struct trust *trust;   /* must outlive the stream */
    const char *host;            /* name or IP address: SNI (also for addresses) and name check */
    struct tls_session *session; /* may be NULL; must outlive the handshake */
    struct identity *identity;   /* for servers that ask who we are, or NULL; a reference is held */
    bool chacha_first;           /* as if the CPU had no AES instructions */
    int64_t now;                 /* seconds since 1970; 0: what the clock says */
};
/* Takes `lower` over (closed with this stream, also on failure) and starts the handshake; the new
 * stream sends `opened` or `failed` (ERR_TLS_UNTRUSTED, ERR_TLS_EXPIRED, ERR_TLS_NAME,
 * ERR_TLS_CERTIFICATE, ERR_TLS, …).
 * NULL: no memory. `events` as given to the new stream's owner. A handshake has no time-out of its
 * own. Nothing may be written before `opened`. Peeks for more than a record's rest are copied
 * together, all others are in place. */
struct stream *tls_client(struct loop *loop, struct stream *lower,
                          const struct tls_client_options *options,
                          const struct stream_events *events, void *owner);

struct tls_server_options {
    struct identity *identity; /* a reference is held as long as it is needed */
    struct tls_cache *cache;   /* may be NULL; must outlive the handshake */
    /* Not NULL: clients are asked for a certificate; who has none is let in nameless, who has one
     * that these did not sign is not let in. Must outlive the handshake. */
    const struct trust *client_trust;
    int64_t now; /* as above */
    /* Not NULL: the handshake takes turns with others, since a step of it may cost a millisecond of
     * this thread. Told with the stream's owner when there is a step to take, and tls_turn has to
     * let it; until then it holds on to that record. known: it goes on with a handshake
     * that was begun, or with a session of the cache. Comes from the loop, never from tls_turn for
     * the same step. */
    void (*waits)(void *turns, bool known);
    void *turns;
};
struct stream *tls_server(struct loop *loop, struct stream *lower,
                          const struct tls_server_options *options,
                          const struct stream_events *events, void *owner);

/* These are for s made here only. */

/* Takes the step that it waits with; without one nothing happens. As in every event of a stream's,
 * `opened` or `failed` may come from inside. */
void tls_turn(struct stream *s);

/* Of a server's stream: the common name (CN) in the certificate that the client has proven to own,
 * 1 to 128 printable ASCII characters. NULL: it has shown none, or one with another kind of name,
 * which tls_problem tells. Such sessions are not kept for resumption, which would not prove it
 * again. Lives as long as s. */
const char *tls_peer_name(const struct stream *s);

/* Whether the handshake resumed an earlier session, and a sentence about the last failure ("alert
 * 42 from the peer", "certificate is for x.example, not localhost"). */
bool tls_resumed(const struct stream *s);
const char *tls_problem(const struct stream *s);

#endif
