/* Finds out who calls: by the signature, or by a loopback address. */
#include "core/aws/sigv4.h"
#include "gateway/hub/api/api_internal.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Clients are named as core/net/socket.c writes addresses. */
static bool peer_is_loopback(const char *client)
{
    struct in_addr v4;
    struct in6_addr v6;
    static const uint8_t mapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127};
    char host[INET6_ADDRSTRLEN];
    if (strncmp(client, "pid ", 4) == 0 || strcmp(client, "unix") == 0)
        return true;
    const char *colon = strrchr(client, ':');
    bool bracket = client[0] == '[' && colon != NULL && colon[-1] == ']';
    if (colon == NULL || (client[0] == '[' && !bracket))
        return false;
    int n =
        snprintf(host, sizeof host, "%.*s", (int)(colon - client) - 2 * bracket, client + bracket);
    if (n < 0 || (size_t)n >= sizeof host)
        return false;
    if (!bracket)
        return inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, host, &v6) == 1 &&
           (IN6_IS_ADDR_LOOPBACK(&v6) || memcmp(&v6, mapped, sizeof mapped) == 0);
}

static void stamp(int64_t ms, char out[32])
{
    struct tm tm;
    time_t seconds = (time_t)(ms / 1000);
    gmtime_r(&seconds, &tm);
    strftime(out, 32, "%Y%m%dT%H%M%SZ", &tm);
}

/* Tells in AWS's words which clock is wrong, and how far. X-Amz-Date has one form, so the texts
 * sort as the times do. */
static bool refuse_expired(struct call *c, const struct sigv4_auth *auth, int64_t now)
{
    char here[32], edge[32];
    stamp(now, here);
    bool early = strncmp(auth->time.p, here, auth->time.n) > 0;
    stamp(early ? now + SIGV4_SKEW_MS : now - SIGV4_SKEW_MS, edge);
    return REFUSE(c, FAULT_INVALID_SIGNATURE, "%s: %.*s is %s than %s (%s %c %d min.)",
                  early ? "Signature not yet current" : "Signature expired", (int)auth->time.n,
                  auth->time.p, early ? "still later" : "now earlier", edge, here,
                  early ? '+' : '-', SIGV4_SKEW_MS / 60000);
}

/* Besides a wrong secret the commonest reason, which users rarely think of, is a proxy that has
 * changed the signed header Host. So the answer tells which Host arrived. */
static bool refuse_mismatch(struct call *c)
{
    char host[200];
    str_escape(http_header(c->head, "Host"), host, sizeof host);
    return REFUSE(
        c, FAULT_INVALID_SIGNATURE,
        "%s It was calculated with the Host header \"%s\", as it arrived here: a proxy in "
        "between must not change it.",
        sigv4_text(SIGV4_MISMATCH), host);
}

static bool authorize_unsigned(struct call *c)
{
    if (c->api->allow_unsigned_loopback && !c->fronted && peer_is_loopback(c->client))
        return c->known = true;
    return REFUSE(c, FAULT_MISSING_TOKEN, "Missing Authentication Token: %s",
                  sigv4_text(SIGV4_MISSING));
}

bool authorize(struct call *c)
{
    struct sigv4_auth auth;
    enum sigv4_verdict verdict = sigv4_parse(c->head, &auth);
    int64_t now = c->api->clock();
    if (verdict == SIGV4_MISSING)
        return authorize_unsigned(c);
    if (verdict != SIGV4_OK)
        return REFUSE(c, FAULT_INCOMPLETE_SIGNATURE, "%s", sigv4_text(verdict));
    snprintf(c->key_id, sizeof c->key_id, "%.*s", (int)auth.key_id.n, auth.key_id.p);
    const struct access_key *key =
        c->api->keys != NULL ? keys_find(c->api->keys, auth.key_id) : NULL;
    if (key == NULL || access_key_secret(key).n == 0)
        return REFUSE(c, FAULT_UNRECOGNIZED_CLIENT,
                      "The security token included in the request is invalid: the hub has no such "
                      "access key.");
    verdict = sigv4_verify(&auth, c->head, c->body, access_key_secret(key), now);
    if (verdict == SIGV4_EXPIRED)
        return refuse_expired(c, &auth, now);
    if (verdict == SIGV4_MISMATCH)
        return refuse_mismatch(c);
    if (verdict != SIGV4_OK)
        return REFUSE(c, FAULT_INVALID_SIGNATURE, "%s", sigv4_text(verdict));
    c->keys = keys_ref(c->api->keys);
    c->key = key;
    return c->known = true;
}
