/* What a hub answers to ConnectDevice, checked: a tunnel, or why there is none, as clients of the
 * gateway are told. Pure. */
#ifndef GATEWAY_SOURCE_DEVICES_ANSWER_H
#define GATEWAY_SOURCE_DEVICES_ANSWER_H

#include "core/device/device_name.h"
#include "gateway/common/api/api_client.h"

#define DEVICES_ANSWER_TEXT 192
#define DEVICES_TUNNEL_ID 64

struct devices_answer {
    enum err why; /* ERR_OK: there is a tunnel */
    char device[DEVICE_NAME_MAX + 1];
    char tunnel_id[DEVICES_TUNNEL_ID + 1];
    const char *token; /* in the answer */
    /* Otherwise: a sentence of printable ASCII that says what to do next. */
    char text[DEVICES_ANSWER_TEXT];
    bool of_service; /* another service of the device may have another answer */
    bool of_key;     /* the hub does not take the access key at all */
    bool unreached;  /* the hub did not get the question, so it may be asked again at once */
};

/* fold: the device that was asked for, folded. now: ms since the epoch. An answer about another
 * device, or with a token or an id that cannot be one, is an error. */
void devices_answer_read(const struct api_answer *a, const char *fold, int64_t now,
                         struct devices_answer *out);

#endif
