/* Access keys: who may call the control API, and for what; and policies, which is what Azure calls
 * the keys of its service programs. They come from the keys file (ini), which must have mode 0600
 * or less and belong to the hub's user or root.
 *
 *   [key AKIDEXAMPLE]
 *   secret = wJalrXUtnFEMI...      ; 16 characters or more
 *   operations = OpenTunnel DescribeTunnel ListTunnels    ; absent: all
 *   things = plant-* press7        ; globs (* and ?); absent: all, and tunnels without a thing
 *   services = SSH* HTTP1          ; globs: what a tunnel may be opened for, or its tokens rotated;
 *                                  ; absent: all, and tunnels without services
 *   tags = team=ops site           ; what a tunnel must carry (KEY=VALUE or KEY); absent: nothing
 *   client-modes = SOURCE          ; which tokens it may have rotated; absent: all
 *   may-delete = no                ; CloseTunnel with delete; absent: yes
 *
 *   [policy service]               ; may open streams to devices, and nothing else
 *   primary-key = MDEyMzQ1Njc4...  ; base64 of 16 to 64 bytes
 *   secondary-key = ...            ; another one, which is as good; absent: none
 *   things = plant-*               ; as above; services are the streams' names, tags the devices'
 *                                  ; labels
 *
 * No policy has the name of an access key. Words are separated by blanks or commas; a setting
 * without a word is refused. The AWS names of the same: actions, thing and tunnel resources,
 * iot:TunnelDestinationService, aws:RequestTag and aws:ResourceTag, iot:ClientMode, iot:Delete.
 * Pure once it is read. */
#ifndef GATEWAY_HUB_API_KEYS_H
#define GATEWAY_HUB_API_KEYS_H

#include "core/base/err.h"
#include "core/base/str.h"
#include "gateway/hub/registry/record.h"

#include <stdbool.h>

struct access_key;
struct device_secret;
struct keys;

/* X(name, text, whose). In X-Amz-Target stands the service before the text, with a point between
 * them; a refusal names the action. AWS: an operation of AWS IoT Secure Tunneling. HUB: one that
 * only this hub has. DEVICES: one of these that is about a device or an invitation. */
#define OPERATION_TABLE(X)                                                                         \
    X(OPEN, "OpenTunnel", AWS)                                                                     \
    X(CLOSE, "CloseTunnel", AWS)                                                                   \
    X(DESCRIBE, "DescribeTunnel", AWS)                                                             \
    X(LIST, "ListTunnels", AWS)                                                                    \
    X(ROTATE, "RotateTunnelAccessToken", AWS)                                                      \
    X(TAG, "TagResource", AWS)                                                                     \
    X(UNTAG, "UntagResource", AWS)                                                                 \
    X(LIST_TAGS, "ListTagsForResource", AWS)                                                       \
    X(CUT_KEY, "CutKey", HUB)                                                                      \
    X(CONNECT_DEVICE, "ConnectDevice", DEVICES)                                                    \
    X(LIST_DEVICES, "ListDevices", DEVICES)                                                        \
    X(DESCRIBE_DEVICE, "DescribeDevice", DEVICES)                                                  \
    X(UPDATE_DEVICE, "UpdateDevice", DEVICES)                                                      \
    X(RESET_DEVICE, "ResetDevice", DEVICES)                                                        \
    X(DELETE_DEVICE, "DeleteDevice", DEVICES)                                                      \
    X(CREATE_DEVICE, "CreateDevice", DEVICES)                                                      \
    X(ROTATE_DEVICE_KEYS, "RotateDeviceKeys", DEVICES)                                             \
    X(CREATE_INVITATION, "CreateInvitation", DEVICES)                                              \
    X(LIST_INVITATIONS, "ListInvitations", DEVICES)                                                \
    X(DELETE_INVITATION, "DeleteInvitation", DEVICES)
#define OPERATION_SERVICE_AWS "IoTSecuredTunneling"
#define OPERATION_SERVICE_HUB "TunnelHub"
#define OPERATION_SERVICE_DEVICES OPERATION_SERVICE_HUB
#define OPERATION_ACTIONS_AWS "iot:"
#define OPERATION_ACTIONS_HUB "tunnelhub:"
#define OPERATION_ACTIONS_DEVICES OPERATION_ACTIONS_HUB
enum operation {
#define X(name, text, whose) OPERATION_##name,
    OPERATION_TABLE(X)
#undef X
        OPERATION_COUNT
};
const char *operation_name(enum operation o);
bool operation_from(struct span name, enum operation *out);
const char *operation_service(enum operation o); /* "TunnelHub": what stands before the name */

/* Reads the file. NULL with *why and a sentence: ERR_PERMISSION when others can read or change the
 * file, ERR_USAGE ("FILE:LINE: …") when something in it is wrong. The sentence never has a secret
 * in it: of a line that is not "key = value" it quotes 12 characters at most. */
struct keys *keys_read(const char *path, enum err *why, char *text, size_t size);
/* Adds an owner: k and its access_keys live until each owner has freed it. NULL is fine. */
struct keys *keys_ref(struct keys *k);
void keys_free(struct keys *k); /* the last owner's call wipes the secrets */
size_t keys_count(const struct keys *k);
const struct access_key *keys_find(const struct keys *k, struct span id); /* or NULL */
struct span access_key_secret(const struct access_key *k);                /* empty for a policy */
/* A policy's key; NULL: k is none, or has no secondary one. */
const struct device_secret *access_key_of_policy(const struct access_key *k, bool secondary);
const char *access_key_id(const struct access_key *k);

/* What is asked for. For OPEN the fields describe the tunnel to be; for the others they are the
 * existing tunnel's. LIST and CUT_KEY ask without a tunnel, and key_sees then picks those that they
 * are about. Of the operations on devices the thing is the device's name, and the tags are its
 * labels. TAG asks twice, with the tags as they are and as they would be, so that no key can move a
 * tunnel out of its reach into another key's. */
struct access_request {
    enum operation operation;
    const char *thing; /* or NULL */
    const struct texts *services;
    const struct tags *tags;
    bool source, destination; /* ROTATE: sides whose tokens are replaced */
    bool remove;              /* CLOSE with delete; DELETE_DEVICE */
    /* CREATE_INVITATION, DELETE_INVITATION: globs of names, in place of a thing. */
    const struct texts *names;
    const struct texts *untag; /* UNTAG: keys to remove; a required key must stay */
};
/* NULL: allowed; else a sentence for the client that names what is missing. */
const char *key_denies(const struct access_key *k, const struct access_request *w);
/* The same for what can be decided without a tunnel. */
const char *key_denies_operation(const struct access_key *k, enum operation o);
/* Whether a tunnel of that thing and tags is one of those that LIST shows to k and CUT_KEY closes.
 */
bool key_sees(const struct access_key *k, const char *thing, const struct tags *tags);
/* The same for invitations: all names that they are for must be things of the key. */
bool key_sees_names(const struct access_key *k, const struct texts *names,
                    const struct tags *labels);
/* Whether k may open a tunnel for that service. */
bool key_permits_service(const struct access_key *k, const char *service);
/* Then key_sees takes time in proportion to the tags. */
bool key_reads_tags(const struct access_key *k);

#endif
