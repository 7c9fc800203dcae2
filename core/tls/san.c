#include "core/tls/san.h"

#include "core/base/str.h"

#include <arpa/inet.h>
#include <string.h>

enum general_name { DNS_NAME = DER_CONTEXT + 2, IP_ADDRESS = DER_CONTEXT + 7 };

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
        if (tag == IP_ADDRESS) {
            any_address = true;
            match = match || same(name, address, bytes);
        } else if (tag == DNS_NAME) {
            spelled = spelled || same(name, text, strlen(text));
        }
    }
    return any_address ? match : spelled;
}

char *san_first(const uint8_t *certificate, size_t n, char *out, size_t size)
{
    struct der names, name;
    uint8_t tag;
    out[0] = '\0';
    if (!find_names(certificate, n, &names))
        return out;
    while (der_next(&names, &tag, &name)) {
        if (tag == DNS_NAME)
            return str_escape((struct span){(const char *)name.p, name.n}, out, size);
        if (tag == IP_ADDRESS && (name.n == 4 || name.n == 16)) {
            char text[INET6_ADDRSTRLEN];
            inet_ntop(name.n == 4 ? AF_INET : AF_INET6, name.p, text, sizeof text);
            return str_escape(span_of(text), out, size);
        }
    }
    return out;
}
