#include "core/tunnel/opening.h"

#include "tunnel.pb.h"

#include <pb_decode.h>
#include <pb_encode.h>
#include <string.h>

_Static_assert(sizeof(((tunnel_Opening *)0)->target) == OPENING_TEXT_MAX + 1 &&
                   tunnel_Opening_size <= OPENING_MAX,
               "proto/tunnel.options has the same sizes");

size_t opening_encode(const struct opening *o, uint8_t out[OPENING_MAX])
{
    tunnel_Opening m = {.port = o->port};
    memcpy(m.target, o->target, sizeof m.target);
    memcpy(m.client, o->client, sizeof m.client);
    memcpy(m.asked, o->asked, sizeof m.asked);
    pb_ostream_t stream = pb_ostream_from_buffer(out, OPENING_MAX);
    return pb_encode(&stream, tunnel_Opening_fields, &m) ? stream.bytes_written : 0;
}

bool opening_decode(struct span bytes, struct opening *out)
{
    tunnel_Opening m = tunnel_Opening_init_zero;
    pb_istream_t stream = pb_istream_from_buffer((const pb_byte_t *)bytes.p, bytes.n);
    *out = (struct opening){.port = 0};
    if (!pb_decode(&stream, tunnel_Opening_fields, &m))
        return false;
    out->port = m.port;
    memcpy(out->target, m.target, sizeof out->target);
    memcpy(out->client, m.client, sizeof out->client);
    memcpy(out->asked, m.asked, sizeof out->asked);
    return true;
}
