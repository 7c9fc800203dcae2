#include "core/net/proxy_protocol.h"

#include <arpa/inet.h>
#include <string.h>

#define V1_MAX 107 /* with CR LF */
#define V2_HEAD 16 /* bytes up to the length, with it */
#define TLV_HEAD 3
#define PP2_TYPE_CRC32C 0x03
#define TCP_OVER_IPV4 0x11
#define TCP_OVER_IPV6 0x21

static const char v1_begins[] = "PROXY ";
static const uint8_t v2_begins[12] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                      0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

typedef enum proxy_protocol_state state;

static state bad(const char **why, const char *text)
{
    *why = text;
    return PROXY_PROTOCOL_BAD;
}

static state more(size_t *size, size_t n)
{
    *size = n;
    return PROXY_PROTOCOL_MORE;
}

/* ---- version 1 ---- */

/* Canonical by section 2.1: no zeros in front. */
static bool read_port(struct span s, in_port_t *out)
{
    uint64_t port;
    if (!str_number(s, 65535, &port) || (s.n > 1 && s.p[0] == '0'))
        return false;
    *out = htons((uint16_t)port);
    return true;
}

static bool read_address(int family, struct span ip, struct span port, union address *out)
{
    char text[INET6_ADDRSTRLEN];
    if (ip.n >= sizeof text)
        return false;
    memcpy(text, ip.p, ip.n);
    text[ip.n] = '\0';
    *out = (union address){.any.sa_family = (sa_family_t)family};
    if (strlen(text) != ip.n)
        return false;
    if (family == AF_INET)
        return inet_pton(family, text, &out->v4.sin_addr) == 1 &&
               read_port(port, &out->v4.sin_port);
    return inet_pton(family, text, &out->v6.sin6_addr) == 1 && read_port(port, &out->v6.sin6_port);
}

/* line: what stands between "PROXY " and CR LF. */
static bool read_line(struct span line, struct proxy_told *told)
{
    struct span family = span_cut(&line, ' ');
    if (span_is(family, "UNKNOWN"))
        return true;
    bool v4 = span_is(family, "TCP4");
    if (!v4 && !span_is(family, "TCP6"))
        return false;
    struct span client = span_cut(&line, ' '), service = span_cut(&line, ' '),
                client_port = span_cut(&line, ' ');
    told->known = true;
    return read_address(v4 ? AF_INET : AF_INET6, client, client_port, &told->client) &&
           read_address(v4 ? AF_INET : AF_INET6, service, line, &told->service);
}

static state read_v1(struct span in, size_t *size, struct proxy_told *told, const char **why)
{
    struct proxy_told t = {.version = 1};
    size_t most = in.n < V1_MAX ? in.n : V1_MAX;
    const char *lf = memchr(in.p, '\n', most), *cr = memchr(in.p, '\r', most);
    bool last = cr != NULL && cr + 1 == in.p + most; /* what follows it is not there */
    if ((lf != NULL && (cr == NULL || cr + 1 != lf)) || (cr != NULL && lf == NULL && !last))
        return bad(why, "a CR or LF stands alone in its PROXY header");
    if (lf == NULL && most < V1_MAX)
        return more(size, in.n + 1);
    if (lf == NULL)
        return bad(why, "its PROXY header does not end in CR LF within 107 bytes");
    const size_t begin = sizeof v1_begins - 1;
    if (!read_line((struct span){in.p + begin, (size_t)(cr - in.p) - begin}, &t))
        return bad(why, "its PROXY header (version 1) is malformed");
    *told = t;
    *size = (size_t)(lf + 1 - in.p);
    return PROXY_PROTOCOL_DONE;
}

/* ---- version 2 ---- */

static size_t get_16(const char *p)
{
    return (size_t)(uint8_t)p[0] << 8 | (uint8_t)p[1];
}

bool proxy_protocol_tlv(struct span *tlvs, uint8_t *type, struct span *value)
{
    if (tlvs->n < TLV_HEAD || tlvs->n - TLV_HEAD < get_16(tlvs->p + 1))
        return false;
    *type = (uint8_t)tlvs->p[0];
    *value = (struct span){tlvs->p + TLV_HEAD, get_16(tlvs->p + 1)};
    tlvs->p += TLV_HEAD + value->n;
    tlvs->n -= TLV_HEAD + value->n;
    return true;
}

/* CRC32c of RFC 4960 appendix B, with the bytes of `zeroed` as zeros. */
static uint32_t checksum(struct span bytes, struct span zeroed)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < bytes.n; i++) {
        const char *p = bytes.p + i;
        crc ^= p >= zeroed.p && p < zeroed.p + zeroed.n ? 0 : (uint8_t)*p;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    return ~crc;
}

static state check_tlvs(struct span header, struct span rest, const char **why)
{
    struct span value;
    uint8_t type;
    bool checked = false;
    while (proxy_protocol_tlv(&rest, &type, &value)) {
        if (type != PP2_TYPE_CRC32C)
            continue;
        if (checked || value.n != 4 ||
            (get_16(value.p) << 16 | get_16(value.p + 2)) != checksum(header, value))
            return bad(why, "the checksum of its PROXY header is wrong");
        checked = true;
    }
    return rest.n == 0 ? PROXY_PROTOCOL_DONE
                       : bad(why, "a part of its PROXY header is longer than the header");
}

/* The bytes of a family's addresses, for each byte that the header may have there (section 2.2);
 * false: none that is. */
static bool size_of_family(uint8_t byte, size_t *size)
{
    static const size_t sizes[] = {0, 12, 36, 216}; /* UNSPEC, IPv4, IPv6, unix */
    unsigned family = byte >> 4, transport = byte & 0x0f;
    if (family >= sizeof sizes / sizeof *sizes || transport > 2)
        return false;
    *size = sizes[family];
    return true;
}

static void take_addresses(const char *p, bool v4, struct proxy_told *told)
{
    union address *both[] = {&told->client, &told->service};
    size_t n = v4 ? 4 : 16;
    told->known = true;
    for (size_t i = 0; i < 2; i++) {
        union address *a = both[i];
        a->any.sa_family = v4 ? AF_INET : AF_INET6;
        memcpy(v4 ? (void *)&a->v4.sin_addr : (void *)&a->v6.sin6_addr, p + i * n, n);
        memcpy(v4 ? &a->v4.sin_port : &a->v6.sin6_port, p + 2 * n + 2 * i, 2);
    }
}

static state read_v2(struct span in, size_t *size, struct proxy_told *told, const char **why)
{
    struct proxy_told t = {.version = 2};
    size_t addresses = 0;
    uint8_t version = in.n > 12 ? (uint8_t)in.p[12] : 0x20,
            family = in.n > 13 ? (uint8_t)in.p[13] : 0;
    if (version >> 4 != 2 || (version & 0x0f) > 1)
        return bad(why, "its PROXY header has an unknown version or command");
    bool local = (version & 0x0f) == 0;
    if (!local && !size_of_family(family, &addresses))
        return bad(why, "its PROXY header has an unknown address family");
    if (in.n < V2_HEAD)
        return more(size, V2_HEAD);
    struct span header = {in.p, V2_HEAD + get_16(in.p + V2_HEAD - 2)};
    if (header.n > PROXY_PROTOCOL_MAX)
        return bad(why, "its PROXY header is longer than 4096 bytes");
    if (header.n < V2_HEAD + addresses)
        return bad(why, "its PROXY header is too short for its addresses");
    if (in.n < header.n)
        return more(size, header.n);
    if (!local && family >> 4 != 0)
        t.tlvs = (struct span){in.p + V2_HEAD + addresses, header.n - V2_HEAD - addresses};
    if (!local && (family == TCP_OVER_IPV4 || family == TCP_OVER_IPV6))
        take_addresses(in.p + V2_HEAD, family == TCP_OVER_IPV4, &t);
    if (check_tlvs(header, t.tlvs, why) != PROXY_PROTOCOL_DONE)
        return PROXY_PROTOCOL_BAD;
    *told = t;
    *size = header.n;
    return PROXY_PROTOCOL_DONE;
}

/* ---- which one it is ---- */

static bool begins(const void *p, size_t n, const void *with, size_t size)
{
    return memcmp(p, with, n < size ? n : size) == 0;
}

bool proxy_protocol_begins(const uint8_t *p, size_t n)
{
    return begins(p, n, v1_begins, sizeof v1_begins - 1) ||
           begins(p, n, v2_begins, sizeof v2_begins);
}

state proxy_protocol_read(const uint8_t *p, size_t n, size_t *size, struct proxy_told *told,
                          const char **why)
{
    struct span in = {(const char *)p, n};
    if (n == 0)
        return more(size, 1);
    if (!proxy_protocol_begins(p, n))
        return bad(why, "it does not begin with a PROXY header");
    bool v1 = p[0] == (uint8_t)v1_begins[0];
    size_t least = v1 ? sizeof v1_begins - 1 : V2_HEAD;
    if (n < (v1 ? least : sizeof v2_begins))
        return more(size, least);
    return (v1 ? read_v1 : read_v2)(in, size, told, why);
}
