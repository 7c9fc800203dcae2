#include "core/tls/dn.h"

#include "core/base/str.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Whether the string type's bytes below 128 are ASCII: UTF8String to VisibleString. */
static bool is_text(uint8_t tag)
{
    return tag == 0x0C || tag == 0x13 || tag == 0x14 || tag == 0x16 || tag == 0x1A;
}

static const uint8_t email[] = {0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 9, 1};

static bool same_bytes(struct der a, struct der b)
{
    return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

/* ---- comparing ---- */

static struct der trimmed(struct der t)
{
    for (; t.n > 0 && isspace(t.p[0]); t.n--)
        t.p++;
    while (t.n > 0 && isspace(t.p[t.n - 1]))
        t.n--;
    return t;
}

/* Takes the next character off t: in lower case, and one space for any number of spaces. */
static int fold(struct der *t)
{
    int c = tolower(t->p[0]);
    t->p++, t->n--;
    if (!isspace(c))
        return c;
    for (; t->n > 0 && isspace(t->p[0]); t->n--)
        t->p++;
    return ' ';
}

static bool same_text(struct der a, struct der b)
{
    a = trimmed(a);
    b = trimmed(b);
    while (a.n > 0 && b.n > 0)
        if (fold(&a) != fold(&b))
            return false;
    return a.n == 0 && b.n == 0;
}

struct attribute {
    struct der oid, value;
    uint8_t tag;
};

static bool take_attribute(struct der *set, struct attribute *a)
{
    struct der both;
    return der_expect(set, DER_SEQUENCE, &both) && der_expect(&both, DER_OID, &a->oid) &&
           der_next(&both, &a->tag, &a->value) && both.n == 0;
}

static bool same_attribute(const struct attribute *a, const struct attribute *b)
{
    if (!same_bytes(a->oid, b->oid))
        return false;
    if (is_text(a->tag) && is_text(b->tag))
        return same_text(a->value, b->value);
    return a->tag == b->tag && same_bytes(a->value, b->value);
}

static bool same_rdn(struct der a, struct der b)
{
    struct attribute x, y;
    while (a.n > 0 && b.n > 0)
        if (!take_attribute(&a, &x) || !take_attribute(&b, &y) || !same_attribute(&x, &y))
            return false;
    return a.n == 0 && b.n == 0;
}

bool dn_within(struct der name, struct der base)
{
    struct der x, y;
    while (base.n > 0)
        if (!der_expect(&name, DER_SET, &x) || !der_expect(&base, DER_SET, &y) || !same_rdn(x, y))
            return false;
    return true;
}

bool dn_same(struct der a, struct der b)
{
    return same_bytes(a, b) || (dn_within(a, b) && dn_within(b, a));
}

/* ---- reading ---- */

static bool is_attribute(struct der oid, uint8_t last)
{
    return last == DN_EMAIL ? same_bytes(oid, (struct der){email, sizeof email})
                            : oid.n == 3 && oid.p[0] == 0x55 && oid.p[1] == 4 && oid.p[2] == last;
}

bool dn_each(struct der name, uint8_t last, dn_value *each, void *ctx)
{
    struct der set;
    struct attribute a;
    while (name.n > 0) {
        if (!der_expect(&name, DER_SET, &set))
            return false;
        while (set.n > 0) {
            if (!take_attribute(&set, &a))
                return false;
            if (is_attribute(a.oid, last) && is_text(a.tag) && !each(ctx, a.value))
                return false;
        }
    }
    return true;
}

static bool is_printable(struct der text)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] < ' ' || text.p[i] > '~')
            return false;
    return true;
}

/* Says what is wrong with it as the name of a certificate's owner, or NULL. */
static const char *check_common_name(const struct attribute *a)
{
    if (a->value.n == 0)
        return "the common name in the certificate is empty";
    if (a->value.n > DN_COMMON_NAME_MAX)
        return "the common name in the certificate is longer than 128 characters";
    if (!is_text(a->tag) || !is_printable(a->value))
        return "the common name in the certificate is not printable ASCII";
    return NULL;
}

const char *dn_common_name(struct der name, char out[static DN_COMMON_NAME_MAX + 1])
{
    static const char damaged[] = "the subject of the certificate cannot be read";
    struct der set;
    struct attribute a, found = {.tag = 0};
    bool any = false;
    out[0] = '\0';
    while (name.n > 0) {
        if (!der_expect(&name, DER_SET, &set))
            return damaged;
        while (set.n > 0) {
            if (!take_attribute(&set, &a))
                return damaged;
            if (!is_attribute(a.oid, DN_COMMON_NAME))
                continue;
            if (any)
                return "there are several common names in the certificate";
            any = true;
            found = a;
        }
    }
    const char *wrong =
        any ? check_common_name(&found) : "there is no common name in the certificate";
    if (wrong != NULL)
        return wrong;
    memcpy(out, found.value.p, found.value.n);
    out[found.value.n] = '\0';
    return NULL;
}

static const char *short_name(struct der oid)
{
    static const struct {
        uint8_t last;
        const char *name;
    } names[] = {{3, "CN"}, {5, "serialNumber"}, {6, "C"},  {7, "L"},
                 {8, "ST"}, {10, "O"},           {11, "OU"}};
    if (same_bytes(oid, (struct der){email, sizeof email}))
        return "emailAddress";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (oid.n == 3 && oid.p[0] == 0x55 && oid.p[1] == 4 && oid.p[2] == names[i].last)
            return names[i].name;
    return NULL;
}

char *dn_text(struct der name, char *out, size_t size)
{
    struct der set;
    struct attribute a;
    size_t used = 0;
    out[0] = '\0';
    while (der_expect(&name, DER_SET, &set))
        while (take_attribute(&set, &a)) {
            char value[128];
            const char *label = short_name(a.oid);
            if (label == NULL || !is_text(a.tag))
                continue;
            str_escape((struct span){(const char *)a.value.p, a.value.n}, value, sizeof value);
            int n =
                snprintf(out + used, size - used, "%s%s=%s", used > 0 ? ", " : "", label, value);
            if (n < 0 || (size_t)n >= size - used)
                return out;
            used += (size_t)n;
        }
    if (used == 0)
        snprintf(out, size, "(nameless)");
    return out;
}
