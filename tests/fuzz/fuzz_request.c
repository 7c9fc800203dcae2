/* What a stranger asks of the hub: the rules for requests. The oracle: a refusal says why, and what
 * is let in has all that the hub goes on with. */
#include "gateway/hub/relay/request.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

static void must_be_a_way_in(const struct http_head *head, const struct request *r)
{
    MUST(span_is(head->method, "GET") && (r->side == SIDE_SOURCE || r->side == SIDE_DESTINATION));
    MUST(r->token.n > 0 && r->key.n == 24 && r->version >= 1 && r->version <= 3);
    MUST(r->protocol != NULL && http_header_has(head, "Sec-WebSocket-Protocol", r->protocol));
    MUST(r->client_token.p == NULL ||
         (r->client_token.n >= CLIENT_TOKEN_MIN && r->client_token.n <= CLIENT_TOKEN_MAX));
    MUST(r->instance.n == 0 || r->instance.n == INSTANCE_SIZE);
    MUST(!head->chunked && head->content_length <= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_reader *reader = http_reader_new(HTTP_REQUEST, REQUEST_MAX);
    MUST(reader != NULL);
    (void)http_reader_feed(reader, data, size);
    const struct http_head *head = http_reader_head(reader);
    if (head != NULL) {
        struct request r = request_check(head);
        if (r.kind == REQUEST_REFUSED)
            MUST(r.status >= 400 && r.status < 500 && r.text != NULL && r.text[0] != '\0');
        if (r.kind == REQUEST_TUNNEL)
            must_be_a_way_in(head, &r);
    }
    http_reader_free(reader);
    return 0;
}
