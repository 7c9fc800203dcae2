/* The life of access tokens (share/doc/protocol.md, "Tokens"): which client is admitted with which
 * token. Pure: what is decided here depends on the arguments alone, so that every kind of registry
 * decides alike. Private to the registries. */
#ifndef GATEWAY_HUB_REGISTRY_TOKEN_RULES_H
#define GATEWAY_HUB_REGISTRY_TOKEN_RULES_H

#include "gateway/hub/registry/registry.h"

/* What a client shows. */
struct token_claim {
    enum side side;
    uint8_t token[TOKEN_HASH];
    bool has_client;
    uint8_t client[TOKEN_HASH];
    const char *device; /* as in struct admission_request */
    bool device_required;
};

/* X(name, status, error, sentence) */
#define TOKEN_REFUSAL_TABLE(X)                                                                     \
    X(UNKNOWN, 403, ERR_FORBIDDEN,                                                                 \
      "Invalid access token: no open tunnel has it. The tunnel may have been closed or the token " \
      "replaced, or it belongs to another hub: open a new tunnel, or check the token and the "     \
      "endpoint.")                                                                                 \
    X(OVER, 403, ERR_FORBIDDEN,                                                                    \
      "Invalid access token: its tunnel is closed or has expired. Open a new one.")                \
    X(DESTINATIONS, 403, ERR_FORBIDDEN,                                                            \
      "Invalid access token: it is the destination's, not the source's. Give this one to the "     \
      "agent on the device, and the source token to the gateway.")                                 \
    X(SOURCES, 403, ERR_FORBIDDEN,                                                                 \
      "Invalid access token: it is the source's, not the destination's. Give this one to the "     \
      "gateway, and the destination token to the agent on the device.")                            \
    X(NO_CERTIFICATE, 403, ERR_FORBIDDEN,                                                          \
      "This tunnel is a device's: its agent has to show the device's certificate.")                \
    X(OTHER_DEVICE, 403, ERR_FORBIDDEN,                                                            \
      "This tunnel is another device's: the common name of the certificate is not the tunnel's "   \
      "thing name.")                                                                               \
    X(USED, 400, ERR_FORBIDDEN,                                                                    \
      "Invalid access token: The access token was previously used and can not be used again. "     \
      "Open a new tunnel, and give the client a client token (-i) if it shall be able to "         \
      "reconnect.")                                                                                \
    X(OTHER_CLIENT, 400, ERR_FORBIDDEN,                                                            \
      "Invalid client token: The provided client token does not match the client token that was "  \
      "previously set. Connect with the same one, or open a new tunnel.")                          \
    X(NOT_STORED, 503, ERR_IO,                                                                     \
      "The hub cannot store that the access token is used: try again in a moment.")                \
    X(NO_MEMORY, 503, ERR_NO_MEMORY, "The hub is out of memory: try again in a moment.")           \
    X(CROWDED, 503, ERR_LIMIT, "Too many connections at once with this access token.")             \
    X(ENDING, 503, ERR_SHUTDOWN, "The hub is ending: try again in a moment.")

/* What becomes of a claim. */
enum token_verdict {
    TOKEN_FIRST, /* the token may be used for the first time (token_use) */
    TOKEN_AGAIN, /* it is the client that has used it before */
    TOKEN_ASK,   /* it has to be known whether the tunnel's thing is keyed (registry_options) */
#define X(name, status, error, sentence) TOKEN_##name,
    TOKEN_REFUSAL_TABLE(X)
#undef X
};

/* Whether the claim's token is one of t's; *side: whose. */
bool token_is_of(const struct tunnel_record *t, const struct token_claim *c, enum side *side);

enum token_keyed { KEYED_UNKNOWN, KEYED_NO, KEYED_YES };
/* Decides on a token that belongs to that side of t. over: t is closed, or past its time. */
enum token_verdict token_judge(const struct tunnel_record *t, enum side side, bool over,
                               const struct token_claim *c, enum token_keyed keyed);
static inline bool token_admits(enum token_verdict v)
{
    return v == TOKEN_FIRST || v == TOKEN_AGAIN;
}

/* The token of the claim's side is used from now on. */
void token_use(struct tunnel_record *t, const struct token_claim *c);
/* That side has a new token, which nobody has used. */
void token_replace(struct tunnel_record *t, enum side side, const uint8_t token[TOKEN_HASH]);

/* The refusal that a verdict means, which is not one of the first three. known: the token's tunnel,
 * or NULL. */
struct admission token_refusal(enum token_verdict v, const struct tunnel_record *known);
/* until: when the tunnel ends, by the clock of `now`. */
struct admission token_admission(const struct tunnel_record *t, int64_t until, int64_t now);

#endif
