/* Requests of Azure's service programs. Input: a request's head. The oracle: what is accepted has a
 * valid id and stream, in their bounds, and its resource read again is the same request. */
#include "core/base/encoding.h"
#include "gateway/hub/azure/azure_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

/* Each level of a path, encoded. */
static void encode_path(const char *path, char *out)
{
    struct span rest = span_of(path + 1);
    while (rest.n > 0) {
        *out++ = '/';
        percent_encode(span_cut(&rest, '/'), out);
        out += strlen(out);
    }
}

static void again(const struct azure_request *r)
{
    char resource[AZURE_RESOURCE_SIZE], target[3 * AZURE_RESOURCE_SIZE + 1] = "";
    azure_request_resource(r, resource);
    encode_path(resource, target);
    const struct http_head head = {
        .request = true, .method = span_of("POST"), .target = span_of(target)};
    MUST(azure_wants(&head) && azure_may_wait(&head));
    struct azure_request same = azure_request_read(&head);
    MUST(same.error == AZURE_NONE && strcmp(same.azure_id, r->azure_id) == 0);
    MUST(strcmp(same.stream, r->stream) == 0 && same.connect_ms == 0);
}

static void judge(const struct http_head *head)
{
    struct azure_request r = azure_request_read(head);
    MUST((r.error == AZURE_NONE) == (r.problem == NULL));
    MUST(r.connect_ms <= AZURE_HANDSHAKE_MS && r.response_ms <= AZURE_HANDSHAKE_MS);
    if (r.error != AZURE_NONE || r.kind != AZURE_STREAM)
        return;
    MUST(azure_stream_name_valid(span_of(r.stream)) && r.response_ms > 0);
    MUST(strlen(r.azure_id) >= 1 && strlen(r.azure_id) <= DEVICE_AZURE_ID_MAX);
    again(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_reader *r = http_reader_new(HTTP_REQUEST, 16384);
    MUST(r != NULL);
    http_reader_feed(r, data, size);
    const struct http_head *head = http_reader_head(r);
    if (head != NULL && azure_wants(head))
        judge(head);
    http_reader_free(r);
    return 0;
}
