#include "core/tls/trust.h"

#include "core/base/log.h"
#include "core/base/random.h"
#include "core/base/str.h"
#include "core/tls/pem.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ANCHORS 10000

static const char *const system_files[] = {
    "/etc/ssl/certs/ca-certificates.crt", /* Debian, Alpine, Arch */
    "/etc/pki/tls/certs/ca-bundle.crt",   /* Fedora, RHEL */
    "/etc/ssl/ca-bundle.pem",             /* openSUSE */
    "/etc/ssl/cert.pem",
};

static bool has_anchor(const struct trust *t, const uint8_t *der, size_t n)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct der *have = &t->anchors[i].whole;
        if (have->n == n && memcmp(have->p, der, n) == 0)
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
    struct certificate *anchors = realloc(t->anchors, capacity * sizeof *anchors);
    if (anchors == NULL)
        return false;
    t->anchors = anchors;
    br_x500_name *names = realloc(t->names, capacity * sizeof *names);
    if (names == NULL)
        return false;
    t->names = names;
    t->capacity = capacity;
    return true;
}

/* Adds a copy of the certificate. */
static bool add_anchor(struct trust *t, const uint8_t *der, size_t n)
{
    uint8_t *copy = malloc(n);
    if (copy == NULL || !reserve(t)) {
        free(copy);
        return false;
    }
    memcpy(copy, der, n);
    struct certificate *c = &t->anchors[t->n];
    certificate_parse(c, copy, n);
    t->names[t->n++] = (br_x500_name){copy + (c->subject_name.p - copy), c->subject_name.n};
    return true;
}

struct adding {
    struct trust *trust;
    size_t *found;
};

static bool add_certificate(struct adding *a, const uint8_t *der, size_t n)
{
    struct certificate c;
    if (certificate_parse(&c, der, n) != NULL || c.subject.n == 0)
        return true;
    if (c.key.supported)
        ++*a->found;
    else
        memcpy(a->trust->unsupported, c.key.kind, sizeof a->trust->unsupported);
    return has_anchor(a->trust, der, n) || add_anchor(a->trust, der, n);
}

/* Reads what `openssl x509 -addtrust, -addreject` puts after a certificate (X509_CERT_AUX). A
 * purpose is distrusted when it is rejected, or when other purposes are listed as trusted and it is
 * not. */
static bool is_distrusted(struct der settings, unsigned purpose)
{
    struct der all, list;
    unsigned trusted = 0, rejected = 0;
    if (settings.n == 0)
        return false;
    if (!der_expect(&settings, DER_SEQUENCE, &all) || settings.n != 0)
        return true;
    bool some = der_expect(&all, DER_SEQUENCE, &list);
    if (some && !certificate_purposes(list, &trusted))
        return true;
    if (der_expect(&all, DER_CONTEXT_CONSTRUCTED, &list) && !certificate_purposes(list, &rejected))
        return true;
    purpose |= PURPOSE_ANY;
    return (rejected & purpose) != 0 || (some && (trusted & purpose) == 0);
}

static bool on_object(void *ctx, const char *name, const uint8_t *der, size_t n)
{
    struct adding *a = ctx;
    struct der whole, settings;
    if (!pem_certificate(name, der, n, &whole, &settings))
        return true;
    if (!is_distrusted(settings, a->trust->purpose))
        return add_certificate(a, whole.p, whole.n);
    a->trust->distrusted = true;
    return true;
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
        return complain(r, why, path, pem_read_text(why));
    bool ok = trust_add_pem(t, text.data, text.size, &found);
    buf_free(&text);
    if (!ok)
        return complain(r, ERR_NO_MEMORY, path, err_text(ERR_NO_MEMORY));
    if (found > 0)
        return true;
    if (t->distrusted)
        return complain(r, ERR_USAGE, path,
                        t->purpose == PURPOSE_SERVER
                            ? "by its own settings its certificate is not trusted for TLS servers "
                              "(openssl x509 -addtrust serverAuth)"
                            : "by its own settings its certificate is not trusted for TLS clients "
                              "(openssl x509 -addtrust clientAuth)");
    if (t->unsupported[0] == '\0')
        return complain(r, ERR_USAGE, path, "there is no certificate in it (PEM is expected)");
    char what[160];
    snprintf(what, sizeof what,
             "its certificate has a key that is not supported: %s (RSA up to 4096 bits and EC on "
             "P-256, P-384 and P-521 are)",
             t->unsupported);
    return complain(r, ERR_USAGE, path, what);
}

/* Other files in the directory are ignored. */
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

/* SSL_CERT_DIR is a list with colons. Some directories may be missing, as in OpenSSL; it is an
 * error only when none of them has a certificate. */
static bool add_directories(struct trust *t, const char *list, struct report *r)
{
    struct span rest = span_of(list);
    bool any = false;
    while (rest.n > 0) {
        char path[4096];
        struct span one = span_cut(&rest, ':');
        if (one.n == 0 || one.n >= sizeof path)
            continue;
        memcpy(path, one.p, one.n);
        path[one.n] = '\0';
        if (add_directory(t, path, r))
            any = true;
        else if (r->why == ERR_NO_MEMORY)
            return false;
        else
            log_debug("SSL_CERT_DIR: skipped: %s", r->text);
    }
    return any || complain(r, ERR_NOT_FOUND, list, "there is no certificate in SSL_CERT_DIR");
}

/* The file or the directory may be missing when the other one gave certificates, as in OpenSSL. */
static bool add_named(struct trust *t, const char *file, const char *directories, struct report *r)
{
    bool from_file = file != NULL && add_file(t, file, r);
    if (file != NULL && !from_file && (directories == NULL || r->why == ERR_NO_MEMORY))
        return false;
    if (file != NULL && !from_file)
        log_warning("SSL_CERT_FILE: %s", r->text);
    return directories == NULL || add_directories(t, directories, r) ||
           (from_file && r->why != ERR_NO_MEMORY);
}

static bool add_system(struct trust *t, struct report *r)
{
    const char *file = getenv("SSL_CERT_FILE"), *directory = getenv("SSL_CERT_DIR");
    bool has_file = file != NULL && file[0] != '\0';
    bool has_directory = directory != NULL && directory[0] != '\0';
    if (has_file || has_directory)
        return add_named(t, has_file ? file : NULL, has_directory ? directory : NULL, r);
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
    t->purpose = from->clients ? PURPOSE_CLIENT : PURPOSE_SERVER;
    bool named = from->file != NULL || from->directory != NULL;
    bool ok = (from->file == NULL || add_file(t, from->file, &r)) &&
              (from->directory == NULL || add_directory(t, from->directory, &r));
    if (ok && (from->system || (!named && !from->insecure)) && !add_system(t, &r)) {
        /* A machine without certificates of its own (a container) can work with the named ones. */
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

void trust_clear(struct trust *t)
{
    for (size_t i = 0; i < t->n; i++)
        free((void *)(uintptr_t)t->anchors[i].whole.p);
    free(t->anchors);
    free(t->names);
}

void trust_free(struct trust *t)
{
    if (t == NULL)
        return;
    trust_clear(t);
    free(t);
}
