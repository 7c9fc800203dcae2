/* SOCKS greetings and requests. The oracle: fed whole and fed in pieces, the same comes out. Input:
 * one byte of flags, then what the client sends. */
#include "gateway/source/socks.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

struct outcome {
    enum socks_state state;
    enum err why;
    size_t used, out_size;
    uint8_t out[4 * SOCKS_OUTPUT_MAX];
    struct socks_request request;
};

static void take_output(struct socks *s, struct outcome *o)
{
    uint8_t out[SOCKS_OUTPUT_MAX];
    size_t n = socks_output(s, out);
    MUST(o->out_size + n <= sizeof o->out);
    memcpy(o->out + o->out_size, out, n);
    o->out_size += n;
}

static void talk(uint8_t flags, const uint8_t *p, size_t n, size_t most, struct outcome *o)
{
    struct socks *s = socks_new((enum socks_auth)(flags % 3));
    MUST(s != NULL);
    memset(o, 0, sizeof *o);
    while (o->used < n && socks_state(s) == SOCKS_MORE) {
        size_t piece = n - o->used < most ? n - o->used : most;
        size_t used = socks_feed(s, p + o->used, piece);
        MUST(used <= piece && (used == piece || socks_state(s) != SOCKS_MORE));
        o->used += used;
        if (socks_state(s) == SOCKS_CHECK)
            socks_authenticated(s, (flags & 4) != 0);
        take_output(s, o);
    }
    o->state = socks_state(s);
    o->why = socks_why(s);
    o->request = *socks_request(s);
    socks_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole, split;
    if (size == 0)
        return 0;
    talk(data[0], data + 1, size - 1, size, &whole);
    for (size_t most = 1; most < 5; most++) {
        talk(data[0], data + 1, size - 1, most, &split);
        MUST(memcmp(&whole, &split, sizeof whole) == 0);
    }
    MUST((whole.state == SOCKS_FAILED) == (whole.why != ERR_OK));
    if (whole.state == SOCKS_DONE)
        MUST(whole.request.command == SOCKS_CONNECT && whole.request.host[0] != '\0');
    MUST(strlen(whole.request.host) <= SOCKS_NAME_MAX &&
         strlen(whole.request.user) <= SOCKS_NAME_MAX);
    return 0;
}
