#include "core/tls/record.h"

#include <string.h>

#define LARGE 65536 /* more room than any record can use */
#define TAG 16      /* of GCM and of Poly1305 */

bool record_take_over(struct record_layer *r, const br_ssl_engine_context *engine)
{
    const br_sslrec_in_class *in = engine->in.vtable;
    const br_sslrec_out_class *out = engine->out.vtable;
    bool gcm = in == &br_sslrec_in_gcm_vtable.inner && out == &br_sslrec_out_gcm_vtable.inner;
    bool chapol =
        in == &br_sslrec_in_chapol_vtable.inner && out == &br_sslrec_out_chapol_vtable.inner;
    if (!gcm && !chapol)
        return false;
    memcpy(&r->in, &engine->in, in->context_size);
    memcpy(&r->out, &engine->out, out->context_size);
    size_t start = RECORD_HEADER, end = LARGE, room = 0;
    out->max_plaintext(&r->out.vtable, &start, &end);
    r->front = start;
    r->back = TAG;
    /* What the engine would take now is the limit that was negotiated (RFC 6066 section 4). */
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
