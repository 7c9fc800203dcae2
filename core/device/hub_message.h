/* Messages of the device link, from the hub to the device (proto/device.proto). Pure. Texts are
 * views into the bytes decoded, and come from outside. */
#ifndef CORE_DEVICE_HUB_MESSAGE_H
#define CORE_DEVICE_HUB_MESSAGE_H

#include "core/base/err.h"
#include "core/device/device_link.h"
#include "core/device/device_reason.h"

enum hub_message_kind {
    HUB_MESSAGE_OTHER, /* of a later version: to be ignored */
    HUB_MESSAGE_CHALLENGE,
    HUB_MESSAGE_WELCOME,
    HUB_MESSAGE_REFUSED,
    HUB_MESSAGE_NOTICE,
    HUB_MESSAGE_WITHDRAWN
};

struct hub_notice {
    struct span id;           /* of the notice; 1 to DEVICE_LINK_ID_MAX bytes */
    struct span access_token; /* the destination's, of the tunnel; secret */
    struct span services[DEVICE_LINK_SERVICES_MAX];
    size_t n_services;
    struct span service;   /* the one that is wanted first, or "" */
    struct span opened_by; /* who asks: an access key id, or "" */
    struct span why;       /* their words, or "" */
    struct span tunnel;    /* its id */
    uint32_t answer_ms;    /* how long the hub waits for the answer; 0: it waits for none */
};

struct hub_message {
    enum hub_message_kind kind;
    union {
        const uint8_t *nonce; /* CHALLENGE: DEVICE_NONCE_SIZE bytes */
        struct {
            bool enrolled;      /* just now, for the first time */
            bool pending;       /* An operator has to approve it first. */
            struct span device; /* the name */
        } welcome;
        struct {
            enum device_reason reason; /* or a number that we do not know */
            struct span text;          /* more about it, or "" */
        } refused;
        struct hub_notice notice;
        struct span withdrawn; /* the notice's id */
    };
};

/* Decodes one message. ERR_PROTOCOL: it is none, or says two things, or breaks a limit of
 * device_link.h. What later versions add is skipped. */
enum err hub_message_decode(const uint8_t *p, size_t n, struct hub_message *out);
/* Returns the length, or 0 when it does not fit. */
size_t hub_message_encode(const struct hub_message *m, uint8_t *out, size_t size);

#endif
