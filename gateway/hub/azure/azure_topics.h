/* The MQTT topics of Azure's device streams: how a device is told of a stream, and how it answers
 * (azure-iot-sdk-c, iothubtransport_mqtt_common.c). Pure. */
#ifndef GATEWAY_HUB_AZURE_AZURE_TOPICS_H
#define GATEWAY_HUB_AZURE_AZURE_TOPICS_H

#include "core/base/str.h"
#include "gateway/hub/devices/notices.h"

/* What a device subscribes to. */
#define AZURE_STREAMS_FILTER "$iothub/streams/POST/#"
#define AZURE_ANSWERS_FILTER "$iothub/streams/res/#"

#define AZURE_RID_SIZE 7     /* request ids that devices are given: 6 characters, and NUL */
#define AZURE_TOPIC_MAX 2048 /* bytes of a topic that tells of a stream */
#define AZURE_STREAM_NAME_MAX 128

/* Whether a stream may be called so: 1 to 128 letters, digits, '-', '_', ':' and '.'. Names are
 * levels of topics and of paths, so they have nothing that either gives a meaning. */
bool azure_stream_name_valid(struct span name);

struct azure_stream_topic {
    const char *stream; /* a valid name */
    const char *rid, *url;
    const char *token; /* of A-Z a-z 0-9 . _ -, since devices do not decode it */
};
/* Writes "$iothub/streams/POST/NAME/?$rid=…&$url=…&$auth=…". False: it does not fit. */
bool azure_topic_write(const struct azure_stream_topic *t, char *out, size_t size);

struct azure_answer {
    bool accepted;
    char rid[AZURE_RID_SIZE];
};
/* Reads the topic of a device's answer, "$iothub/streams/res/200/?$rid=…"; each code other than 200
 * rejects. False: it is none; then it may be any topic. */
bool azure_topic_read_answer(struct span topic, struct azure_answer *out);

/* Which notices the request ids of one link stand for. The last AZURE_RIDS are remembered, also
 * when they are answered, so that a second answer is known as such. A zeroed one is empty. */
#define AZURE_RIDS (2 * NOTICES_PER_DEVICE)
struct azure_rids {
    uint32_t first, next; /* numbers of ids; those from `first` were given out */
    char (*notices)[NOTICE_ID_SIZE];
};
/* A new id for that notice; the first one begins at a random number. False: no memory. */
bool azure_rids_add(struct azure_rids *r, const char *notice, char rid[AZURE_RID_SIZE]);
/* The notice's id, or NULL: none of that id was given out, or too long ago. */
const char *azure_rids_find(const struct azure_rids *r, const char *rid);
void azure_rids_free(struct azure_rids *r);

#endif
