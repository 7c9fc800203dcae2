/* A notice that a device keeps: who wants what of it, and the token of its end of the tunnel. */
#ifndef GATEWAY_DESTINATION_DEVICE_REQUEST_H
#define GATEWAY_DESTINATION_DEVICE_REQUEST_H

#include "core/device/hub_message.h"

struct device_request {
    char id[DEVICE_LINK_ID_MAX + 1];
    char *tunnel;       /* its id */
    char *access_token; /* secret */
    char *services;     /* "SSH1,HTTP1" */
    char *service;      /* the one that is wanted first, or "" */
    char *opened_by;    /* these two for people; "": not told. Unchecked text, cut at a NUL */
    char *why;
    uint64_t answer_ms; /* how long the hub waits for the answer; 0: it waits for none */
};

struct device_request *device_request_new(const struct hub_notice *n); /* NULL: no memory */
void device_request_free(struct device_request *r); /* wipes the token; NULL is fine */

#endif
