/* Streams to devices that speak Azure's wire: they are told of a bridge, and come to it. */
#include "gateway/hub/streams_internal.h"

#include <stdio.h>
#include <string.h>

enum stream_result stream_result_of(const struct notice_answer *a, const char **words)
{
    static const struct {
        enum stream_result result;
        const char *words;
    } rows[NOTICE_RESULTS] = {
        [NOTICE_ACCEPTED] = {STREAM_ACCEPTED, NULL},
        [NOTICE_AWAY] = {STREAM_OFFLINE, "The device has left."},
        [NOTICE_REJECTED] = {STREAM_REJECTED, NULL},
        [NOTICE_SILENT] = {STREAM_SILENT, NULL},
        [NOTICE_FULL] = {STREAM_BUSY, "Too many others are asking for this device."},
        [NOTICE_CROWDED] = {STREAM_QUOTA, "The policy has too many tunnels to this device."},
        [NOTICE_UNFIT] = {STREAM_OFFLINE, "The device is here by a wire that has no streams."},
        [NOTICE_ENDED] = {STREAM_OFFLINE, "The tunnel to the device was closed."},
    };
    *words = a->result == NOTICE_REJECTED ? a->words : rows[a->result].words;
    return rows[a->result].result;
}

static void on_answer(void *ctx, const struct notice_answer *a)
{
    struct stream_request *r = ctx;
    const char *words;
    enum stream_result result = stream_result_of(a, &words);
    if (!stream_back(r))
        return;
    const struct bridge *b = bridges_find(bridge_desk_bridges(r->streams->o.bridges), r->bridge);
    if (result == STREAM_ACCEPTED && (b == NULL || b->ended)) {
        result = STREAM_OFFLINE;
        words = "The device has left.";
    }
    stream_answer(r, result, words);
}

void stream_by_azure(struct stream_request *r)
{
    const struct streams *s = r->streams;
    const struct bridge_spec spec = {.device = r->device,
                                     .azure_id = r->azure_id,
                                     .stream = r->stream,
                                     .policy = r->policy,
                                     .inner = r->inner};
    enum err why = ERR_OK;
    struct bridge *b = bridge_desk_make(s->o.bridges, &spec, &why);
    if (!stream_take_bridge(r, b, why))
        return;
    const struct notice q = {.device = r->device,
                             .tunnel = "",
                             .url = r->url,
                             .token = b->token[BRIDGE_DEVICE],
                             .services = &r->services,
                             .service = r->stream,
                             .opened_by = r->policy,
                             .why = "",
                             .timeout_ms = stream_left_ms(r, r->response_ms)};
    stream_asks(r);
    notices_ask(s->o.notices, &q, on_answer, r);
}
