/* TLS 1.2 over any stream, with BearSSL: ECDHE with AES-GCM and ChaCha20-Poly1305 only, no
 * renegotiation. AES-GCM comes first where the CPU has AES instructions, ChaCha20 first elsewhere
 * (share/doc/performance.md).
 *
 * Handshakes run through BearSSL's engine; afterwards records are encrypted and decrypted in place
 * in our own blocks (record.h), so that a byte is copied once, into its record, and several records
 * leave in one write. The handshake's buffers are freed when it is done. */
#ifndef CORE_TLS_TLS_H
#define CORE_TLS_TLS_H

#include "core/net/loop.h"
#include "core/net/stream.h"

/* Whether the environment's TUNNEL_CPU, with which tests choose among the implementations of
 * AES-GCM (gcm.h), is unset or names one that this CPU has. False: the sentence is in text, and the
 * fastest is used as if it were unset. */
bool tls_cpu_valid(char *text, size_t size);

/* ---- trust: who may sign a server's certificate ---- */

struct trust;
/* All sources that are given add up; without any it is the system's store (SSL_CERT_FILE,
 * SSL_CERT_DIR, else /etc/ssl/certs/ca-certificates.crt). When another source has certificates, a
 * missing system's store is only worth a warning. */
struct trust_sources {
    const char *file;      /* PEM certificates */
    const char *directory; /* every PEM certificate in it, with or without hash links */
    bool system;           /* the system's store too */
    bool insecure;         /* any certificate is accepted: neither chain nor name is checked */
    bool clients;          /* the anchors sign clients' certificates, not servers' */
};
/* NULL with *why and a sentence in text (what could not be read, and where). */
struct trust *trust_new(const struct trust_sources *from, enum err *why, char *text, size_t size);
void trust_free(struct trust *t);

/* ---- identity: a certificate chain and its key ---- */

struct identity;
/* Reads PEM files; the key is PKCS#1, PKCS#8 or SEC1; RSA or EC (P-256, P-384, P-521). The
 * certificate that the key belongs to need not be the first; those after it are put into order, and
 * unrelated ones are left out, with a warning in the log. */
struct identity *identity_new(const char *cert_file, const char *key_file, enum err *why,
                              char *text, size_t size);
struct identity *identity_ref(struct identity *i); /* adds a holder, on any thread; returns i */
void identity_free(struct identity *i);            /* removes a holder; NULL is fine */

enum identity_use { IDENTITY_SERVER, IDENTITY_CLIENT };
/* Seconds before the certificate's end at which warnings begin. */
#define IDENTITY_SOON (30 * 86400)
/* When the certificate ends: seconds since 1970. */
int64_t identity_ends(const struct identity *i);
/* The common name (CN) of its certificate, as a server's tls_peer_name has it. NULL, or a sentence
 * that says what is wrong with it. */
#define IDENTITY_NAME_SIZE 129
const char *identity_name(const struct identity *i, char out[IDENTITY_NAME_SIZE]);
/* SHA-256 of the identity's own certificate in DER, as tls_peer_fingerprint has it at a client. */
#define TLS_FINGERPRINT 32
void identity_fingerprint(const struct identity *i, uint8_t out[TLS_FINGERPRINT]);
/* The same of the first certificate in a PEM file, whose key somebody else has. False, with a
 * sentence in text. */
bool certificate_file_fingerprint(const char *file, uint8_t out[TLS_FINGERPRINT], enum err *why,
                                  char *text, size_t size);
/* Tells what peers will object to, as a sentence in text: the certificate has ended or not begun,
 * ends within 30 days, is for another use, or one of its issuers is missing or has ended. False:
 * there is no problem, and text says the certificate's subject, issuer and end. now: seconds since
 * 1970. */
bool identity_problem(const struct identity *i, enum identity_use use, int64_t now, char *text,
                      size_t size);
/* Whether it is one for this host name or address (RFC 6125 section 6). */
bool identity_has_host(const struct identity *i, const char *host);
/* Whether somebody with that trust lets it in: as the server that was called by this name or
 * address, or, with trust in clients' certificates and host NULL, as a client. now: seconds since
 * 1970. False: *why is ERR_TLS_…, and text a sentence. */
bool identity_is_trusted(const struct identity *i, const struct trust *t, const char *host,
                         int64_t now, enum err *why, char *text, size_t size);

/* ---- sessions ---- */

/* A server's cache of sessions for resumption, shared by its connections on all threads (it has a
 * lock of its own). It holds the sessions of one identity and is emptied by the first session of
 * another one; sessions of an identity whose certificate has ended are not kept. */
struct tls_cache;
struct tls_cache *tls_cache_new(size_t bytes); /* NULL: no memory */
void tls_cache_free(struct tls_cache *c);

/* A client's memory of its last session with one server; zeroed at first. The session is resumed
 * when that is possible, but only for the host and the trust that it was verified with, and only as
 * long as the certificates that verified it are valid. */
struct tls_session {
    unsigned char private_[152];
};

/* ---- streams ---- */

struct tls_client_options {
    const struct trust *trust; /* must outlive the handshake */
    const char *host; /* name or IP address, for SNI (also for addresses) and the name check */
    struct tls_session *session; /* may be NULL; must outlive the handshake */
    /* For servers that ask for a certificate, or NULL; a reference is held. */
    struct identity *identity;
    bool keep_certificate; /* for tls_peer_covers */
    bool chacha_first;     /* as if the CPU had no AES instructions */
    int64_t now;           /* seconds since 1970; 0: the clock's time */
};
/* Takes `lower` over (closed with this stream, also on failure) and starts the handshake; the new
 * stream sends `opened` or `failed` (ERR_TLS_UNTRUSTED, ERR_TLS_EXPIRED, ERR_TLS_NAME,
 * ERR_TLS_CERTIFICATE, ERR_TLS, …) to its owner through `events`. NULL: no memory. A handshake has
 * no time-out of its own. Nothing may be written before `opened`. A peek for more than the rest of
 * a record copies records together; all others give bytes in place. */
struct stream *tls_client(struct loop *loop, struct stream *lower,
                          const struct tls_client_options *options,
                          const struct stream_events *events, void *owner);

struct tls_server_options {
    struct identity *identity; /* a reference is held as long as it is needed */
    struct tls_cache *cache;   /* may be NULL; must outlive the handshake */
    /* Not NULL: clients are asked for a certificate. A client without one is accepted and has no
     * name; one whose certificate these anchors did not sign is rejected. Must outlive the
     * handshake. */
    const struct trust *client_trust;
    /* The cache keeps the sessions of clients that have shown such a certificate, and no others:
     * one that is resumed is one of them, and nameless. For where it matters only that a client has
     * one of these certificates; the cache must not be used with another trust. */
    bool cache_certified;
    int64_t now; /* seconds since 1970; 0: the clock's time */
    /* Not NULL: the handshake takes turns with others, since a step of it may cost a millisecond
     * of this thread. `waits` is called with `turns` when there is a step to take, and the stream
     * keeps that step's record until tls_turn. known: the handshake has begun already,
     * or resumes a session of the cache. Comes from the loop, never from tls_turn for the same
     * step. */
    void (*waits)(void *turns, bool known);
    void *turns;
};
struct stream *tls_server(struct loop *loop, struct stream *lower,
                          const struct tls_server_options *options,
                          const struct stream_events *events, void *owner);

/* The functions below are for streams made here only. */

/* Takes the step that the handshake waits with; does nothing without one. As in every event of a
 * stream's, `opened` or `failed` may come from inside. */
void tls_turn(struct stream *s);

/* For a server's stream: the common name (CN) in the certificate that the client has proven to own,
 * 1 to 128 printable ASCII characters. NULL: the client has shown no certificate, or one without a
 * usable name, which tls_problem tells. Sessions with a certificate are not kept for resumption,
 * which would not prove the name again, but for cache_certified. Lives as long as s. */
const char *tls_peer_name(const struct stream *s);

/* For a client's stream that is open: SHA-256 of the server's own certificate in DER; after a
 * resumption, of the one that was shown when the session was made. A server whose certificate has
 * changed since does not resume the session. */
void tls_peer_fingerprint(const struct stream *s, uint8_t out[TLS_FINGERPRINT]);

/* For a client's stream that is open and was to keep the certificate: whether the one that its
 * server has proven to own is also for this host name or address. Nobody knows after a resumption,
 * in which no certificate is shown, or when it is not kept any more; with a trust that accepts any
 * certificate all names are covered. */
enum tls_cover { TLS_COVERED, TLS_NOT_COVERED, TLS_COVER_UNKNOWN };
enum tls_cover tls_peer_covers(const struct stream *s, const char *host);
void tls_drop_certificate(struct stream *s); /* frees it */

/* Whether the handshake resumed an earlier session, and a sentence about the last failure ("alert
 * 42 from the peer", "certificate is for x.example, not localhost"). */
bool tls_resumed(const struct stream *s);
const char *tls_problem(const struct stream *s);

/* stream_backlog (net/socket.h) of the socket below: bytes that the machine at its other end has
 * not acknowledged. */
size_t tls_backlog(const struct stream *s);

#endif
