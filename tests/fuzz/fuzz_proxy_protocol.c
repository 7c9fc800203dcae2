/* Headers of the PROXY protocol. The oracle: bytes fed whole and fed in pieces give the same
 * header, which lies within its limits; and what was told, written anew, is read as the same.
 * Input: one byte that decides the pieces, then what the balancer sent. */
#include "core/net/proxy_protocol.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

struct outcome {
    enum proxy_protocol_state state;
    size_t size;
    struct proxy_told told;
};

static void check_tlvs(const uint8_t *p, const struct proxy_told *told, size_t size)
{
    struct span rest = told->tlvs, value;
    uint8_t type;
    size_t n = 0;
    while (proxy_protocol_tlv(&rest, &type, &value)) {
        MUST((const uint8_t *)value.p > p && (const uint8_t *)value.p + value.n <= p + size);
        n += 3 + value.n;
    }
    MUST(rest.n == 0 && n == told->tlvs.n);
}

/* MORE: n bytes are not enough. */
static struct outcome feed(const uint8_t *p, size_t n, size_t step)
{
    struct outcome o = {.state = PROXY_PROTOCOL_MORE};
    const char *why = NULL;
    for (size_t want = step < n ? step : n; o.state == PROXY_PROTOCOL_MORE && want <= n;) {
        uint8_t *copy = malloc(want > 0 ? want : 1);
        MUST(copy != NULL);
        memcpy(copy, p, want);
        o.state = proxy_protocol_read(copy, want, &o.size, &o.told, &why);
        MUST((o.state == PROXY_PROTOCOL_BAD) == (why != NULL));
        if (o.state == PROXY_PROTOCOL_MORE)
            MUST(o.size > want && o.size <= PROXY_PROTOCOL_MAX);
        if (o.state == PROXY_PROTOCOL_DONE) {
            MUST(o.size <= want && o.size <= PROXY_PROTOCOL_MAX && proxy_protocol_begins(p, want));
            check_tlvs(copy, &o.told, o.size);
        }
        o.told.tlvs.p = NULL;
        free(copy);
        size_t next = want + step < n ? want + step : n;
        want = next < o.size ? o.size : next;
    }
    return o;
}

/* IPv4 inside IPv6 is written as IPv4. */
static void write_anew(const struct proxy_told *told)
{
    char client[ADDRESS_TEXT], service[ADDRESS_TEXT];
    address_text(&told->client, client);
    address_text(&told->service, service);
    if (told->client.any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&told->client.v6.sin6_addr))
        return;
    for (int version = 1; version <= 2; version++) {
        uint8_t out[PROXY_HEADER_MAX];
        const struct proxy_header h = {
            .version = version, .client = client, .service = service, .opened_by = "", .asked = ""};
        size_t n = proxy_protocol_write(&h, out);
        struct outcome o = feed(out, n, 1);
        MUST(o.state == PROXY_PROTOCOL_DONE && o.size == n && o.told.known);
        MUST(memcmp(&o.told.client, &told->client, sizeof told->client) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct outcome a = feed(data + 1, size - 1, size),
                   b = feed(data + 1, size - 1, 1u + data[0] % 40);
    MUST(a.state == b.state || b.state == PROXY_PROTOCOL_MORE);
    if (a.state != PROXY_PROTOCOL_DONE)
        return 0;
    MUST(b.state == PROXY_PROTOCOL_DONE && a.size == b.size);
    MUST(memcmp(&a.told, &b.told, sizeof a.told) == 0);
    if (a.told.known)
        write_anew(&a.told);
    return 0;
}
