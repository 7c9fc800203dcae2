#include "gateway/hub/azure/stream_record.h"

#include "core/base/json_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PROPERTIES_MAX ((size_t)8192)

static void put_number(struct json_writer *w, const char *name, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    json_text(w, name, span_of(text));
}

/* Numbers are texts there, and all of it is one text. NULL: no memory. */
static char *properties_of(const struct stream_record *r)
{
    struct json_writer w = {.bytes.limit = PROPERTIES_MAX};
    struct span module = span_of(r->azure_id), device = span_cut(&module, '/');
    json_open(&w, NULL, '{');
    json_text(&w, "deviceId", device);
    json_text(&w, "moduleId", module);
    json_text(&w, "sdkVersion", span_of(r->version));
    put_number(&w, "requestSize", r->request_size);
    put_number(&w, "responseSize", r->response_size);
    if (r->status != 0)
        put_number(&w, "statusCode", (uint64_t)r->status);
    else
        json_null(&w, "statusCode");
    json_text(&w, "requestName", span_of(r->stream));
    json_text(&w, "direction", span_of("c2d"));
    json_close(&w, '}');
    char *text = w.failed ? NULL : span_dup((struct span){(char *)w.bytes.data, w.bytes.size});
    buf_free(&w.bytes);
    return text;
}

void stream_record_write(struct audit *a, const struct stream_record *r)
{
    char *properties = properties_of(r), duration[24];
    snprintf(duration, sizeof duration, "%" PRId64, r->duration_ms);
    const struct log_field fields[] = {
        {"resourceId", r->resource, 0},
        {"operationName", "invoke", 0},
        {"category", "DeviceStreams", 0},
        {"resultType", r->code, 0},
        {"resultDescription", r->words, 0},
        {"level", r->code[0] != '\0' ? "Error" : "Information", 0},
        {"durationMs", duration, 0},
        {"properties", properties != NULL ? properties : "{}", 0},
        {"location", r->location, 0},
    };
    size_t n = sizeof fields / sizeof *fields;
    if (r->stranger)
        audit_stranger(a, NULL, fields, n);
    else
        audit_event(a, NULL, fields, n);
    free(properties);
}
