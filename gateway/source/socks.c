#include "gateway/source/socks.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum { METHOD_NONE = 0, METHOD_PASSWORD = 2, METHOD_NO_MATCH = 0xff };
enum { ADDRESS_IPV4 = 1, ADDRESS_NAME = 3, ADDRESS_IPV6 = 4 };
enum { V4_GRANTED = 90, V4_REJECTED = 91, V4_AUTH = 93 };

/* Each step takes the bytes that its name says. */
enum step {
    VERSION,
    METHOD_COUNT,
    METHODS,
    AUTH_VERSION,
    USER_SIZE,
    USER,
    PASSWORD_SIZE,
    PASSWORD,
    REQUEST_HEAD,
    HOST_SIZE,
    HOST,
    ADDRESS,
    PORT,
    V4_HEAD,
    V4_USER,
    V4_HOST,
    STOPPED
};

struct socks {
    enum socks_auth auth;
    enum step step;
    enum socks_state state;
    enum err why;
    size_t want, have;           /* bytes of the present step */
    uint8_t raw[SOCKS_NAME_MAX]; /* the bytes that the present step has collected */
    uint8_t out[SOCKS_OUTPUT_MAX];
    size_t out_size;
    struct socks_request request;
};

struct socks *socks_new(enum socks_auth auth)
{
    struct socks *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->auth = auth;
    s->want = 1;
    return s;
}

void socks_free(struct socks *s)
{
    if (s == NULL)
        return;
    explicit_bzero(s, sizeof *s);
    free(s);
}

enum socks_state socks_state(const struct socks *s)
{
    return s->state;
}

enum err socks_why(const struct socks *s)
{
    return s->why;
}

const struct socks_request *socks_request(const struct socks *s)
{
    return &s->request;
}

bool socks_idle(const struct socks *s)
{
    return s->state == SOCKS_MORE && s->step == REQUEST_HEAD && s->have == 0;
}

static void put(struct socks *s, const uint8_t *p, size_t n)
{
    if (n > sizeof s->out - s->out_size)
        n = sizeof s->out - s->out_size;
    memcpy(s->out + s->out_size, p, n);
    s->out_size += n;
}

size_t socks_output(struct socks *s, uint8_t out[SOCKS_OUTPUT_MAX])
{
    size_t n = s->out_size;
    memcpy(out, s->out, n);
    s->out_size = 0;
    return n;
}

size_t socks_reply(int version, enum err why, uint8_t out[SOCKS_REPLY_MAX])
{
    memset(out, 0, SOCKS_REPLY_MAX);
    if (version == 4) {
        out[1] = why == ERR_OK ? V4_GRANTED : why == ERR_AUTH ? V4_AUTH : V4_REJECTED;
        return 8;
    }
    out[0] = 5;
    out[1] = (uint8_t)err_socks5(why);
    out[3] = ADDRESS_IPV4;
    return 10;
}

static void next(struct socks *s, enum step step, size_t want)
{
    s->step = step;
    s->want = want;
    s->have = 0;
}

static void stop(struct socks *s, enum socks_state state, enum err why)
{
    next(s, STOPPED, 0);
    s->state = state;
    s->why = why;
}

static void fail(struct socks *s, enum err why)
{
    uint8_t reply[SOCKS_REPLY_MAX];
    put(s, reply, socks_reply(s->request.version, why, reply));
    stop(s, SOCKS_FAILED, why);
}

/* Copies the collected bytes as text. False: a NUL is among them. */
static bool text(struct socks *s, char out[SOCKS_NAME_MAX + 1])
{
    memcpy(out, s->raw, s->have);
    out[s->have] = '\0';
    return memchr(s->raw, 0, s->have) == NULL;
}

/* A name. npm's undici sends "[2001:db8::1]" as one, with the brackets of its URL. */
static bool host_text(struct socks *s)
{
    char *host = s->request.host, bare[INET6_ADDRSTRLEN];
    unsigned char address[16];
    bool fine = text(s, host);
    if (s->have < 3 || s->have - 2 >= sizeof bare || host[0] != '[' || host[s->have - 1] != ']')
        return fine;
    memcpy(bare, host + 1, s->have - 2);
    bare[s->have - 2] = '\0';
    if (inet_pton(AF_INET6, bare, address) == 1)
        memcpy(host, bare, s->have - 1);
    return fine;
}

static void choose_method(struct socks *s)
{
    bool none = memchr(s->raw, METHOD_NONE, s->have) != NULL;
    bool password = memchr(s->raw, METHOD_PASSWORD, s->have) != NULL;
    uint8_t answer[2] = {5, METHOD_NO_MATCH};
    if (password && (s->auth != SOCKS_AUTH_NONE || !none))
        answer[1] = METHOD_PASSWORD;
    else if (none && s->auth != SOCKS_AUTH_REQUIRED)
        answer[1] = METHOD_NONE;
    put(s, answer, sizeof answer);
    if (answer[1] == METHOD_NO_MATCH)
        stop(s, SOCKS_FAILED, ERR_AUTH);
    else if (answer[1] == METHOD_PASSWORD)
        next(s, AUTH_VERSION, 1);
    else
        next(s, REQUEST_HEAD, 4);
}

void socks_authenticated(struct socks *s, bool right)
{
    const uint8_t answer[2] = {1, right ? 0 : 1};
    put(s, answer, sizeof answer);
    if (!right) {
        stop(s, SOCKS_FAILED, ERR_AUTH);
        return;
    }
    s->state = SOCKS_MORE;
    next(s, REQUEST_HEAD, 4);
}

static void credentials(struct socks *s)
{
    if (s->auth == SOCKS_AUTH_REQUIRED)
        stop(s, SOCKS_CHECK, ERR_OK);
    else
        socks_authenticated(s, true);
}

static void request_head(struct socks *s)
{
    s->request.command = s->raw[1];
    if (s->raw[0] != 5) {
        fail(s, ERR_PROTOCOL);
        return;
    }
    switch (s->raw[3]) {
    case ADDRESS_IPV4:
        next(s, ADDRESS, 4);
        break;
    case ADDRESS_IPV6:
        next(s, ADDRESS, 16);
        break;
    case ADDRESS_NAME:
        next(s, HOST_SIZE, 1);
        break;
    default:
        fail(s, ERR_ADDRESS_TYPE);
    }
}

static void complete(struct socks *s)
{
    if (s->request.command == SOCKS_CONNECT)
        stop(s, SOCKS_DONE, ERR_OK);
    else
        fail(s, ERR_UNSUPPORTED);
}

static void address(struct socks *s)
{
    int family = s->have == 4 ? AF_INET : AF_INET6;
    s->request.literal = true;
    inet_ntop(family, s->raw, s->request.host, sizeof s->request.host);
    next(s, PORT, 2);
}

static void v4_head(struct socks *s)
{
    const uint8_t *ip = s->raw + 3;
    s->request.command = s->raw[0];
    s->request.port = s->raw[1] << 8 | s->raw[2];
    s->request.literal = ip[0] != 0 || ip[1] != 0 || ip[2] != 0 || ip[3] == 0;
    inet_ntop(AF_INET, ip, s->request.host, sizeof s->request.host);
    next(s, V4_USER, SOCKS_NAME_MAX + 1);
}

/* SOCKS4 has no password, and its user id proves nothing. */
static void v4_complete(struct socks *s)
{
    if (s->auth == SOCKS_AUTH_REQUIRED)
        fail(s, ERR_AUTH);
    else
        complete(s);
}

static void v4_string(struct socks *s)
{
    if (s->step == V4_USER) {
        text(s, s->request.user);
        if (s->request.literal)
            v4_complete(s);
        else
            next(s, V4_HOST, SOCKS_NAME_MAX + 1);
    } else if (s->have == 0) {
        fail(s, ERR_PROTOCOL);
    } else {
        host_text(s);
        v4_complete(s);
    }
}

/* Collects a byte of a string that ends with a NUL. */
static void v4_byte(struct socks *s, uint8_t byte)
{
    if (byte == 0)
        v4_string(s);
    else if (s->have == SOCKS_NAME_MAX)
        fail(s, ERR_TOO_LARGE);
    else
        s->raw[s->have++] = byte;
}

static void version(struct socks *s)
{
    s->request.version = s->raw[0] == 4 ? 4 : 5;
    if (s->raw[0] == 5)
        next(s, METHOD_COUNT, 1);
    else if (s->raw[0] == 4)
        next(s, V4_HEAD, 7);
    else
        fail(s, ERR_PROTOCOL);
}

static void method_count(struct socks *s)
{
    next(s, METHODS, s->raw[0]);
}

static void auth_version(struct socks *s)
{
    if (s->raw[0] == 1)
        next(s, USER_SIZE, 1);
    else
        socks_authenticated(s, false);
}

static void user_size(struct socks *s)
{
    next(s, USER, s->raw[0]);
}

static void user(struct socks *s)
{
    if (text(s, s->request.user))
        next(s, PASSWORD_SIZE, 1);
    else
        socks_authenticated(s, false);
}

static void password_size(struct socks *s)
{
    next(s, PASSWORD, s->raw[0]);
}

static void password(struct socks *s)
{
    if (text(s, s->request.password))
        credentials(s);
    else
        socks_authenticated(s, false);
    explicit_bzero(s->raw, sizeof s->raw);
}

static void host_size(struct socks *s)
{
    if (s->raw[0] == 0)
        fail(s, ERR_PROTOCOL);
    else
        next(s, HOST, s->raw[0]);
}

static void host(struct socks *s)
{
    if (host_text(s))
        next(s, PORT, 2);
    else
        fail(s, ERR_PROTOCOL);
}

static void port(struct socks *s)
{
    s->request.port = s->raw[0] << 8 | s->raw[1];
    complete(s);
}

/* What each step does once all its bytes are there. V4_USER and V4_HOST, which end with a NUL, are
 * v4_byte's. */
static void (*const collected[])(struct socks *s) = {
    [VERSION] = version,
    [METHOD_COUNT] = method_count,
    [METHODS] = choose_method,
    [AUTH_VERSION] = auth_version,
    [USER_SIZE] = user_size,
    [USER] = user,
    [PASSWORD_SIZE] = password_size,
    [PASSWORD] = password,
    [REQUEST_HEAD] = request_head,
    [HOST_SIZE] = host_size,
    [HOST] = host,
    [ADDRESS] = address,
    [PORT] = port,
    [V4_HEAD] = v4_head,
};

size_t socks_feed(struct socks *s, const uint8_t *p, size_t n)
{
    size_t used = 0;
    while (s->state == SOCKS_MORE && used < n) {
        if (s->step == V4_USER || s->step == V4_HOST) {
            v4_byte(s, p[used++]);
            continue;
        }
        if (s->have < s->want)
            s->raw[s->have++] = p[used++];
        /* A size may be zero: such a step is complete without a byte. */
        while (s->state == SOCKS_MORE && s->have == s->want)
            collected[s->step](s);
    }
    return used;
}
