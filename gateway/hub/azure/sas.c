#include "gateway/hub/azure/sas.h"

#include "core/base/encoding.h"
#include "core/base/secret.h"

#include <string.h>

#define SCHEME "SharedAccessSignature"
#define EXPIRY_DIGITS 15
#define SIGNATURE_TEXT 44 /* characters of base64 */

const char *sas_text(enum sas_verdict v)
{
    static const char *const texts[SAS_VERDICTS] = {
#define X(name, text) [SAS_##name] = text,
        SAS_TABLE(X)
#undef X
    };
    return texts[v];
}

/* ---- parsing ---- */

/* Copies s, decoded. False: it does not fit, or decodes to a control character or NUL. */
static bool decode(struct span s, char *out, size_t size)
{
    if (s.n >= size || (s.n > 0 && memchr(s.p, '\0', s.n) != NULL))
        return false;
    if (s.n > 0)
        memcpy(out, s.p, s.n);
    out[s.n] = '\0';
    return percent_decode(out);
}

static bool take_resource(struct sas *s, struct span value)
{
    s->resource = value;
    return true;
}

static bool take_signature(struct sas *s, struct span value)
{
    char text[3 * SIGNATURE_TEXT + 1];
    uint8_t bytes[SIGNATURE_TEXT / 4 * 3];
    if (!decode(value, text, sizeof text) || strlen(text) != SIGNATURE_TEXT ||
        base64_decode(span_of(text), bytes) != HASH_SHA256_SIZE)
        return false;
    memcpy(s->signature, bytes, HASH_SHA256_SIZE);
    return true;
}

static bool take_expiry(struct sas *s, struct span value)
{
    s->expiry = value;
    return value.n <= EXPIRY_DIGITS && str_number(value, INT64_MAX, &s->expires);
}

static bool take_policy(struct sas *s, struct span value)
{
    return decode(value, s->policy, sizeof s->policy);
}

static const struct {
    const char *name;
    bool (*take)(struct sas *s, struct span value);
    bool optional, may_be_empty;
} fields[] = {
    {.name = "sr", .take = take_resource},
    {.name = "sig", .take = take_signature},
    {.name = "se", .take = take_expiry},
    {.name = "skn", .take = take_policy, .optional = true, .may_be_empty = true},
};
enum { FIELDS = sizeof fields / sizeof *fields };

static bool take_field(struct sas *s, struct span field, unsigned *seen)
{
    struct span value = field, name = span_cut(&value, '=');
    for (size_t i = 0; i < FIELDS; i++) {
        if (!span_is(name, fields[i].name))
            continue;
        bool again = (*seen & 1u << i) != 0;
        *seen |= 1u << i;
        return !again && (value.n > 0 || fields[i].may_be_empty) && fields[i].take(s, value);
    }
    return name.n > 0; /* fields that are not known are ignored */
}

static bool take_all(struct sas *s, struct span rest)
{
    unsigned seen = 0;
    while (rest.n > 0)
        if (!take_field(s, span_cut(&rest, '&'), &seen))
            return false;
    for (size_t i = 0; i < FIELDS; i++)
        if (!fields[i].optional && (seen & 1u << i) == 0)
            return false;
    return true;
}

enum sas_verdict sas_parse(struct span token, struct sas *out)
{
    struct span rest = span_trim(token);
    *out = (struct sas){0};
    if (!span_is_nocase(span_cut(&rest, ' '), SCHEME))
        return SAS_MISSING;
    if (token.n <= SAS_MAX && take_all(out, span_trim(rest)))
        return SAS_OK;
    *out = (struct sas){0};
    return SAS_MALFORMED;
}

/* ---- verifying ---- */

static bool is_signed(const struct sas *s, const uint8_t *key, size_t n)
{
    struct hmac h;
    uint8_t mac[HASH_SHA256_SIZE];
    hmac_begin(&h, key, n);
    hmac_add(&h, s->resource.p, s->resource.n);
    hmac_add(&h, "\n", 1);
    hmac_add(&h, s->expiry.p, s->expiry.n);
    hmac_end(&h, mac);
    bool same = secret_equal((struct span){(char *)mac, sizeof mac},
                             (struct span){(const char *)s->signature, sizeof s->signature});
    explicit_bzero(mac, sizeof mac);
    return same;
}

/* Cuts ":443" off. */
static struct span cut_port(struct span *host)
{
    size_t n = host->n;
    while (n > 0 && host->p[n - 1] >= '0' && host->p[n - 1] <= '9')
        n--;
    if (n == 0 || n == host->n || host->p[n - 1] != ':')
        return (struct span){0};
    struct span port = {host->p + n, host->n - n};
    host->n = n - 1;
    return port;
}

static bool same_host(struct span a, struct span b)
{
    struct span port_a = cut_port(&a), port_b = cut_port(&b);
    return a.n > 0 && span_equal_nocase(a, b) &&
           (port_a.n == 0 || port_b.n == 0 || span_equal(port_a, port_b));
}

/* Whether `part` is `all` or, at a slash, begins with it. */
static bool covers(struct span all, struct span part)
{
    if (all.n > 0 && all.p[all.n - 1] == '/')
        all.n--;
    return all.n == 0 || (all.n <= part.n && memcmp(all.p, part.p, all.n) == 0 &&
                          (all.n == part.n || part.p[all.n] == '/'));
}

static bool is_for(const struct sas *s, struct span host, struct span path)
{
    char text[SAS_MAX + 1];
    if (!decode(s->resource, text, sizeof text))
        return false;
    struct span rest = span_of(text);
    size_t n = 0;
    while (n < rest.n && rest.p[n] != '/')
        n++;
    return same_host((struct span){rest.p, n}, host) &&
           covers((struct span){rest.p + n, rest.n - n}, path);
}

enum sas_verdict sas_verify(const struct sas *s, const uint8_t *key, size_t n, struct span host,
                            struct span path, int64_t now_ms)
{
    if ((int64_t)s->expires <= now_ms / 1000)
        return SAS_EXPIRED;
    if (!is_signed(s, key, n))
        return SAS_MISMATCH;
    return is_for(s, host, path) ? SAS_OK : SAS_SCOPE;
}
