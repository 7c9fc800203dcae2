#include "core/tls/subject.h"

#include <string.h>

static const uint8_t common_name[] = {0x55, 0x04, 0x03};

/* Those whose bytes below 127 are ASCII. */
enum string_tag { UTF8_STRING = 0x0C, PRINTABLE_STRING = 0x13, TELETEX_STRING, IA5_STRING = 0x16 };

#define VERSION (DER_CONTEXT_CONSTRUCTED + 0)

static bool find_subject(const uint8_t *certificate, size_t n, struct der *subject)
{
    struct der tbs, field;
    if (!der_certificate(certificate, n, &tbs))
        return false;
    der_expect(&tbs, VERSION, &field); /* not in version 1 */
    return der_expect(&tbs, DER_INTEGER, &field) && der_expect(&tbs, DER_SEQUENCE, &field) &&
           der_expect(&tbs, DER_SEQUENCE, &field) && der_expect(&tbs, DER_SEQUENCE, &field) &&
           der_expect(&tbs, DER_SEQUENCE, subject);
}

static bool is_string(uint8_t tag)
{
    return tag == UTF8_STRING || tag == PRINTABLE_STRING || tag == TELETEX_STRING ||
           tag == IA5_STRING;
}

static bool is_printable(struct der text)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] < ' ' || text.p[i] > '~')
            return false;
    return true;
}

/* What is wrong with it as the name, or NULL. */
static const char *check(uint8_t tag, struct der text)
{
    if (text.n == 0)
        return "the common name in the certificate is empty";
    if (text.n > SUBJECT_NAME_MAX)
        return "the common name in the certificate is longer than 128 characters";
    if (!is_string(tag) || !is_printable(text))
        return "the common name in the certificate is not printable ASCII";
    return NULL;
}

const char *subject_common_name(const uint8_t *certificate, size_t n,
                                char out[static SUBJECT_NAME_MAX + 1])
{
    static const char damaged[] = "the subject of the certificate cannot be read";
    struct der subject, set, attribute, oid, found = {0}, text;
    uint8_t tag, found_tag = 0;
    bool any = false;
    out[0] = '\0';
    if (!find_subject(certificate, n, &subject))
        return damaged;
    while (subject.n > 0) {
        if (!der_expect(&subject, DER_SET, &set))
            return damaged;
        while (set.n > 0) {
            if (!der_expect(&set, DER_SEQUENCE, &attribute) ||
                !der_expect(&attribute, DER_OID, &oid) || !der_next(&attribute, &tag, &text))
                return damaged;
            if (oid.n != sizeof common_name || memcmp(oid.p, common_name, oid.n) != 0)
                continue;
            if (any)
                return "there are several common names in the certificate";
            any = true;
            found = text;
            found_tag = tag;
        }
    }
    if (!any)
        return "there is no common name in the certificate";
    const char *wrong = check(found_tag, found);
    if (wrong != NULL)
        return wrong;
    memcpy(out, found.p, found.n);
    out[found.n] = '\0';
    return NULL;
}
