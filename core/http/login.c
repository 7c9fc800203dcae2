#include "core/http/login.h"

#include "core/base/encoding.h"
#include "core/base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEX_SIZE (2 * HASH_SIZE_MAX + 1)

void login_free(struct login *l)
{
    free(l->realm);
    free(l->nonce);
    free(l->opaque);
    *l = (struct login){.kind = LOGIN_NONE};
}

/* ---- challenges ---- */

static bool is_token(char c)
{
    return c > ' ' && c < 127 && strchr("\"(),/:;<=>?@[\\]{}", c) == NULL;
}

static void skip(struct span *s, const char *set)
{
    while (s->n > 0 && s->p[0] != '\0' && strchr(set, s->p[0]) != NULL)
        s->p++, s->n--;
}

static struct span token(struct span *s)
{
    struct span out = {s->p, 0};
    while (out.n < s->n && is_token(s->p[out.n]))
        out.n++;
    s->p += out.n;
    s->n -= out.n;
    return out;
}

/* Takes a token, or a quoted string without its quotes. Its escapes stay, since Digest hashes them
 * and sends them back. */
static struct span value(struct span *s)
{
    if (s->n == 0 || s->p[0] != '"')
        return token(s);
    struct span out = {s->p + 1, 0};
    while (out.n + 1 < s->n && out.p[out.n] != '"')
        out.n += out.p[out.n] == '\\' && out.n + 2 < s->n ? 2 : 1;
    s->p += out.n + 1;
    s->n -= out.n + 1;
    skip(s, "\"");
    return out;
}

/* One challenge while it is being read. */
struct challenge {
    struct span scheme, realm, nonce, opaque, algorithm, qop, stale, userhash;
};

static void parameter(struct challenge *c, struct span name, struct span v)
{
    const struct {
        const char *name;
        struct span *to;
    } known[] = {
        {"realm", &c->realm},         {"nonce", &c->nonce}, {"opaque", &c->opaque},
        {"algorithm", &c->algorithm}, {"qop", &c->qop},     {"stale", &c->stale},
        {"userhash", &c->userhash},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (span_is_nocase(name, known[i].name))
            *known[i].to = v;
}

/* Skips what Negotiate and NTLM send in place of parameters: token68 (RFC 9110 11.2), followed by a
 * comma or nothing. */
static void skip_token68(struct span *s)
{
    struct span rest = *s;
    skip(&rest, " \t");
    while (rest.n > 0 && (is_token(rest.p[0]) || rest.p[0] == '/'))
        rest.p++, rest.n--;
    skip(&rest, "=");
    skip(&rest, " \t");
    if (rest.n == 0 || rest.p[0] == ',')
        *s = rest;
}

/* Cuts the next challenge off a line: a scheme and its parameters. A name without '=' begins the
 * next challenge. */
static bool next_challenge(struct span *s, struct challenge *out)
{
    *out = (struct challenge){.scheme = {NULL, 0}};
    skip(s, ", \t");
    out->scheme = token(s);
    if (out->scheme.n == 0)
        return false;
    skip_token68(s);
    for (;;) {
        struct span before = *s;
        skip(s, ", \t");
        struct span name = token(s);
        skip(s, " \t");
        bool is_parameter = name.n > 0 && s->n > 0 && s->p[0] == '=';
        if (!is_parameter && name.n > 0) {
            *s = before;
            return true;
        }
        if (s->n == 0)
            return true;
        if (!is_parameter) { /* malformed */
            s->p++, s->n--;
            continue;
        }
        skip(s, "=");
        skip(s, " \t");
        parameter(out, name, value(s));
    }
}

static bool lists(struct span list, const char *word)
{
    while (list.n > 0)
        if (span_is_nocase(span_trim(span_cut(&list, ',')), word))
            return true;
    return false;
}

/* The supported algorithms, worst first. */
static const struct {
    const char *name;
    bool sha256, session;
} algorithms[] = {
    {"MD5", false, false},
    {"MD5-sess", false, true},
    {"SHA-256", true, false},
    {"SHA-256-sess", true, true},
};

/* Grades a challenge; 0: not supported. */
static int grade(const struct challenge *c, size_t *algorithm)
{
    *algorithm = 0;
    if (span_is_nocase(c->scheme, "Basic"))
        return 1;
    if (!span_is_nocase(c->scheme, "Digest") || c->nonce.p == NULL || c->realm.p == NULL ||
        (c->qop.n > 0 && !lists(c->qop, "auth")))
        return 0;
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++)
        if (c->algorithm.n == 0 || span_is_nocase(c->algorithm, algorithms[i].name)) {
            *algorithm = i;
            return 2 + (int)i;
        }
    return 0;
}

static enum err take(const struct challenge *c, size_t algorithm, struct login *out)
{
    char offered[sizeof out->offered];
    memcpy(offered, out->offered, sizeof offered);
    login_free(out);
    memcpy(out->offered, offered, sizeof offered);
    if (span_is_nocase(c->scheme, "Basic")) {
        out->kind = LOGIN_BASIC;
        return ERR_OK;
    }
    out->kind = LOGIN_DIGEST;
    out->algorithm = c->algorithm.n > 0 ? algorithms[algorithm].name : NULL;
    out->sha256 = algorithms[algorithm].sha256;
    out->session = algorithms[algorithm].session;
    out->qop = c->qop.n > 0;
    out->stale = span_is_nocase(c->stale, "true");
    out->userhash = span_is_nocase(c->userhash, "true");
    out->realm = span_dup(c->realm);
    out->nonce = span_dup(c->nonce);
    out->opaque = c->opaque.p != NULL ? span_dup(c->opaque) : NULL;
    return out->realm != NULL && out->nonce != NULL && (c->opaque.p == NULL || out->opaque != NULL)
               ? ERR_OK
               : ERR_NO_MEMORY;
}

static void note_offer(struct login *out, struct span scheme)
{
    char name[40];
    size_t n = strlen(out->offered);
    str_escape(scheme, name, sizeof name);
    if (strstr(out->offered, name) == NULL)
        snprintf(out->offered + n, sizeof out->offered - n, "%s%s", n > 0 ? ", " : "", name);
}

enum err login_choose(const struct http_head *answer, struct login *out)
{
    enum err why = ERR_OK;
    int best = 0;
    *out = (struct login){.kind = LOGIN_NONE};
    for (size_t i = 0; i < answer->n_headers; i++) {
        struct span line = answer->headers[i].value;
        struct challenge c;
        size_t algorithm;
        if (!span_is_nocase(answer->headers[i].name, "Proxy-Authenticate"))
            continue;
        while (why == ERR_OK && next_challenge(&line, &c)) {
            note_offer(out, c.scheme);
            int good = grade(&c, &algorithm);
            if (good <= best)
                continue;
            best = good;
            why = take(&c, algorithm, out);
        }
    }
    if (why != ERR_OK)
        login_free(out);
    return why;
}

/* ---- answers ---- */

bool login_basic(const struct login_as *as, struct buf *out)
{
    struct buf plain = {.limit = 8192};
    uint8_t *base64;
    bool ok = buf_printf(&plain, "%s:%s", as->user, as->password) && buf_printf(out, "Basic ") &&
              (base64 = buf_room(out, BASE64_SIZE(plain.size))) != NULL;
    if (ok)
        buf_added(out, base64_encode(plain.data, plain.size, (char *)base64, false));
    buf_wipe(&plain);
    return ok;
}

/* Hashes all parts with ':' between them, in hex. */
static void hash(const struct login *l, const char *const *parts, char out[HEX_SIZE])
{
    struct hash h;
    uint8_t digest[HASH_SIZE_MAX];
    hash_begin(&h, l->sha256 ? HASH_SHA256 : HASH_MD5);
    for (size_t i = 0; parts[i] != NULL; i++) {
        hash_add(&h, ":", i > 0);
        hash_add(&h, parts[i], strlen(parts[i]));
    }
    hex_encode(digest, hash_end(&h, digest), out);
}

#define HASH(l, out, ...) hash(l, (const char *const[]){__VA_ARGS__, NULL}, out)

/* Computes the response of RFC 7616 section 3.4.1, or of RFC 2069 when the challenge has no qop. */
static void respond(const struct login *l, const struct login_as *as, char out[HEX_SIZE])
{
    char a1[HEX_SIZE], a2[HEX_SIZE], base[HEX_SIZE];
    HASH(l, base, as->user, l->realm, as->password);
    if (l->session)
        HASH(l, a1, base, l->nonce, as->cnonce);
    else
        memcpy(a1, base, sizeof a1);
    HASH(l, a2, as->method, as->uri);
    if (l->qop)
        HASH(l, out, a1, l->nonce, "00000001", as->cnonce, "auth", a2);
    else
        HASH(l, out, a1, l->nonce, a2);
    explicit_bzero(a1, sizeof a1);
    explicit_bzero(base, sizeof base);
}

/* Quoted text may not end the quotes or the line. */
static bool quotable(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '"' || (*text == '\\' && *++text == '\0'))
            return false;
        if ((unsigned char)*text < ' ' || *text == 127)
            return false;
    }
    return true;
}

/* The user's name comes from our configuration and may have quotes, so it is escaped. */
static bool put_user(const struct login *l, const struct login_as *as, struct buf *out)
{
    char hashed[HEX_SIZE];
    if (l->userhash) {
        HASH(l, hashed, as->user, l->realm);
        return buf_printf(out, "%s", hashed);
    }
    bool ok = true;
    for (const char *p = as->user; *p != '\0' && ok; p++)
        ok = buf_printf(out, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
    return ok;
}

bool login_digest(const struct login *l, const struct login_as *as, struct buf *out)
{
    char response[HEX_SIZE];
    if (!quotable(l->realm) || !quotable(l->nonce) || (l->opaque != NULL && !quotable(l->opaque)))
        return false;
    respond(l, as, response);
    bool ok = buf_printf(out, "Digest username=\"") && put_user(l, as, out) &&
              buf_printf(out, "\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", response=\"%s\"",
                         l->realm, l->nonce, as->uri, response);
    if (l->algorithm != NULL)
        ok = ok && buf_printf(out, ", algorithm=%s", l->algorithm);
    if (l->qop)
        ok = ok && buf_printf(out, ", qop=auth, nc=00000001");
    if (l->qop || l->session)
        ok = ok && buf_printf(out, ", cnonce=\"%s\"", as->cnonce);
    if (l->opaque != NULL)
        ok = ok && buf_printf(out, ", opaque=\"%s\"", l->opaque);
    if (l->userhash)
        ok = ok && buf_printf(out, ", userhash=true");
    return ok;
}
