#include "gateway/hub/registry/token_rules.h"

#include "core/base/secret.h"

#include <string.h>

static bool same_hash(const uint8_t a[TOKEN_HASH], const uint8_t b[TOKEN_HASH])
{
    return secret_equal((struct span){(const char *)a, TOKEN_HASH},
                        (struct span){(const char *)b, TOKEN_HASH});
}

bool token_is_of(const struct tunnel_record *t, const struct token_claim *c, enum side *side)
{
    for (int i = 0; i < SIDE_COUNT; i++) {
        *side = (enum side)i;
        if (same_hash(t->sides[i].token, c->token))
            return true;
    }
    return false;
}

/* Decides on a token that was used before: only the same client may use it again. */
static enum token_verdict judge_again(const struct record_side *s, const struct token_claim *c)
{
    if (!s->has_client || !c->has_client)
        return TOKEN_USED;
    return same_hash(s->client, c->client) ? TOKEN_AGAIN : TOKEN_OTHER_CLIENT;
}

/* Whether it is the tunnel's device that wants to be its destination: TOKEN_FIRST if so. */
static enum token_verdict judge_device(const struct tunnel_record *t, const struct token_claim *c,
                                       enum token_keyed keyed)
{
    if (c->device != NULL)
        return strcmp(c->device, t->thing) == 0 ? TOKEN_FIRST : TOKEN_OTHER_DEVICE;
    return keyed == KEYED_UNKNOWN ? TOKEN_ASK
           : keyed == KEYED_NO    ? TOKEN_NO_CERTIFICATE
                                  : TOKEN_FIRST;
}

enum token_verdict token_judge(const struct tunnel_record *t, enum side side, bool over,
                               const struct token_claim *c, enum token_keyed keyed)
{
    enum token_verdict v = TOKEN_FIRST;
    if (over)
        return TOKEN_OVER;
    if (side != c->side)
        return side == SIDE_SOURCE ? TOKEN_SOURCES : TOKEN_DESTINATIONS;
    if (c->device_required && side == SIDE_DESTINATION && t->thing[0] != '\0')
        v = judge_device(t, c, keyed);
    return v == TOKEN_FIRST && t->sides[side].used ? judge_again(&t->sides[side], c) : v;
}

void token_use(struct tunnel_record *t, const struct token_claim *c)
{
    struct record_side *s = &t->sides[c->side];
    s->used = true;
    s->has_client = c->has_client;
    memcpy(s->client, c->client, TOKEN_HASH);
}

void token_replace(struct tunnel_record *t, enum side side, const uint8_t token[TOKEN_HASH])
{
    struct record_side *s = &t->sides[side];
    memcpy(s->token, token, TOKEN_HASH);
    s->used = s->has_client = false;
    memset(s->client, 0, sizeof s->client);
}

struct admission token_refusal(enum token_verdict v, const struct tunnel_record *known)
{
    static const struct admission all[] = {
#define X(name, http, error, sentence)                                                             \
    [TOKEN_##name] = {.status = (http), .why = (error), .text = (sentence)},
        TOKEN_REFUSAL_TABLE(X)
#undef X
    };
    struct admission a = all[v];
    a.known = known;
    return a;
}

struct admission token_admission(const struct tunnel_record *t, int64_t until, int64_t now)
{
    return (struct admission){
        .tunnel = t, .left_ms = until > now ? (uint64_t)(until - now) : 0, .known = t};
}
