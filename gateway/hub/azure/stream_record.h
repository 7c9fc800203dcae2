/* The audit log's line of a stream in Azure's form: a record of the category DeviceStreams, with
 * the names of fields that Azure Monitor has (--audit-format azure). */
#ifndef GATEWAY_HUB_AZURE_STREAM_RECORD_H
#define GATEWAY_HUB_AZURE_STREAM_RECORD_H

#include "gateway/hub/api/audit.h"

#include <stdbool.h>
#include <stdint.h>

struct stream_record {
    const char *azure_id; /* "pump", or "edge/module"; "" when it is not known */
    const char *stream, *version;
    const char *resource, *location; /* which hub: its account, and region */
    const char *code;                /* what went wrong, as "DeviceNotOnline"; "": nothing */
    const char *words;               /* the same in words; "" for none */
    int status;                      /* HTTP status of an error; 0: there was none */
    int64_t duration_ms;
    size_t request_size, response_size; /* bytes of the bodies */
    bool stranger;                      /* who asked is not known (audit_stranger) */
};
void stream_record_write(struct audit *a, const struct stream_record *r);

#endif
