/* Access tokens: 256 random bits. The hub keeps only their hashes, so only the answer that carries
 * them ever shows them. */
#include "gateway/hub/api/api_internal.h"

#include "core/base/encoding.h"
#include "core/base/random.h"

#include <stdio.h>
#include <string.h>

/* The prefix keeps a token from beginning with '-', which command lines take for an option, and
 * lets scanners for leaked secrets recognise it. */
#define TOKEN_PREFIX "st1."

static void token_new(const char *prefix, char out[ACCESS_TOKEN_SIZE])
{
    uint8_t bytes[32];
    char text[BASE64_SIZE(sizeof bytes)];
    random_bytes(bytes, sizeof bytes);
    base64_encode(bytes, sizeof bytes, text, true);
    snprintf(out, ACCESS_TOKEN_SIZE, "%s%s", prefix, text);
    explicit_bzero(bytes, sizeof bytes);
    explicit_bzero(text, sizeof text);
}

void access_token_new(char out[ACCESS_TOKEN_SIZE])
{
    token_new(TOKEN_PREFIX, out);
}

void join_token_new(char out[ACCESS_TOKEN_SIZE])
{
    token_new(JOIN_TOKEN_PREFIX, out);
}

void tokens_new(struct call *c, const char *token[SIDE_COUNT])
{
    for (int side = 0; side < SIDE_COUNT; side++) {
        token[side] = c->fresh[side] ? c->token[side] : NULL;
        if (c->fresh[side])
            access_token_new(c->token[side]);
    }
}

void write_tokens(struct call *c)
{
    static const char *const names[SIDE_COUNT] = {"sourceAccessToken", "destinationAccessToken"};
    for (size_t i = 0; i < SIDE_COUNT; i++)
        if (c->fresh[i])
            json_text(&c->out, names[i], span_of(c->token[i]));
}
