#include "core/tls/trust.h"

#include "core/base/log.h"
#include "core/base/str.h"
#include "core/tls/der.h"
#include "core/tls/pem.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ANCHORS 10000
#define MAX_NAME 4096 /* of a subject, encoded */

static const char *const system_files[] = {
    "/etc/ssl/certs/ca-certificates.crt", /* Debian, Alpine, Arch */
    "/etc/pki/tls/certs/ca-bundle.crt",   /* Fedora, RHEL */
    "/etc/ssl/ca-bundle.pem",             /* openSUSE */
    "/etc/ssl/cert.pem",
};

static void append_name(void *ctx, const void *p, size_t n)
{
    struct buf *name = ctx;
    if (!buf_append(name, p, n))
        name->limit = 0; /* does not fit: told by the limit */
}

/* Version 1 has no version field and no extensions, so such a root cannot say that it is a CA. As
 * OpenSSL does, a given one that has signed itself is taken for one. */
static bool is_old_root(const uint8_t *certificate, size_t n)
{
    struct der tbs, serial, algorithm, issuer, validity, subject;
    return der_certificate(certificate, n, &tbs) && der_expect(&tbs, DER_INTEGER, &serial) &&
           der_expect(&tbs, DER_SEQUENCE, &algorithm) && der_expect(&tbs, DER_SEQUENCE, &issuer) &&
           der_expect(&tbs, DER_SEQUENCE, &validity) && der_expect(&tbs, DER_SEQUENCE, &subject) &&
           issuer.n == subject.n && memcmp(issuer.p, subject.p, issuer.n) == 0;
}

static bool same_bytes(const unsigned char *a, size_t an, const unsigned char *b, size_t bn)
{
    return an == bn && memcmp(a, b, an) == 0;
}

static bool same_key(const br_x509_pkey *a, const br_x509_pkey *b)
{
    if (a->key_type != b->key_type)
        return false;
    if (a->key_type == BR_KEYTYPE_RSA)
        return same_bytes(a->key.rsa.n, a->key.rsa.nlen, b->key.rsa.n, b->key.rsa.nlen) &&
               same_bytes(a->key.rsa.e, a->key.rsa.elen, b->key.rsa.e, b->key.rsa.elen);
    return a->key.ec.curve == b->key.ec.curve &&
           same_bytes(a->key.ec.q, a->key.ec.qlen, b->key.ec.q, b->key.ec.qlen);
}

static bool has_anchor(const struct trust *t, const br_x509_trust_anchor *a)
{
    for (size_t i = 0; i < t->n; i++) {
        const br_x509_trust_anchor *b = &t->anchors[i];
        if (a->flags == b->flags && same_bytes(a->dn.data, a->dn.len, b->dn.data, b->dn.len) &&
            same_key(&a->pkey, &b->pkey))
            return true;
    }
    return false;
}

static bool reserve(struct trust *t)
{
    if (t->n < t->capacity)
        return true;
    size_t capacity = t->capacity != 0 ? 2 * t->capacity : 16;
    if (t->n >= MAX_ANCHORS)
        return false;
    br_x509_trust_anchor *anchors = realloc(t->anchors, capacity * sizeof *anchors);
    if (anchors == NULL)
        return false;
    t->anchors = anchors;
    t->capacity = capacity;
    return true;
}

/* Keeps a copy: name and key in one allocation, which begins with the name. */
static bool add_anchor(struct trust *t, const br_x509_trust_anchor *a)
{
    br_x509_trust_anchor copy = *a;
    const br_rsa_public_key *rsa = &a->pkey.key.rsa;
    const br_ec_public_key *ec = &a->pkey.key.ec;
    bool is_rsa = a->pkey.key_type == BR_KEYTYPE_RSA;
    size_t first = is_rsa ? rsa->nlen : ec->qlen, second = is_rsa ? rsa->elen : 0;
    unsigned char *p = malloc(a->dn.len + first + second);
    if (p == NULL || !reserve(t)) {
        free(p);
        return false;
    }
    memcpy(p, a->dn.data, a->dn.len);
    memcpy(p + a->dn.len, is_rsa ? rsa->n : ec->q, first);
    copy.dn.data = p;
    if (is_rsa) {
        memcpy(p + a->dn.len + first, rsa->e, second);
        copy.pkey.key.rsa.n = p + a->dn.len;
        copy.pkey.key.rsa.e = p + a->dn.len + first;
    } else {
        copy.pkey.key.ec.q = p + a->dn.len;
    }
    t->anchors[t->n++] = copy;
    return true;
}

struct adding {
    struct trust *trust;
    size_t *found;
};

static bool add_certificate(struct adding *a, const uint8_t *der, size_t n)
{
    br_x509_decoder_context decoder;
    struct buf name = {.limit = MAX_NAME};
    br_x509_decoder_init(&decoder, append_name, &name);
    br_x509_decoder_push(&decoder, der, n);
    const br_x509_pkey *key = br_x509_decoder_get_pkey(&decoder);
    bool ok = true;
    if (key != NULL && name.limit != 0 && name.size > 0) {
        bool ca = br_x509_decoder_isCA(&decoder) || is_old_root(der, n);
        br_x509_trust_anchor anchor = {
            .dn = {name.data, name.size}, .flags = ca ? BR_X509_TA_CA : 0, .pkey = *key};
        ++*a->found;
        ok = has_anchor(a->trust, &anchor) || add_anchor(a->trust, &anchor);
    }
    buf_free(&name);
    return ok;
}

static bool on_object(void *ctx, const char *name, const uint8_t *der, size_t n)
{
    if (n == 0 || (strcmp(name, "CERTIFICATE") != 0 && strcmp(name, "X509 CERTIFICATE") != 0))
        return true;
    return add_certificate(ctx, der, n);
}

bool trust_add_pem(struct trust *t, const void *text, size_t n, size_t *found)
{
    struct adding a = {.trust = t, .found = found};
    return pem_each(text, n, on_object, &a);
}

/* ---- sources ---- */

struct report {
    enum err why;
    char *text;
    size_t size;
};

static bool complain(struct report *r, enum err why, const char *path, const char *what)
{
    r->why = why;
    snprintf(r->text, r->size, "%s: %s", path, what);
    return false;
}

static bool add_file(struct trust *t, const char *path, struct report *r)
{
    struct buf text;
    size_t found = 0;
    enum err why = pem_read(path, &text);
    if (why != ERR_OK)
        return complain(r, why, path, err_text(why));
    bool ok = trust_add_pem(t, text.data, text.size, &found);
    buf_free(&text);
    if (!ok)
        return complain(r, ERR_NO_MEMORY, path, err_text(ERR_NO_MEMORY));
    if (found == 0)
        return complain(r, ERR_USAGE, path, "there is no certificate in it (PEM is expected)");
    return true;
}

/* Whatever else lies in the directory is none of our business. */
static bool add_directory(struct trust *t, const char *path, struct report *r)
{
    DIR *d = opendir(path);
    if (d == NULL)
        return complain(r, ERR_NOT_FOUND, path, "cannot be read as a directory");
    size_t before = t->n;
    bool ok = true, any = false;
    for (struct dirent *e = readdir(d); ok && e != NULL; e = readdir(d)) {
        char file[4096];
        int length = snprintf(file, sizeof file, "%s/%s", path, e->d_name);
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
            length >= (int)sizeof file)
            continue;
        if (add_file(t, file, r)) {
            any = true;
            continue;
        }
        log_debug("skipped: %s", r->text);
        ok = r->why != ERR_NO_MEMORY;
    }
    closedir(d);
    if (ok && !any && t->n == before)
        return complain(r, ERR_USAGE, path, "there is no certificate in this directory");
    return ok;
}

static bool add_system(struct trust *t, struct report *r)
{
    const char *file = getenv("SSL_CERT_FILE"), *directory = getenv("SSL_CERT_DIR");
    bool has_file = file != NULL && file[0] != '\0';
    bool has_directory = directory != NULL && directory[0] != '\0';
    if (has_file || has_directory)
        return (!has_file || add_file(t, file, r)) &&
               (!has_directory || add_directory(t, directory, r));
    for (size_t i = 0; i < sizeof system_files / sizeof *system_files; i++) {
        if (add_file(t, system_files[i], r))
            return true;
        if (r->why != ERR_NOT_FOUND)
            return false;
    }
    return complain(r, ERR_NOT_FOUND, system_files[0], "this system's certificates are not there");
}

struct trust *trust_new(const struct trust_sources *from, enum err *why, char *text, size_t size)
{
    struct report r = {.why = ERR_OK, .text = text, .size = size};
    struct trust *t = calloc(1, sizeof *t);
    if (t == NULL) {
        snprintf(text, size, "%s", err_text(ERR_NO_MEMORY));
        *why = ERR_NO_MEMORY;
        return NULL;
    }
    random_bytes(t->id, sizeof t->id);
    t->insecure = from->insecure;
    bool named = from->file != NULL || from->directory != NULL;
    bool ok = (from->file == NULL || add_file(t, from->file, &r)) &&
              (from->directory == NULL || add_directory(t, from->directory, &r));
    if (ok && (from->system || (!named && !from->insecure)) && !add_system(t, &r)) {
        /* A machine without certificates of its own (a container) can do with those named. */
        ok = named && r.why == ERR_NOT_FOUND;
        if (ok)
            log_warning("%s; only the authorities that were named are trusted", r.text);
    }
    *why = ok ? ERR_OK : r.why;
    if (ok)
        return t;
    size_t used = strlen(text);
    if (!named && r.why == ERR_NOT_FOUND)
        snprintf(text + used, size - used, "; name a CA file");
    trust_free(t);
    return NULL;
}

void trust_free(struct trust *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->n; i++)
        free(t->anchors[i].dn.data);
    free(t->anchors);
    free(t);
}
