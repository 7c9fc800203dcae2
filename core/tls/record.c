#include "core/tls/record.h"

#include <stddef.h>
#include <string.h>

/* The record contexts of BearSSL 0.6 as record_take_over copies them, member by member. A context
 * with a further member does not compile, since the member may be a pointer into the context or out
 * of it. */
struct known_gcm {
    const void *vtable;
    uint64_t seq;
    union {
        const br_block_ctr_class *vtable;
        br_aes_gen_ctr_keys aes;
    } bc;
    br_ghash gh;
    unsigned char iv[4], h[16];
};
struct known_chapol {
    const void *vtable;
    uint64_t seq;
    unsigned char key[32], iv[12];
    br_chacha20_run ichacha;
    br_poly1305_run ipoly;
};
#define IN_ENGINE(side, member)                                                                    \
    (offsetof(br_ssl_engine_context, side.member) - offsetof(br_ssl_engine_context, side))

_Static_assert(sizeof(br_sslrec_gcm_context) == sizeof(struct known_gcm) &&
                   offsetof(br_sslrec_gcm_context, vtable) == 0 &&
                   offsetof(br_sslrec_gcm_context, h) == offsetof(struct known_gcm, h),
               "br_sslrec_gcm_context is not that of BearSSL 0.6");
_Static_assert(sizeof(br_sslrec_chapol_context) == sizeof(struct known_chapol) &&
                   offsetof(br_sslrec_chapol_context, vtable) == 0 &&
                   offsetof(br_sslrec_chapol_context, ipoly) ==
                       offsetof(struct known_chapol, ipoly),
               "br_sslrec_chapol_context is not that of BearSSL 0.6");
_Static_assert(IN_ENGINE(in, vtable) == 0 && IN_ENGINE(in, gcm) == 0 &&
                   IN_ENGINE(in, chapol) == 0 && IN_ENGINE(out, vtable) == 0 &&
                   IN_ENGINE(out, gcm) == 0 && IN_ENGINE(out, chapol) == 0,
               "the engine's record contexts do not begin where its unions do");

#define LARGE 65536 /* more room than any record can use */
#define TAG 16      /* of GCM and of Poly1305 */

bool record_take_over(struct record_layer *r, const br_ssl_engine_context *engine)
{
    const br_sslrec_in_class *in = engine->in.vtable;
    const br_sslrec_out_class *out = engine->out.vtable;
    bool gcm = in == &br_sslrec_in_gcm_vtable.inner && out == &br_sslrec_out_gcm_vtable.inner;
    bool chapol =
        in == &br_sslrec_in_chapol_vtable.inner && out == &br_sslrec_out_chapol_vtable.inner;
    size_t size = gcm ? sizeof r->in.gcm : sizeof r->in.chapol;
    if ((!gcm && !chapol) || in->context_size != size || out->context_size != size)
        return false; /* the last one: the library's version is not that of the headers */
    memcpy(&r->in, &engine->in, size);
    memcpy(&r->out, &engine->out, size);
    size_t start = RECORD_HEADER, end = LARGE, room = 0;
    out->max_plaintext(&r->out.vtable, &start, &end);
    r->front = start;
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

uint8_t *record_open(struct record_layer *r, uint8_t *record, size_t size, size_t *n)
{
    unsigned version = (unsigned)record[1] << 8 | record[2];
    *n = size - RECORD_HEADER;
    if (version != BR_TLS12 || !r->in.vtable->check_length(&r->in.vtable, *n))
        return NULL;
    return r->in.vtable->decrypt(&r->in.vtable, record[0], version, record + RECORD_HEADER, n);
}

size_t record_seal(struct record_layer *r, enum record_type type, uint8_t *record, size_t n)
{
    r->out.vtable->encrypt(&r->out.vtable, (int)type, BR_TLS12, record + r->front, &n);
    return n;
}
