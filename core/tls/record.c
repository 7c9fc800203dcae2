#include "core/tls/record.h"

#include "core/tls/gcm_engine.h"

#include <stddef.h>
#include <string.h>

/* The record context of ChaCha20-Poly1305 in BearSSL 0.6 as record_take_over copies it, member by
 * member. A context with a further member does not compile, since the member may be a pointer into
 * the context or out of it. */
struct known_chapol {
    const void *vtable;
    uint64_t seq;
    unsigned char key[32], iv[12];
    br_chacha20_run ichacha;
    br_poly1305_run ipoly;
};
#define IN_ENGINE(side, member)                                                                    \
    (offsetof(br_ssl_engine_context, side.member) - offsetof(br_ssl_engine_context, side))

_Static_assert(sizeof(br_sslrec_chapol_context) == sizeof(struct known_chapol) &&
                   offsetof(br_sslrec_chapol_context, vtable) == 0 &&
                   offsetof(br_sslrec_chapol_context, ipoly) ==
                       offsetof(struct known_chapol, ipoly),
               "br_sslrec_chapol_context is not that of BearSSL 0.6");
_Static_assert(IN_ENGINE(in, vtable) == 0 && IN_ENGINE(in, gcm) == 0 &&
                   IN_ENGINE(in, chapol) == 0 && IN_ENGINE(out, vtable) == 0 &&
                   IN_ENGINE(out, gcm) == 0 && IN_ENGINE(out, chapol) == 0,
               "the engine's record contexts do not begin where its unions do");

#define TAG GCM_TAG /* Poly1305's is as long */
#define SEQUENCE 8  /* a sequence number, and the part of a nonce that a record begins with */
#define GCM_AROUND (SEQUENCE + TAG)
#define N_AAD (SEQUENCE + RECORD_HEADER)

static bool take_gcm(struct record_gcm *to, const br_sslrec_gcm_context *from)
{
    size_t size;
    const uint8_t *key = gcm_engine_key(&from->bc.vtable, &size);
    if (key == NULL)
        return false;
    gcm_key_init(&to->key, key, size);
    memcpy(to->salt, from->iv, sizeof to->salt);
    to->sequence = from->seq;
    return true;
}

bool record_take_over(struct record_layer *r, const br_ssl_engine_context *engine)
{
    const br_sslrec_in_class *in = engine->in.vtable;
    const br_sslrec_out_class *out = engine->out.vtable;
    bool chapol =
        in == &br_sslrec_in_chapol_vtable.inner && out == &br_sslrec_out_chapol_vtable.inner;
    r->is_gcm = in == &br_sslrec_in_gcm_vtable.inner && out == &br_sslrec_out_gcm_vtable.inner;
    size_t size = r->is_gcm ? sizeof engine->in.gcm : sizeof engine->in.chapol, room = 0;
    if ((!r->is_gcm && !chapol) || in->context_size != size || out->context_size != size)
        return false; /* the last one: the library's version is not that of the headers */
    if (chapol) {
        memcpy(&r->in, &engine->in, size);
        memcpy(&r->out, &engine->out, size);
    } else if (!take_gcm(&r->in.gcm, &engine->in.gcm) || !take_gcm(&r->out.gcm, &engine->out.gcm)) {
        return false;
    }
    r->front = RECORD_HEADER + (r->is_gcm ? SEQUENCE : 0);
    r->back = TAG;
    /* The room that the engine offers now is the limit that was negotiated (RFC 6066 section 4). */
    br_ssl_engine_sendapp_buf(engine, &room);
    r->max_plain = room > 0 && room < RECORD_MAX_PLAIN ? room : RECORD_MAX_PLAIN;
    return true;
}

void record_wipe(struct record_layer *r)
{
    explicit_bzero(r, sizeof *r);
}

size_t record_size(const uint8_t header[RECORD_HEADER])
{
    size_t n = RECORD_HEADER + ((size_t)header[3] << 8 | header[4]);
    bool known = header[0] >= RECORD_CHANGE_CIPHER_SPEC && header[0] <= RECORD_DATA;
    return known && header[1] == 3 && n <= RECORD_MAX ? n : 0;
}

/* ---- AES-GCM ---- */

static void put_big(uint8_t *p, uint64_t number, size_t n)
{
    while (n-- > 0) {
        p[n] = (uint8_t)number;
        number >>= 8;
    }
}

static void put_header(uint8_t *p, unsigned type, size_t n)
{
    p[0] = (uint8_t)type;
    put_big(p + 1, BR_TLS12, 2);
    put_big(p + 3, n, 2);
}

/* What else is authenticated: sequence number, and the header that n bytes have in the clear. */
static void next_aad(struct record_gcm *g, unsigned type, size_t n, uint8_t aad[N_AAD])
{
    put_big(aad, g->sequence++, SEQUENCE);
    put_header(aad + SEQUENCE, type, n);
}

/* `explicit`: the bytes that a record begins with, its nonce's back part. */
static void make_nonce(const struct record_gcm *g, const uint8_t explicit[SEQUENCE],
                       uint8_t nonce[GCM_NONCE])
{
    memcpy(nonce, g->salt, sizeof g->salt);
    memcpy(nonce + sizeof g->salt, explicit, SEQUENCE);
}

static uint8_t *open_gcm(struct record_gcm *g, uint8_t *record, size_t *n)
{
    uint8_t nonce[GCM_NONCE], aad[N_AAD], *text = record + RECORD_HEADER + SEQUENCE;
    if (*n < GCM_AROUND || *n > RECORD_MAX_PLAIN + GCM_AROUND)
        return NULL;
    *n -= GCM_AROUND;
    next_aad(g, record[0], *n, aad);
    make_nonce(g, record + RECORD_HEADER, nonce);
    return gcm_open(&g->key, nonce, aad, N_AAD, text, *n, text, text + *n) ? text : NULL;
}

static void seal_gcm(struct record_gcm *g, enum record_type type, const struct gcm_span *spans,
                     size_t n_spans, uint8_t *record, size_t n)
{
    uint8_t nonce[GCM_NONCE], aad[N_AAD], *text = record + RECORD_HEADER + SEQUENCE;
    put_header(record, type, n + GCM_AROUND);
    put_big(record + RECORD_HEADER, g->sequence, SEQUENCE);
    next_aad(g, type, n, aad);
    make_nonce(g, record + RECORD_HEADER, nonce);
    gcm_seal(&g->key, nonce, aad, N_AAD, spans, n_spans, text, text + n);
}

/* ---- either ---- */

uint8_t *record_open(struct record_layer *r, uint8_t *record, size_t size, size_t *n)
{
    unsigned version = (unsigned)record[1] << 8 | record[2];
    *n = size - RECORD_HEADER;
    if (version != BR_TLS12)
        return NULL;
    if (r->is_gcm)
        return open_gcm(&r->in.gcm, record, n);
    if (!r->in.vtable->check_length(&r->in.vtable, *n))
        return NULL;
    return r->in.vtable->decrypt(&r->in.vtable, record[0], version, record + RECORD_HEADER, n);
}

size_t record_seal(struct record_layer *r, enum record_type type, uint8_t *record, size_t n)
{
    if (r->is_gcm) {
        struct gcm_span plain = {.p = record + r->front, .n = n};
        seal_gcm(&r->out.gcm, type, &plain, 1, record, n);
        return r->front + n + r->back;
    }
    r->out.vtable->encrypt(&r->out.vtable, (int)type, BR_TLS12, record + r->front, &n);
    return n;
}

size_t record_seal_spans(struct record_layer *r, const struct stream_span *spans, size_t n_spans,
                         uint8_t *record, size_t n)
{
    struct gcm_span plain[RECORD_SPANS];
    if (!r->is_gcm) {
        stream_spans_copy(spans, 0, record + r->front, n);
        return record_seal(r, RECORD_DATA, record, n);
    }
    for (size_t i = 0; i < n_spans; i++) {
        plain[i] = (struct gcm_span){.p = spans[i].p, .n = spans[i].n};
        memcpy(plain[i].mask, spans[i].mask, sizeof plain[i].mask);
    }
    seal_gcm(&r->out.gcm, RECORD_DATA, plain, n_spans, record, n);
    return r->front + n + r->back;
}
