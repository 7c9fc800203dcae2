/* Access tokens: 256 random bits. The hub keeps their hashes only, so the answer that carries them
 * is the one time that they are seen. */
#include "gateway/hub/api/api_internal.h"

#include <stdio.h>
#include <string.h>

/* Never begins with '-', which command lines would take for an option; says what it is to those who
 * search for secrets that got lost. */
#define TOKEN_PREFIX "st1."

void token_new(struct call *c, enum side side)
{
    uint8_t bytes[32];
    char text[BASE64_SIZE(sizeof bytes)];
    random_bytes(bytes, sizeof bytes);
    base64_encode(bytes, sizeof bytes, text, true);
    snprintf(c->token[side], sizeof c->token[side], TOKEN_PREFIX "%s", text);
    token_hash(span_of(c->token[side]), c->hash[side]);
    c->fresh[side] = true;
    explicit_bzero(bytes, sizeof bytes);
    explicit_bzero(text, sizeof text);
}

void write_tokens(struct call *c)
{
    static const char *const names[SIDE_COUNT] = {"sourceAccessToken", "destinationAccessToken"};
    for (size_t i = 0; i < SIDE_COUNT; i++)
        if (c->fresh[i])
            json_text(&c->out, names[i], span_of(c->token[i]));
}
