#include "core/tls/san.h"

#include "core/base/str.h"
#include "core/tls/dn.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define EXTENSIONS (DER_CONTEXT_CONSTRUCTED + 3)

static const uint8_t subject_alt_name[] = {0x55, 0x1D, 0x11};

/* TBSCertificate: the extensions are its last field, and the only one with their tag. */
static bool find_extensions(const uint8_t *certificate, size_t n, struct der *extensions)
{
    struct der tbs, field;
    uint8_t tag;
    if (!der_certificate(certificate, n, &tbs))
        return false;
    while (der_next(&tbs, &tag, &field))
        if (tag == EXTENSIONS)
            return tbs.n == 0 && der_expect(&field, DER_SEQUENCE, extensions) && field.n == 0;
    return false;
}

/* The GeneralNames of the certificate. */
static bool find_names(const uint8_t *certificate, size_t n, struct der *names)
{
    struct der extensions, extension, oid, critical, value;
    if (!find_extensions(certificate, n, &extensions))
        return false;
    while (der_expect(&extensions, DER_SEQUENCE, &extension)) {
        if (!der_expect(&extension, DER_OID, &oid))
            return false;
        if (oid.n != sizeof subject_alt_name || memcmp(oid.p, subject_alt_name, oid.n) != 0)
            continue;
        der_expect(&extension, DER_BOOLEAN, &critical);
        return der_expect(&extension, DER_OCTETS, &value) && extension.n == 0 &&
               der_expect(&value, DER_SEQUENCE, names) && value.n == 0;
    }
    return false;
}

static bool same(struct der a, const void *p, size_t n)
{
    return a.n == n && memcmp(a.p, p, n) == 0;
}

bool san_has_address(const uint8_t *certificate, size_t n, const uint8_t *address, size_t bytes,
                     const char *text)
{
    struct der names, name;
    uint8_t tag;
    bool any_address = false, match = false, spelled = false;
    if (!find_names(certificate, n, &names))
        return false;
    while (names.n > 0) {
        if (!der_next(&names, &tag, &name))
            return false;
        if (tag == SAN_ADDRESS) {
            any_address = true;
            match = match || same(name, address, bytes);
        } else if (tag == SAN_DNS) {
            spelled = spelled || same(name, text, strlen(text));
        }
    }
    return any_address ? match : spelled;
}

char *san_text(uint8_t tag, struct der name, char *out, size_t size)
{
    char text[INET6_ADDRSTRLEN];
    struct der directory;
    if (tag == SAN_ADDRESS && (name.n == 4 || name.n == 16))
        snprintf(out, size, "%s",
                 inet_ntop(name.n == 4 ? AF_INET : AF_INET6, name.p, text, sizeof text));
    else if (tag == SAN_DIRECTORY && der_expect(&name, DER_SEQUENCE, &directory))
        dn_text(directory, out, size);
    else if (tag == SAN_DNS || tag == SAN_EMAIL || tag == SAN_URI)
        str_escape((struct span){(const char *)name.p, name.n}, out, size);
    else
        snprintf(out, size, "a name of another kind");
    return out;
}

char *san_first(const uint8_t *certificate, size_t n, char *out, size_t size)
{
    struct der names, name;
    uint8_t tag;
    out[0] = '\0';
    if (!find_names(certificate, n, &names))
        return out;
    while (der_next(&names, &tag, &name))
        if (tag == SAN_DNS || (tag == SAN_ADDRESS && (name.n == 4 || name.n == 16)))
            return san_text(tag, name, out, size);
    return out;
}

/* ---- host names ---- */

static bool host_matches(struct der pattern, struct span host)
{
    struct span name = {(const char *)pattern.p, pattern.n};
    if (name.n < 2 || memcmp(name.p, "*.", 2) != 0)
        return span_equal_nocase(name, host);
    struct span first = span_cut(&host, '.'), rest = {name.p + 2, name.n - 2};
    return first.n > 0 && memchr(rest.p, '.', rest.n) != NULL && span_equal_nocase(rest, host);
}

struct host_search {
    struct span host;
    bool found;
};

static bool on_common_name(void *ctx, struct der value)
{
    struct host_search *s = ctx;
    s->found = s->found || host_matches(value, s->host);
    return true;
}

bool san_has_host(struct der names, struct der subject, const char *host)
{
    struct host_search s = {.host = span_of(host)};
    struct der name;
    uint8_t tag;
    bool any = false;
    while (der_next(&names, &tag, &name))
        if (tag == SAN_DNS) {
            any = true;
            s.found = s.found || host_matches(name, s.host);
        }
    return (any || dn_each(subject, DN_COMMON_NAME, on_common_name, &s)) && s.found;
}
