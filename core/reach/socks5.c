#include "core/reach/socks5.h"

#include <string.h>

enum { VERSION = 5, NO_LOGIN = 0, PASSWORD = 2, NO_METHOD = 0xff, CONNECT = 1 };
enum { IPV4 = 1, NAME = 3, IPV6 = 4 };

static bool put(struct buf *out, uint8_t byte)
{
    return buf_append(out, &byte, 1);
}

/* Writes a length in one byte, and that many bytes. */
static bool put_text(struct buf *out, const char *text)
{
    size_t n = strlen(text);
    return n <= 255 && put(out, (uint8_t)n) && buf_append(out, text, n);
}

bool socks5_begin(struct socks5 *s, struct buf *out)
{
    static const uint8_t open[] = {VERSION, 1, NO_LOGIN};
    static const uint8_t both[] = {VERSION, 2, NO_LOGIN, PASSWORD};
    bool login = s->user != NULL;
    if (login && (strlen(s->user) > 255 || strlen(s->password) > 255))
        return false;
    if (s->address == NULL && strlen(s->host) > 255)
        return false;
    s->step = SOCKS5_METHOD;
    s->n = 0;
    return login ? buf_append(out, both, sizeof both) : buf_append(out, open, sizeof open);
}

static bool put_target(const struct socks5 *s, struct buf *out)
{
    const union address *a = s->address;
    if (a == NULL)
        return put(out, NAME) && put_text(out, s->host);
    if (a->any.sa_family == AF_INET)
        return put(out, IPV4) && buf_append(out, &a->v4.sin_addr, 4);
    return put(out, IPV6) && buf_append(out, &a->v6.sin6_addr, 16);
}

static enum err ask(struct socks5 *s, struct buf *out)
{
    s->step = SOCKS5_REPLY;
    return put(out, VERSION) && put(out, CONNECT) && put(out, 0) && put_target(s, out) &&
                   put(out, (uint8_t)(s->port >> 8)) && put(out, (uint8_t)s->port)
               ? ERR_OK
               : ERR_NO_MEMORY;
}

static enum err told(const char **text, enum err why, const char *sentence)
{
    *text = sentence;
    return why;
}

static enum err method_chosen(struct socks5 *s, struct buf *out, const char **text)
{
    if (s->in[1] == NO_LOGIN)
        return ask(s, out);
    if (s->in[1] == PASSWORD && s->user != NULL) {
        s->step = SOCKS5_LOGIN;
        return put(out, 1) && put_text(out, s->user) && put_text(out, s->password) ? ERR_OK
                                                                                   : ERR_NO_MEMORY;
    }
    if (s->in[1] == NO_METHOD)
        return s->user != NULL ? told(text, ERR_AUTH, "it takes neither user and password nor none")
                               : told(text, ERR_AUTH,
                                      "it wants a login: give user:password in the proxy's URL");
    return told(text, ERR_PROTOCOL, "it chose a login that was not offered");
}

static enum err replied(struct socks5 *s, const char **text)
{
    static const struct {
        enum err why;
        const char *text;
        bool elsewhere;
    } replies[] = {
        {ERR_OK, "", false},
        {ERR_REJECTED, "it could not make the connection (general failure)", true},
        {ERR_REJECTED, "its rules do not allow the connection", false},
        {ERR_UNREACHABLE, "it cannot reach the network", true},
        {ERR_UNREACHABLE, "it cannot reach the host, or does not find its name", true},
        {ERR_REFUSED, "the connection was refused behind it", true},
        {ERR_TIMEOUT, "the connection timed out behind it", true},
        {ERR_UNSUPPORTED, "it does not make connections (CONNECT)", false},
        {ERR_UNSUPPORTED, "it does not know this type of address", true},
    };
    size_t code = s->in[1];
    if (code >= sizeof replies / sizeof *replies)
        return told(text, ERR_PROTOCOL, "it gave an unknown reason for a refusal");
    s->elsewhere = replies[code].elsewhere;
    if (code == 0)
        s->step = SOCKS5_DONE;
    return told(text, replies[code].why, replies[code].text);
}

/* Returns how many bytes the current message has, as far as that is known: a lower bound. */
static size_t needed(const struct socks5 *s)
{
    if (s->step != SOCKS5_REPLY)
        return 2;
    if (s->n < 5)
        /* Some proxies send only these two bytes to refuse. */
        return s->n >= 2 && s->in[1] != 0 ? 2 : 5;
    return 6 + (s->in[3] == IPV4 ? 4 : s->in[3] == IPV6 ? 16 : 1u + s->in[4]);
}

static enum err message(struct socks5 *s, struct buf *out, const char **text)
{
    enum socks5_step step = s->step;
    enum err why = ERR_OK;
    if (step == SOCKS5_METHOD)
        why = method_chosen(s, out, text);
    else if (step == SOCKS5_REPLY)
        why = replied(s, text);
    else if (s->in[1] != 0)
        why = told(text, ERR_AUTH, "it did not accept user and password");
    else
        why = ask(s, out);
    s->n = 0;
    return why;
}

/* Checks the first byte of a message. RFC 1929 has its own version number, in place of which some
 * proxies send that of SOCKS. */
static bool is_version(const struct socks5 *s)
{
    return s->in[0] == VERSION || (s->step == SOCKS5_LOGIN && s->in[0] == 1);
}

long socks5_feed(struct socks5 *s, const uint8_t *p, size_t n, struct buf *out, const char **text)
{
    size_t used = 0;
    while (used < n && s->step != SOCKS5_DONE) {
        enum err why = ERR_OK;
        s->in[s->n++] = p[used++];
        if (!is_version(s) || (s->step == SOCKS5_REPLY && s->n == 4 && s->in[3] != IPV4 &&
                               s->in[3] != IPV6 && s->in[3] != NAME))
            why = told(text, ERR_PROTOCOL, "its answer is not SOCKS5");
        else if (s->n >= needed(s))
            why = message(s, out, text);
        if (why == ERR_NO_MEMORY)
            *text = err_text(why);
        if (why != ERR_OK)
            return -(long)why;
    }
    return (long)used;
}
