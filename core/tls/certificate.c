#include "core/tls/certificate.h"

#include "core/base/clock.h"
#include "core/tls/dn.h"

#include <stdio.h>
#include <string.h>

#define VERSION (DER_CONTEXT_CONSTRUCTED + 0)
#define ISSUER_ID (DER_CONTEXT + 1)
#define SUBJECT_ID (DER_CONTEXT + 2)
#define EXTENSIONS (DER_CONTEXT_CONSTRUCTED + 3)
#define PERMITTED (DER_CONTEXT_CONSTRUCTED + 0)
#define EXCLUDED (DER_CONTEXT_CONSTRUCTED + 1)
#define MAX_PATH_LENGTH 1000 /* a longer one limits nothing */

static bool is(struct der a, const void *p, size_t n)
{
    return a.n == n && memcmp(a.p, p, n) == 0;
}

/* ---- times ---- */

static bool digits(const uint8_t *p, size_t n, int *out)
{
    int value = 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return false;
        value = 10 * value + (p[i] - '0');
    }
    *out = value;
    return true;
}

/* Days from 1970 to a day in the Gregorian calendar (years that begin in March, eras of 400). */
static int64_t days(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t era = y / 400, in_era = y % 400;
    return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + of_year - 719468;
}

/* Takes a UTCTime YYMMDDHHMMSSZ or a GeneralizedTime YYYYMMDDHHMMSSZ (section 4.1.2.5). */
static bool take_time(struct der *in, int64_t *out)
{
    struct der text;
    uint8_t tag;
    int f[6] = {0};
    if (!der_next(in, &tag, &text) || (tag != DER_UTC_TIME && tag != DER_GENERALIZED_TIME))
        return false;
    size_t year = tag == DER_UTC_TIME ? 2 : 4;
    if (text.n != year + 11 || text.p[text.n - 1] != 'Z' || !digits(text.p, year, &f[0]))
        return false;
    for (size_t i = 1; i < 6; i++)
        if (!digits(text.p + year + 2 * (i - 1), 2, &f[i]))
            return false;
    if (tag == DER_UTC_TIME)
        f[0] += f[0] < 50 ? 2000 : 1900;
    if (f[1] < 1 || f[1] > 12 || f[2] < 1 || f[2] > 31 || f[3] > 23 || f[4] > 59 || f[5] > 59)
        return false;
    *out = days(f[0], f[1], f[2]) * 86400 + f[3] * 3600 + f[4] * 60 + f[5];
    return true;
}

char *certificate_time(int64_t seconds, char out[static CERTIFICATE_TIME])
{
    time_t t = (time_t)seconds;
    struct tm tm;
    char stamp[CLOCK_STAMP];
    out[0] = '\0';
    if (gmtime_r(&t, &tm) != NULL)
        snprintf(out, CERTIFICATE_TIME, "%.16s UTC", clock_stamp(&tm, ' ', stamp));
    return out;
}

/* ---- extensions (section 4.2) ---- */

/* Many encoders write a default out (cA FALSE), so that is not refused. */
static bool take_basic(struct certificate *c, struct der value)
{
    struct der list, field;
    if (!der_expect(&value, DER_SEQUENCE, &list) || value.n != 0)
        return false;
    c->has_basic = true;
    if (der_expect(&list, DER_BOOLEAN, &field)) {
        if (field.n != 1)
            return false;
        c->is_ca = field.p[0] != 0;
    }
    if (list.n == 0)
        return true;
    if (!der_expect(&list, DER_INTEGER, &field) || field.n == 0 || (field.p[0] & 0x80) != 0)
        return false;
    c->path_length = field.n > 2 ? MAX_PATH_LENGTH : 0;
    for (size_t i = 0; field.n <= 2 && i < field.n; i++)
        c->path_length = c->path_length << 8 | field.p[i];
    return list.n == 0;
}

static bool take_usage(struct certificate *c, struct der value)
{
    struct der bits;
    if (!der_expect(&value, DER_BITS, &bits) || value.n != 0 || bits.n == 0 || bits.p[0] > 7)
        return false;
    c->has_usage = true;
    c->usage = bits.n > 1 ? bits.p[1] : 0;
    return true;
}

static unsigned purpose_of(struct der oid)
{
    static const uint8_t server[] = {0x2B, 6, 1, 5, 5, 7, 3, 1};
    static const uint8_t client[] = {0x2B, 6, 1, 5, 5, 7, 3, 2};
    static const uint8_t any[] = {0x55, 0x1D, 0x25, 0};
    if (is(oid, server, sizeof server))
        return PURPOSE_SERVER;
    if (is(oid, client, sizeof client))
        return PURPOSE_CLIENT;
    return is(oid, any, sizeof any) ? PURPOSE_ANY : PURPOSE_OTHER;
}

bool certificate_purposes(struct der list, unsigned *purposes)
{
    struct der oid;
    while (list.n > 0) {
        if (!der_expect(&list, DER_OID, &oid))
            return false;
        *purposes |= purpose_of(oid);
    }
    return true;
}

static bool take_purposes(struct certificate *c, struct der value)
{
    struct der list;
    return der_expect(&value, DER_SEQUENCE, &list) && value.n == 0 && list.n > 0 &&
           certificate_purposes(list, &c->purposes);
}

static bool take_names(struct certificate *c, struct der value)
{
    return der_expect(&value, DER_SEQUENCE, &c->names) && value.n == 0;
}

static bool take_constraints(struct certificate *c, struct der value)
{
    struct der list;
    if (!der_expect(&value, DER_SEQUENCE, &list) || value.n != 0 || list.n == 0)
        return false;
    der_expect(&list, PERMITTED, &c->permitted);
    der_expect(&list, EXCLUDED, &c->excluded);
    return list.n == 0;
}

/* Looks for id-ad-caIssuers among the AccessDescriptions. */
static bool take_access(struct certificate *c, struct der value)
{
    static const uint8_t issuers[] = {0x2B, 6, 1, 5, 5, 7, 0x30, 2};
    struct der list, entry, oid;
    if (!der_expect(&value, DER_SEQUENCE, &list) || value.n != 0)
        return false;
    while (list.n > 0) {
        if (!der_expect(&list, DER_SEQUENCE, &entry) || !der_expect(&entry, DER_OID, &oid))
            return false;
        c->tells_issuer = c->tells_issuer || is(oid, issuers, sizeof issuers);
    }
    return true;
}

/* Certificate policies are not evaluated, so it does not matter which ones a path has or requires;
 * OpenSSL and GnuTLS do the same by default. Revocation lists are not fetched. */
static bool take_nothing(struct certificate *c, struct der value)
{
    (void)c, (void)value;
    return true;
}

static const struct extension {
    uint8_t oid[8];
    size_t n;
    bool (*take)(struct certificate *c, struct der value);
} extensions[] = {
    {{0x55, 0x1D, 0x13}, 3, take_basic},           {{0x55, 0x1D, 0x0F}, 3, take_usage},
    {{0x55, 0x1D, 0x25}, 3, take_purposes},        {{0x55, 0x1D, 0x11}, 3, take_names},
    {{0x55, 0x1D, 0x1E}, 3, take_constraints},     {{0x55, 0x1D, 0x20}, 3, take_nothing},
    {{0x55, 0x1D, 0x21}, 3, take_nothing}, /* policyMappings */
    {{0x55, 0x1D, 0x24}, 3, take_nothing}, /* policyConstraints */
    {{0x55, 0x1D, 0x36}, 3, take_nothing}, /* inhibitAnyPolicy */
    {{0x55, 0x1D, 0x1F}, 3, take_nothing}, /* cRLDistributionPoints */
    {{0x2B, 6, 1, 5, 5, 7, 1, 1}, 8, take_access},
};
#define EXTENSION_COUNT (sizeof extensions / sizeof *extensions)

static const char *take_extensions(struct certificate *c, struct der list)
{
    unsigned seen = 0;
    struct der extension, oid, critical, value;
    while (list.n > 0) {
        bool is_critical = false;
        if (!der_expect(&list, DER_SEQUENCE, &extension) || !der_expect(&extension, DER_OID, &oid))
            return "an extension of the certificate is damaged";
        if (der_expect(&extension, DER_BOOLEAN, &critical))
            is_critical = critical.n == 1 && critical.p[0] != 0;
        if (!der_expect(&extension, DER_OCTETS, &value) || extension.n != 0)
            return "an extension of the certificate is damaged";
        size_t i = 0;
        while (i < EXTENSION_COUNT && !is(oid, extensions[i].oid, extensions[i].n))
            i++;
        if (i == EXTENSION_COUNT) {
            c->unknown_critical = c->unknown_critical || is_critical;
            continue;
        }
        if ((seen & 1U << i) != 0)
            return "an extension of the certificate is there twice";
        seen |= 1U << i;
        if (!extensions[i].take(c, value))
            return "an extension of the certificate is damaged";
    }
    return NULL;
}

/* ---- the whole ---- */

static bool take_version(struct certificate *c, struct der *body)
{
    struct der field, number;
    c->first_version = true;
    if (!der_expect(body, VERSION, &field))
        return true;
    if (!der_expect(&field, DER_INTEGER, &number) || field.n != 0 || number.n != 1 ||
        number.p[0] > 2)
        return false;
    c->first_version = number.p[0] == 0;
    return true;
}

static bool take_validity(struct certificate *c, struct der *body)
{
    struct der validity;
    return der_expect(body, DER_SEQUENCE, &validity) && take_time(&validity, &c->not_before) &&
           take_time(&validity, &c->not_after) && validity.n == 0;
}

static bool take_subject(struct certificate *c, struct der *body)
{
    const uint8_t *begin = body->p;
    if (!der_expect(body, DER_SEQUENCE, &c->subject))
        return false;
    c->subject_name = (struct der){begin, (size_t)(body->p - begin)};
    return true;
}

static const char *take_body(struct certificate *c, struct der body)
{
    static const char damaged[] = "the certificate is damaged";
    struct der serial, algorithm, info, field;
    if (!take_version(c, &body) || !der_expect(&body, DER_INTEGER, &serial) ||
        !der_expect(&body, DER_SEQUENCE, &algorithm) ||
        !der_expect(&body, DER_SEQUENCE, &c->issuer) || !take_validity(c, &body) ||
        !take_subject(c, &body) || !der_expect(&body, DER_SEQUENCE, &info) ||
        !public_key_parse(&c->key, info))
        return damaged;
    /* The outer algorithm is not signed, so it must be the same as the inner one (section
     * 4.1.1.2). */
    if (!is(algorithm, c->algorithm.p, c->algorithm.n))
        return "the certificate names two signature algorithms";
    der_expect(&body, ISSUER_ID, &field);
    der_expect(&body, SUBJECT_ID, &field);
    if (body.n == 0)
        return NULL;
    struct der list;
    if (!der_expect(&body, EXTENSIONS, &field) || body.n != 0 || c->first_version ||
        !der_expect(&field, DER_SEQUENCE, &list) || field.n != 0)
        return damaged;
    return take_extensions(c, list);
}

const char *certificate_parse(struct certificate *c, const uint8_t *p, size_t n)
{
    struct der in = {p, n}, outer, body, bits;
    *c = (struct certificate){.whole = {p, n}, .path_length = -1};
    if (!der_expect(&in, DER_SEQUENCE, &outer) || in.n != 0)
        return "it is not a certificate";
    const uint8_t *begin = outer.p;
    if (!der_expect(&outer, DER_SEQUENCE, &body))
        return "it is not a certificate";
    c->body = (struct der){begin, (size_t)(outer.p - begin)};
    if (!der_expect(&outer, DER_SEQUENCE, &c->algorithm) || !der_expect(&outer, DER_BITS, &bits) ||
        outer.n != 0 || bits.n == 0 || bits.p[0] != 0)
        return "it is not a certificate";
    c->signature = (struct der){bits.p + 1, bits.n - 1};
    return take_body(c, body);
}

bool certificate_self_issued(const struct certificate *c)
{
    return dn_same(c->issuer, c->subject);
}
