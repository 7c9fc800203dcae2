#include "core/ws/handshake.h"

#include "core/base/encoding.h"
#include "core/base/hash.h"
#include "core/http/request.h"
#include "core/http/response.h"

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

void ws_accept_key(struct span key, char out[WS_ACCEPT_SIZE])
{
    struct hash sha1;
    uint8_t digest[HASH_SIZE_MAX];
    hash_begin(&sha1, HASH_SHA1);
    hash_add(&sha1, key.p, key.n);
    hash_add(&sha1, GUID, sizeof GUID - 1);
    base64_encode(digest, hash_end(&sha1, digest), out, false);
}

/* Whether text is one word of visible ASCII, which cannot end the line that it stands in. */
static bool is_word(const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        if (*p <= ' ' || *p > '~')
            return false;
    return text[0] != '\0';
}

/* Whether text is a header value: visible ASCII with blanks between. */
static bool is_value(const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        if (*p < ' ' || *p > '~')
            return false;
    return text[0] != '\0';
}

bool ws_request_write(const struct ws_request *r, struct buf *out)
{
    const char *protocols = r->protocols;
    if (!is_word(r->host) || !is_word(r->target) || !is_word(r->key) ||
        (protocols != NULL && !is_value(protocols)))
        return false;
    const struct http_field fields[] = {{"Upgrade", "websocket"},
                                        {"Connection", "Upgrade"},
                                        {"Sec-WebSocket-Key", r->key},
                                        {"Sec-WebSocket-Version", "13"},
                                        {"Sec-WebSocket-Protocol", protocols},
                                        {NULL, NULL}};
    return http_request_write(&(struct http_request){.method = "GET",
                                                     .target = r->target,
                                                     .host = r->host,
                                                     .fields = fields,
                                                     .lines = r->extra},
                              out);
}

bool ws_response_write(const struct ws_response *r, struct buf *out)
{
    char accept[WS_ACCEPT_SIZE];
    ws_accept_key(r->key, accept);
    return http_response_line(101, NULL, out) &&
           buf_printf(out,
                      "Connection: upgrade\r\n"
                      "Upgrade: websocket\r\n"
                      "sec-websocket-accept: %s\r\n",
                      accept) &&
           (r->protocol == NULL ||
            buf_printf(out, "sec-websocket-protocol: %s\r\n", r->protocol)) &&
           buf_printf(out, "%s\r\n", r->extra);
}

static enum err wrong(const char **text, const char *why)
{
    *text = why;
    return ERR_PROTOCOL;
}

enum err ws_response_check(const struct http_head *head, const char *key, const char **text)
{
    char accept[WS_ACCEPT_SIZE];
    *text = "";
    if (head->status != 101)
        return ERR_REJECTED;
    if (head->minor < 1)
        return wrong(text, "the answer 101 is not HTTP/1.1");
    if (!http_header_has(head, "Upgrade", "websocket"))
        return wrong(text, "the answer 101 has no \"Upgrade: websocket\"");
    if (!http_header_has(head, "Connection", "upgrade"))
        return wrong(text, "the answer 101 has no \"Connection: Upgrade\"");
    ws_accept_key(span_of(key), accept);
    if (http_header_count(head, "Sec-WebSocket-Accept") != 1 ||
        !span_is(http_header(head, "Sec-WebSocket-Accept"), accept))
        return wrong(text, "the answer 101 has a wrong Sec-WebSocket-Accept");
    if (http_header(head, "Sec-WebSocket-Extensions").n > 0)
        return wrong(text, "the answer 101 has extensions that were not offered");
    return ERR_OK;
}

static bool is_key(struct span value)
{
    uint8_t bytes[18];
    return value.n == 24 && base64_decode(value, bytes) == 16;
}

enum err ws_request_check(const struct http_head *head, const char **text)
{
    *text = "";
    if (!span_is(head->method, "GET"))
        return wrong(text, "a WebSocket begins with GET");
    if (head->minor < 1)
        return wrong(text, "a WebSocket needs HTTP/1.1");
    if (http_header(head, "Host").n == 0)
        return wrong(text, "the Host header is missing");
    if (!http_header_has(head, "Upgrade", "websocket"))
        return wrong(text, "the header \"Upgrade: websocket\" is missing");
    if (!http_header_has(head, "Connection", "upgrade"))
        return wrong(text, "the header \"Connection: Upgrade\" is missing");
    if (http_header_count(head, "Sec-WebSocket-Version") != 1 ||
        !span_is(http_header(head, "Sec-WebSocket-Version"), "13"))
        return wrong(text, "Sec-WebSocket-Version must be 13");
    if (http_header_count(head, "Sec-WebSocket-Key") != 1 ||
        !is_key(http_header(head, "Sec-WebSocket-Key")))
        return wrong(text, "Sec-WebSocket-Key must be 16 bytes in base64");
    if (head->chunked || head->content_length > 0)
        return wrong(text, "a WebSocket request has no body");
    return ERR_OK;
}
